# Linux KVM as L1.

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

kurma_boot_test(NAME boot.linux_kvm_runs_a_linux_l2 TIMEOUT 600
  EXPECT --expect-console "^L2: .* my init is running" --expect-console "^L2: switching off"
         --expect-console "^L1: QEMU has ended with status 0"
         --expect-console "^L1: the Linux L2 reached its user space and switched itself off"
         --reject-console "ERROR|Kernel panic" ${ends_by_itself}
  RUN linux-kvm --cmdline kurma.mode=linux-l2)

kurma_boot_test(NAME boot.linux_l1_takes_two_initial_ram_disks TIMEOUT 400
  EXPECT --expect-console "^second: both archives are here, the command line is .*rdinit=/second-init"
         --expect-console "^second: kvm_intel ept=Y$" --expect-console "^second: kvm_intel vpid=Y$"
         --expect-console "^second: kvm_intel unrestricted_guest=Y$"
         --expect-console "^second: the probe has measured everything$" --reject-console "ERROR|Kernel panic"
         ${ends_by_itself}
  RUN linux-kvm --cmdline rdinit=/second-init --module ${payloads}/second.cpio)

kurma_needs_payloads(boot.linux_l1_takes_two_initial_ram_disks)
kurma_long(boot.linux_kvm_measures_its_guest boot.two_runs_of_linux_kvm_are_equal_to_the_tick
           boot.linux_kvm_runs_a_linux_l2 boot.linux_l1_takes_two_initial_ram_disks)
