# Each value of each knob, seen from outside: L1 works, the counters name the value, and what it switches is switched.

kurma_boot_test(NAME boot.trace_off_counts_no_reasons
  EXPECT ${every_case_passes} --expect-l0 "\"knobs\":{\"trace\":\"off\"" --expect-l0 "^,\"exits\":..$"
         --expect-l0 "^,\"turns\":...$" --expect-l0 "\"totals\":{\"exits\":[1-9][0-9]{3}"
  RUN micro --cmdline mode=tests --set trace=off)

kurma_boot_test(NAME boot.trace_counters_counts_reasons_and_keeps_no_turns
  EXPECT ${every_case_passes} --expect-l0 "\"knobs\":{\"trace\":\"counters\"" --expect-l0 "^,\"turns\":...$"
         --expect-l0 "{\"reason\":\"cpuid\",\"room\":\"reflect\",\"why\":\"l2_unconditional\",\"count\":[1-9][0-9]{3}}"
  RUN micro --cmdline mode=tests --set trace=counters)

# The ring holds 4096 turns; the last of them is the write that switched the machine off, but for the exit that did.
kurma_boot_test(NAME boot.trace_turns_keeps_the_last_4096_turns
  EXPECT ${every_case_passes} --expect-l0 "\"knobs\":{\"trace\":\"turns\""
         --expect-l0 "^(,\"turns\":.|,){\"turn\":[0-9]+,\"tsc_exit\":[0-9]+,\"tsc_entry\":[0-9]+,\"level_before\":[12],\"level_after\":[12],\"reason\":\"[a-z0-9_]+\",\"room\":\"[a-z0-9]+\",\"why\":\"[a-z0-9_]+\",\"rip\":[0-9]+,"
         --expect-l0 "^,\"turns\":.{\"turn\".*(\\n,{\"turn\":.*){4095}\\n.}$"
         --expect-l0 "\"why\":\"l1_power_port\",\"rip\":[0-9]+,.*\\n.}$"
  RUN micro --cmdline mode=tests --set trace=turns)

kurma_boot_test(NAME boot.ept02_without_large_pages_fills_more
  EXPECT ${every_case_passes} --expect-l0 "\"ept02_large_pages\":\"off\""
         --expect-l0 "\"reason\":\"ept_violation\",\"room\":\"compose\",\"why\":\"l2_ept02_fill\",\"count\":[0-9]{4,}"
  RUN micro --cmdline mode=tests --set ept02_large_pages=off)

kurma_boot_test(NAME boot.unrestricted_guest_off_leaves_micro_whole
  EXPECT ${every_case_passes} --expect-l0 "\"offer.unrestricted_guest\":\"off\""
  RUN micro --cmdline mode=tests --set offer.unrestricted_guest=off)

# A round is one exit of L2, L1's accesses to its VMCS, and VMRESUME: 3r1w makes 1+4+1 where each access is an exit, 11r3w
# 1+14+1; where none is, 2, but that 11r3w also writes the entry-interruption information, a control, which stays an exit. 200
# rounds. What L2 does without any exit is the same either way.
set(without_exits
  --expect-console "^cost l1=micro level=L2 op=rdmsr-direct n=200 min=1 median=1 max=1 exits=0 vmread=0 vmwrite=0 "
  --expect-console "^cost l1=micro level=L2 op=first-touch-l0-fills n=200 .* exits=200 ")
kurma_boot_test(NAME boot.a_trapped_vmcs_access_of_l1_costs_one_exit
  EXPECT --expect-l0 "\"vmcs_access\":\"trap\"" --expect-console "^cost l1=micro level=L2 op=cpuid-3r1w n=200 .* exits=1200 "
         --expect-console "^cost l1=micro level=L2 op=cpuid-11r3w n=200 .* exits=3200 " ${without_exits}
  RUN micro --cmdline mode=costs --set vmcs_access=trap)
kurma_boot_test(NAME boot.a_shadowed_vmcs_access_of_l1_costs_no_exit
  EXPECT --expect-l0 "\"vmcs_access\":\"shadow-direct\"" --expect-console "^cost l1=micro level=L2 op=cpuid-3r1w n=200 .* exits=400 "
         --expect-console "^cost l1=micro level=L2 op=cpuid-11r3w n=200 .* exits=600 " ${without_exits}
  RUN micro --cmdline mode=costs --set vmcs_access=shadow-direct)
# A copy can hold controls too, so that not even the 11r3w's third write exits.
kurma_boot_test(NAME boot.a_copied_vmcs_access_of_l1_costs_no_exit
  EXPECT --expect-l0 "\"vmcs_access\":\"shadow-copy\"" --expect-console "^cost l1=micro level=L2 op=cpuid-3r1w n=200 .* exits=400 "
         --expect-console "^cost l1=micro level=L2 op=cpuid-11r3w n=200 .* exits=400 " ${without_exits}
  RUN micro --cmdline mode=costs --set vmcs_access=shadow-copy)
foreach(access IN ITEMS trap shadow-copy shadow-direct)
  kurma_boot_test(NAME boot.micro_passes_its_cases_with_vmcs_access_${access}
    EXPECT ${every_case_passes} --expect-l0 "\"vmcs_access\":\"${access}\""
           --equal-bare "^test (?!kurma-(?!signature-in-l2)|error-1-vmcall-in-root)"
    RUN micro --cmdline mode=tests --set vmcs_access=${access})
endforeach()

# Two VMCSs that L1 alternates between: with room for one, each VMPTRLD writes the other back and fills vmcs02 anew.
kurma_boot_test(NAME boot.a_change_of_vmcs_costs_nothing_where_each_has_a_vmcs02
  EXPECT --expect-l0 "\"vmcs02_cache\":16" --expect-console "^cost l1=micro level=L1 op=vmptrld-alternating n=200 .* exits=200 vmread=[0-9]{1,4} vmwrite=[0-9]{1,3} "
         --expect-console "^cost l1=micro level=L2 op=cpuid-3r1w n=200 .* invvpid=0$" --expect-l0 "\"vpid_l2\":\"own\""
  RUN micro --cmdline mode=costs)
kurma_boot_test(NAME boot.a_change_of_vmcs_writes_the_other_back_where_there_is_room_for_one
  EXPECT --expect-l0 "\"vmcs02_cache\":1[^0-9]" --expect-console "^cost l1=micro level=L1 op=vmptrld-alternating n=200 .* exits=200 vmread=[0-9]{5} vmwrite=[0-9]{5} "
  RUN micro --cmdline mode=costs --set vmcs02_cache=1)
kurma_boot_test(NAME boot.without_a_tag_of_its_own_l2_costs_two_flushes_a_round
  EXPECT --expect-l0 "\"vpid_l2\":\"flush\"" --expect-console "^cost l1=micro level=L2 op=cpuid-3r1w n=200 .* exits=400 .* invvpid=400$"
  RUN micro --cmdline mode=costs --set vpid_l2=flush)
kurma_boot_test(NAME boot.micro_passes_its_cases_with_one_vmcs02_and_no_tag_for_l2
  EXPECT ${every_case_passes} RUN micro --cmdline mode=tests --set vmcs02_cache=1 --set vpid_l2=flush)

# What L1 is offered, as Linux's KVM sees it; its guest runs all the same.
function(kurma_offer_test name knob ept vpid unrestricted_guest)
  kurma_boot_test(NAME ${name} TIMEOUT 400
    EXPECT --expect-console "^second: kvm_intel ept=${ept}$" --expect-console "^second: kvm_intel vpid=${vpid}$"
           --expect-console "^second: kvm_intel unrestricted_guest=${unrestricted_guest}$"
           --expect-console "^cost l1=linux-kvm level=L2 op=cpuid n=200 "
           --expect-console "^second: the probe has measured everything$" --reject-console "ERROR|Kernel panic"
           --expect-l0 "\"${knob}\":\"off\"" ${ends_by_itself}
    RUN linux-kvm --cmdline rdinit=/second-init --module ${payloads}/second.cpio --set ${knob}=off)
  kurma_needs_payloads(${name})
  kurma_long(${name})
endfunction()
kurma_offer_test(boot.linux_kvm_shadows_page_tables_when_no_ept_is_offered offer.ept N Y N)
kurma_offer_test(boot.linux_kvm_flushes_when_no_vpid_is_offered offer.vpid Y N Y)
kurma_offer_test(boot.linux_kvm_goes_without_unrestricted_guest offer.unrestricted_guest Y Y N)

# The numbers of faults are known beforehand: an exit a page that L0 fills, an exit and L1's VMRESUME a page that L1 maps. A page that L1 maps
# faults once more where L0 does not look when L1 resumes; a block that is filled at once faults once.
function(kurma_memory_test name knob before on_demand)
  kurma_boot_test(NAME boot.${name} TIMEOUT 60
    EXPECT --expect-console "^memory l1=micro leaf=4k mapped=before pages=1024 .* exits=${before} "
           --expect-console "^memory l1=micro leaf=4k mapped=on-demand pages=1024 .* exits=${on_demand} "
           --expect-console "^micro: done$" --expect-l0 "^kurma: end power-off$"
    RUN micro --cmdline "mode=memory leaf=4k pages=1024" --set vmcs_access=shadow-direct --set ${knob})
endfunction()
kurma_memory_test(ept02_prefill_saves_a_fault ept02_prefill=on 1024 2048)
kurma_memory_test(ept02_without_prefill_faults_twice ept02_prefill=off 1024 3072)
kurma_memory_test(ept02_fault_around_fills_a_block ept02_fault_around=64 16 2048)
