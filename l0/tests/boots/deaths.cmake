# L1 dies, or never ends: L0 says who and where, with the registers and the last turns; never a hang, never a guess.

# kurma_death(NAME CASE LINE WORDS...): micro's case ends the run by the death that LINE tells.
function(kurma_death name case line)
  kurma_boot_test(NAME ${name}
    EXPECT --expect-status 4 --expect-l0 "^kurma: L1 died: ${line}" --expect-l0 "^kurma:   rax 0x[0-9a-f]+$"
           --expect-l0 "^kurma:   r15 0x[0-9a-f]+$" --expect-l0 "^kurma: vmcs01:$" --expect-l0 "^kurma:   guest_rip 0x[0-9a-f]+$"
           --expect-l0 "^kurma:   guest_cr3 0x[0-9a-f]+$" --expect-l0 "^kurma: the last turns, oldest first"
           --expect-l0 "^kurma:   [0-9]+ [0-9]+ L1->L1 vmxon l1_vmx_instruction 0x10[0-9a-f]+ "
           --expect-l0 "^kurma: json-end$" --expect-l0 "^kurma: end l1-death$" --reject-l0 "panic"
           --reject-console "FAIL|passed" ${ARGN}
    RUN micro --cmdline "mode=test case=${case}" --set trace=turns)
endfunction()

kurma_death(boot.a_triple_fault_of_l1_is_told triple-fault "L1 triple-faulted$" --expect-console "^micro: triple fault$"
  --expect-l0 "^kurma:   exit_reason 0x2$")
kurma_death(boot.l1_cannot_read_l0s_memory l0-memory-l1 "L1 reached for L0's memory: 0x3de00000$"
  --expect-console "^micro: reading L0's memory at 0x3de00000$" --expect-l0 "^kurma:   guest_physical_address 0x3de00000$")
kurma_death(boot.l2_cannot_read_l0s_memory_through_ept12 l0-memory-l2 "L2 reached for L0's memory: 0x3de00000$"
  --expect-console "^micro: L2 reads L0's memory at 0x3de00000 through ept12$" --expect-l0 "^kurma: vmcs02:$"
  --expect-l0 "^kurma: vmcs12 at 0x[0-9a-f]+ " --expect-l0 "^kurma:   [0-9]+ [0-9]+ L1->L2 vmlaunch ")
kurma_death(boot.msr_lists_in_l0s_memory_are_not_read_or_written l0-memory-msr-lists "VM abort: "
  --expect-console "^micro: MSR list in L0's memory: exit store$" --reject-console "exit load"
  --expect-l0 "^kurma: VM entry of L1 failed: msr_load_reserved, entry 1 of the MSR-load area, MSR 0xffffffff ")

# Without turns to show, the log says how to get them.
kurma_boot_test(NAME boot.a_death_without_turns_says_how_to_see_them
  EXPECT --expect-status 4 --expect-l0 "^kurma: L1 died: L1 triple-faulted$"
         --expect-l0 "^kurma: no turns were recorded. run with trace=turns to see the last ones$"
  RUN micro --cmdline "mode=test case=triple-fault")

# A time-out: status 3, and every log is still there.
add_test(NAME boot.a_time_out_keeps_all_logs
  COMMAND ${python} ${tools}/kept_logs.py "--file=console.log=^micro: hanging$" "--file=l0.log=^kurma: Kurma at "
          "--file=bochs.log=Bochs x86 Emulator" "--file=grub.cfg=^multiboot /boot/0" "--file=bochsrc=^cpu: model="
          -- --name boot.a_time_out_keeps_all_logs --images ${CMAKE_BINARY_DIR} --expect-status 3
          --expect-console "^micro: hanging$" --reject-l0 "^kurma: end"
          -- micro --cmdline "mode=test case=hang" --timeout 20)
set_tests_properties(boot.a_time_out_keeps_all_logs PROPERTIES LABELS boot TIMEOUT 120)
