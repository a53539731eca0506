# kurma-ctl, the program in a Linux L1 that asks Kurma and turns its knobs: what each command prints, and its status.

kurma_boot_test(NAME boot.kurma_ctl_asks_and_turns TIMEOUT 400
  EXPECT --expect-console "^KNOB +VALUE +DEFAULT +VALUES +WHEN$"
         --expect-console "^ept02_keep +8 +8 +1..8 +any time$" --expect-console "^offer.ept +on +on +on . off +at boot$"
         --expect-console "^ctl: kurma-ctl get\\ntrace=counters\\n([a-z0-9_.]+=[a-z0-9-]+\\n)+ctl: status 0$"
         --expect-console "^ctl: kurma-ctl get trace\\ntrace=counters\\nctl: status 0$"
         --expect-console "^ctl: kurma-ctl set ept02_keep=5\\nept02_keep=5\\nctl: status 0$"
         --expect-console "^ctl: kurma-ctl get ept02_keep\\nept02_keep=5\\nctl: status 0$"
         --expect-console "^kurma-ctl: ept02_keep=9: it takes 1..8\\nctl: status 1$"
         --expect-console "^kurma-ctl: offer.ept=off: L1 must find the same from its first instruction on.*\\nctl: status 1$"
         --expect-console "^kurma-ctl: nosuch=1: there is no such knob.*\\nctl: status 1$"
         --expect-console "^kurma-ctl: unknown knob: nosuch.*\\nctl: status 1$"
         --expect-console "^kurma-ctl: the request is longer than 128 bytes.*\\nctl: status 1$"
         --expect-console "^kurma-ctl: write kurma-ctl list .*\\nctl: status 2$"
         --expect-console "^kurma-ctl: no turns are recorded.*\\nctl: status 1$"
         --expect-console "^ctl: kurma-ctl stats\\n +[0-9]{3,}  exits\\n +[0-9]{4,}  vmread\\n"
         --expect-console "^ +[0-9]+  cpuid +l0 +l1_cpuid$"
         --expect-json "^ctl: kurma-ctl stats --json$"
         --expect-console "^trace=off\\nctl: status 0\\nctl: kurma-ctl reset\\nctl: status 0\\nctl: kurma-ctl stats\\n +[1-9]  exits\\n(.*\\n)+ +count +reason +room +why\\nctl: status 0$"
         --expect-console "^trace=counters\\nctl: status 0\\nctl: kurma-ctl reset\\nctl: status 0\\nctl: kurma-ctl stats\\n +[1-9]  exits\\n"
         --expect-console " +count +reason +room +why\\n +[1-9]  vmcall +l0 +l1_control_call\\n +1  cpuid +l0 +l1_cpuid\\nctl: status 0$"
         --expect-console "^ctl: su .*\\ntrace=turns\\nctl: status 0$"
         --expect-console "^the last turns, .*\\n( .*\\n)*  [0-9]+ [0-9]+ L1->L1 cpuid l1_cpuid 0x[0-9a-f]+ 0x0\\nctl: status 0$"
         --expect-json "^ctl: kurma-ctl turns --json$" ${ends_by_itself}
  RUN linux-kvm --cmdline rdinit=/ctl-init --module ${payloads}/ctl.cpio)

kurma_boot_test(NAME boot.kurma_ctl_says_that_there_is_no_kurma TIMEOUT 400
  EXPECT --expect-console "^kurma-ctl: this machine does not run on Kurma.*\\nctl: status 3$"
         --expect-console "^kurma-ctl: write kurma-ctl list .*\\nctl: status 2$" --reject-console "^ctl: status [01]$|Illegal"
  RUN linux-kvm --l0 none --cmdline rdinit=/ctl-init --module ${payloads}/ctl.cpio)

# What users came for: a knob turned twenty times under a Linux L2, which goes on and finishes its work.
kurma_boot_test(NAME boot.a_linux_l2_goes_on_while_vmcs_access_changes_under_it TIMEOUT 900
  EXPECT --expect-console "^L2: .* my init is running" --expect-console "^L2: switching off"
         --expect-console "^L1: the Linux L2 reached its user space and switched itself off"
         --expect-console "^L1: change 5: vmcs_access=shadow-direct at tick [0-9]+$"
         --expect-console "^L1: change 20: vmcs_access=shadow-copy at tick [0-9]+$"
         --expect-console "^L1: vmcs_access changed 20 times under the L2, last: vmcs_access=shadow-copy$"
         --reject-console "ERROR|Kernel panic" ${ends_by_itself}
  RUN linux-kvm --cmdline kurma.mode=toggle)
kurma_needs_payloads(boot.kurma_ctl_asks_and_turns)
kurma_needs_payloads(boot.kurma_ctl_says_that_there_is_no_kurma)
kurma_long(boot.kurma_ctl_asks_and_turns boot.kurma_ctl_says_that_there_is_no_kurma
           boot.a_linux_l2_goes_on_while_vmcs_access_changes_under_it)
