# Linux KVM as L1: the small guest that measures, a Linux L2, and what Linux found of the processor.

kurma_boot_test(NAME boot.linux_kvm_measures_its_guest TIMEOUT 400
  EXPECT --expect-console "^L1: Linux 6[^ ]*, /dev/kvm is ready"
         --expect-console "^cost l1=linux-kvm level=L2 op=cpuid n=200 min=[0-9]+ .* exits=[1-9][0-9]+ "
         --expect-console "^cost l1=linux-kvm level=L2 op=hlt-user n=200 "
         --expect-console "^cost l1=linux-kvm level=L2 op=first-touch-l1-maps n=200 "
         --expect-console "^cost l1=linux-kvm level=L2 op=interrupt n="
         --expect-console "^L1: switching the machine off" --reject-console "ERROR|Kernel panic" ${ends_by_itself}
  RUN linux-kvm --cmdline kurma.mode=probe)

kurma_boot_test(NAME boot.two_runs_of_linux_kvm_are_equal_to_the_tick TIMEOUT 400
  EXPECT --repeat 2 --expect-console "^cost l1=linux-kvm level=L2 op=interrupt n=" --expect-l0 "^{\"tsc\":[0-9]+,"
         ${ends_by_itself}
  RUN linux-kvm --cmdline kurma.mode=probe)

# kurma_linux_l2_test(NAME ARGS SETTLED): L1's KVM is loaded with the parameters ARGS, settles on those of SETTLED, and its
# Linux L2 reaches user space and switches itself off.
function(kurma_linux_l2_test name args settled)
  kurma_boot_test(NAME ${name} TIMEOUT 900
    EXPECT --expect-console "^L1: KVM has settled on ${settled}$"
           --expect-console "^L2: .* my init is running" --expect-console "^L2: switching off"
           --expect-console "^L1: QEMU has ended with status 0"
           --expect-console "^L1: the Linux L2 reached its user space and switched itself off"
           --reject-console "ERROR|Kernel panic" ${ends_by_itself}
    RUN linux-kvm --cmdline "kurma.mode=linux-l2 ${args}")
  kurma_long(${name})
endfunction()
kurma_linux_l2_test(boot.linux_kvm_runs_a_linux_l2 ""
  "ept=Y unrestricted_guest=Y vpid=Y enable_apicv=N")
kurma_linux_l2_test(boot.linux_kvm_without_ept_runs_a_linux_l2 kurma.kvm_args=ept=0
  "ept=N unrestricted_guest=N vpid=Y enable_apicv=N")
kurma_linux_l2_test(boot.linux_kvm_without_unrestricted_guest_runs_a_linux_l2 kurma.kvm_args=unrestricted_guest=0
  "ept=Y unrestricted_guest=N vpid=Y enable_apicv=N")
kurma_linux_l2_test(boot.linux_kvm_without_vpid_runs_a_linux_l2 kurma.kvm_args=vpid=0
  "ept=Y unrestricted_guest=Y vpid=N enable_apicv=N")
kurma_linux_l2_test(boot.linux_kvm_asked_for_apicv_runs_a_linux_l2 kurma.kvm_args=enable_apicv=1
  "ept=Y unrestricted_guest=Y vpid=Y enable_apicv=N")

# What Linux and its KVM found of the processor, line by line, but for what it measured: the list is beside the image. An entry
# of the list that no line begins with fails the test.
set(measured_facts_file ${CMAKE_SOURCE_DIR}/guests/l1-hypervisors/linux-kvm/measured-facts.txt)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${measured_facts_file})
file(STRINGS ${measured_facts_file} measured_facts REGEX "^[^#]")
set(each_measured_fact "")
foreach(fact IN LISTS measured_facts)
  list(APPEND each_measured_fact --expect-console "^fact: ${fact}")
endforeach()
list(JOIN measured_facts "|" measured_facts)
foreach(model IN ITEMS corei7_haswell_4770 corei7_skylake_x corei7_sandy_bridge_2600k)
  kurma_boot_test(NAME boot.linux_kvm_finds_on_${model}_what_it_finds_bare TIMEOUT 600
    EXPECT --equal-bare "^fact: (?!${measured_facts})" ${each_measured_fact}
           --expect-console "^fact: cpuinfo flags: vmx$" --expect-console "^fact: cpuinfo vmx flags: unrestricted_guest$"
           --expect-console "^fact: kvm tdp_mmu=Y$" --expect-console "^fact: kvm_intel unrestricted_guest=Y$"
           --expect-console "^fact: end$" --reject-console "ERROR|Kernel panic" ${ends_by_itself}
    RUN linux-kvm --cmdline kurma.mode=facts --cpu ${model})
  kurma_long(boot.linux_kvm_finds_on_${model}_what_it_finds_bare)
endforeach()

kurma_boot_test(NAME boot.linux_l1_takes_two_initial_ram_disks TIMEOUT 400
  EXPECT --expect-console "^second: both archives are here, the command line is .*rdinit=/second-init"
         --expect-console "^second: kvm_intel ept=Y$" --expect-console "^second: kvm_intel vpid=Y$"
         --expect-console "^second: kvm_intel unrestricted_guest=Y$"
         --expect-console "^second: the probe has measured everything$" --reject-console "ERROR|Kernel panic"
         ${ends_by_itself}
  RUN linux-kvm --cmdline rdinit=/second-init --module ${payloads}/second.cpio)
kurma_needs_payloads(boot.linux_l1_takes_two_initial_ram_disks)
kurma_long(boot.linux_kvm_measures_its_guest boot.two_runs_of_linux_kvm_are_equal_to_the_tick
           boot.linux_l1_takes_two_initial_ram_disks)

kurma_boot_test(NAME boot.linux_work_runs_a_workload_in_a_linux_l2 TIMEOUT 400
  EXPECT --expect-console "^work name=gzip where=guest size=quick ticks=[1-9][0-9]+ exits=[1-9][0-9]+ .* reflected=[1-9][0-9]+$"
         --expect-console "^L1: QEMU has ended with status 0" --reject-console "ERROR|Kernel panic" ${ends_by_itself}
  RUN linux-work --cmdline "kurma.work=gzip kurma.where=guest kurma.size=quick")
kurma_long(boot.linux_work_runs_a_workload_in_a_linux_l2)
