# What runs on Kurma: micro and its L2, any Multiboot image. Linux KVM has a file of its own, linux.cmake.

kurma_boot_test(NAME boot.micro_l1_runs_an_l2
  EXPECT ${one_case_passes} --expect-console "^test l2-cpuid: pass$"
         --expect-l0 "\"reason\":\"cpuid\",\"room\":\"reflect\",\"why\":\"l2_unconditional\",\"count\":[1-9]"
         --expect-l0 "\"reason\":\"vmlaunch\",\"room\":\"emulate\",\"why\":\"[a-z0-9_]+\",\"count\":[1-9]"
  RUN micro --cmdline "mode=test case=l2-cpuid")

kurma_boot_test(NAME boot.micro_passes_all_its_cases
  EXPECT ${every_case_passes} --expect-console "^1[3-9][0-9] passed, 0 failed$" --reject-console "^test .*: skip"
  RUN micro --cmdline mode=tests)

# The cases of Kurma's own control call, and one at which Bochs itself stops, are skipped where there is no Kurma.
kurma_boot_test(NAME boot.micro_cases_answer_as_on_the_bare_machine
  EXPECT ${every_case_passes} --equal-bare "^test (?!kurma-(?!signature-in-l2)|error-1-vmcall-in-root)"
  RUN micro --cmdline mode=tests)

set(forms "")
foreach(form IN ITEMS vmread-register-forms vmwrite-register-forms vmread-memory-forms vmwrite-memory-forms
        vmread-narrow-field-to-memory vmptrld-memory-forms vmptrst-memory-forms vmclear-memory-forms vmxon-memory-forms
        invept-memory-forms invvpid-memory-forms operand-on-two-pages pf-of-operand pf-of-operand-tail
        pf-of-read-only-operand gp-ss-of-operand gp-at-cpl-3 vmxoff-vmxon error-4-5-launch-state
        error-1-vmcall-in-root)
  list(APPEND forms --expect-console "^test ${form}: pass$")
endforeach()
kurma_boot_test(NAME boot.every_vmx_instruction_works_in_each_operand_form
  EXPECT ${forms} ${ends_by_itself}
  RUN micro --cmdline mode=tests)

set(rows "")
foreach(row IN ITEMS
        "L1 op=cpuid" "L1 op=vmcall" "L1 op=rdmsr-trapped" "L1 op=rdmsr-direct" "L1 op=wrmsr-direct" "L1 op=out" "L1 op=in"
        "L1 op=hlt" "L1 op=mov-cr0" "L1 op=mov-cr3" "L1 op=mov-cr4" "L1 op=xsetbv" "L1 op=vmread" "L1 op=vmwrite"
        "L1 op=vmptrld-same" "L1 op=vmptrld-alternating" "L1 op=vmclear" "L1 op=invept" "L1 op=interrupt"
        "L2 op=cpuid-3r1w" "L2 op=cpuid-11r3w" "L2 op=vmcall" "L2 op=rdmsr-trapped" "L2 op=rdmsr-direct"
        "L2 op=wrmsr-trapped" "L2 op=wrmsr-direct" "L2 op=out" "L2 op=in" "L2 op=hlt" "L2 op=mov-cr0" "L2 op=mov-cr3"
        "L2 op=mov-cr4" "L2 op=xsetbv" "L2 op=first-touch-l1-maps" "L2 op=first-touch-l0-fills" "L2 op=interrupt")
  list(APPEND rows --expect-console
       "^cost l1=micro level=${row} n=200 min=[0-9]+ median=[0-9]+ max=[0-9]+ exits=[0-9]+ vmread=[0-9]+ vmwrite=[0-9]+ vmptrld=")
endforeach()
kurma_boot_test(NAME boot.micro_prints_the_cost_of_every_operation
  EXPECT ${rows} --expect-console "^micro: done$" --reject-console "ERROR|FAIL" ${ends_by_itself}
  RUN micro --cmdline mode=costs)

# Console, counters (their JSON is in L0's log) and the last tick.
kurma_boot_test(NAME boot.two_runs_are_equal_to_the_tick
  EXPECT --repeat 2 --expect-console "^micro: done$" --expect-l0 "^{\"tsc\":[0-9]+," ${ends_by_itself}
  RUN micro --cmdline mode=costs)

# Limits of the issue: the image under 1 MiB, under 64 MiB kept from L1. Each number is matched by its digits.
kurma_boot_test(NAME boot.l0_stays_small_and_says_so
  EXPECT --expect-l0 "\"memory\":{\"l0_base\":[0-9]+,\"l0_bytes\":([1-5]?[0-9]{7}|6[0-6][0-9]{6}),\"l0_image_bytes\":[0-9]{5,6},"
         --expect-l0 "^kurma: Kurma at 0x[0-9a-f]+, [0-6]?[0-9] MiB kept, image [0-9]{2,3} KiB" ${ends_by_itself}
  RUN micro --cmdline mode=info)

# Multiboot images by path.
kurma_boot_test(NAME boot.a_multiboot_image_by_path_gets_its_modules_and_command_line
  EXPECT --equal-bare "^(info (modules=|module=)(?!.*start)|micro: command line)"
         --expect-console "^info modules=2$" --expect-console "^micro: command line: mode=info extra=word$"
         --expect-console "^info module=0 .* size=[0-9]+ first=\"MIT License.*\" text=first words$"
         --expect-console "^info module=1 .* size=[0-9]+ first=\".*\" text=second$"
         --expect-console "^info loader=Kurma$" ${ends_by_itself}
  RUN ${micro_image} --cmdline "mode=info extra=word" --module "${CMAKE_SOURCE_DIR}/LICENSE=first words"
      --module "${CMAKE_SOURCE_DIR}/CMakeLists.txt=second")

kurma_boot_test(NAME boot.a_multiboot_image_without_elf_is_loaded_by_its_header
  EXPECT --equal-bare "^flat: " --expect-console "^flat: loaded by a Multiboot loader, zeroed where the header says$"
         ${ends_by_itself}
  RUN ${payloads}/flat.bin)

# GRUB takes no such image; Kurma does. Its 32-bit code is that of flat.bin.
kurma_boot_test(NAME boot.a_64_bit_elf_is_loaded_too
  EXPECT --expect-console "^flat: loaded by a Multiboot loader, zeroed where the header says$" ${ends_by_itself}
  RUN ${payloads}/64_bits.elf)
kurma_needs_payloads(boot.a_64_bit_elf_is_loaded_too)
