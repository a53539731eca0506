# Bad input: one line says what and what to do, status 6. `--unchecked` lets a bad payload pass the front door, so that L0 is
# the one to refuse.

# kurma_refusal(NAME LINE [WORDS OF boottest...] RUN ...): L0 refuses with exactly one line, which matches LINE, and L1 says nothing.
function(kurma_refusal name line)
  cmake_parse_arguments(PARSE_ARGV 2 refusal "" "" "RUN")
  kurma_boot_test(NAME ${name}
    EXPECT --expect-status 6 --expect-l0 "^kurma: refused: ${line}" --expect-l0 "^kurma: end refused$"
           --reject-l0 "panic|(?s:refused: .*refused: )" --reject-console "." ${refusal_UNPARSED_ARGUMENTS}
    RUN ${refusal_RUN})
endfunction()

# The machine.
set(which_have_it "Bochs models that have it: corei5_arrandale_m520 and newer")
kurma_refusal(boot.refuses_a_processor_without_vmx "this processor has no VMX.*${which_have_it}"
  RUN micro --cpu athlon64_clawhammer)
kurma_refusal(boot.refuses_vmx_without_ept "this processor's VMX has no EPT. ${which_have_it}"
  RUN micro --cpu core2_penryn_t9600)
kurma_refusal(boot.refuses_vmx_without_unrestricted_guest "this processor's VMX has no unrestricted guest. ${which_have_it}"
  RUN micro --cpu corei5_lynnfield_750)
kurma_refusal(boot.refuses_too_little_memory_for_l0 "too little memory: L0 keeps 32 MiB .* 23 MiB in all. give the machine more memory"
  RUN micro --memory 24)
kurma_refusal(boot.refuses_memory_that_l0_and_the_modules_do_not_share "too little memory: the payload's modules .* give the machine more memory"
  RUN linux-kvm --memory 64)
kurma_refusal(boot.refuses_too_little_memory_for_micro "the Multiboot image does not fit.* give the machine more memory"
  RUN micro --memory 40)
kurma_refusal(boot.refuses_too_little_memory_for_linux "(too little memory|the Linux kernel does not fit).*give the machine more memory"
  RUN linux-kvm --memory 80)

add_test(NAME boot.refuses_vmx_that_the_firmware_locked_off
  COMMAND ${python} ${tools}/other_bios.py locked-off --name boot.refuses_vmx_that_the_firmware_locked_off
          --images ${CMAKE_BINARY_DIR} --expect-status 6 --reject-console .
          --expect-l0 "^kurma: refused: the firmware has locked VMX off .IA32_FEATURE_CONTROL is 0x1.. switch virtualization on"
          --expect-l0 "^kurma: end refused$" -- micro --timeout 120)
set_tests_properties(boot.refuses_vmx_that_the_firmware_locked_off PROPERTIES LABELS boot TIMEOUT 180)

# QEMU's software emulation has no VMX; this also shows that `qemu -kernel` boots the image and that L0 ends QEMU.
add_test(NAME boot.qemu_boots_the_image_and_is_told_that_it_has_no_vmx
  COMMAND ${python} ${tools}/qemu_boot.py ${CMAKE_BINARY_DIR}/l0/kurma.elf ${micro_image}
          "^kurma: refused: this processor has no VMX.*${which_have_it}")
add_test(NAME boot.qemu_hands_kurma_its_knobs
  COMMAND ${python} ${tools}/qemu_boot.py ${CMAKE_BINARY_DIR}/l0/kurma.elf ${micro_image}
          "^kurma: refused: bad value for the knob trace: loud" offer.ept=off trace=loud)
set_tests_properties(boot.qemu_boots_the_image_and_is_told_that_it_has_no_vmx boot.qemu_hands_kurma_its_knobs
  PROPERTIES LABELS boot TIMEOUT 120)

# The knobs.
kurma_refusal(boot.refuses_an_unknown_knob "unknown knob: nosuch. `./kurma run --help` lists them" RUN micro --set nosuch=1)
kurma_refusal(boot.refuses_a_bad_value_of_a_knob "bad value for the knob offer.ept: maybe. it takes on . off" RUN micro --set offer.ept=maybe)
kurma_refusal(boot.refuses_shadowing_where_the_processor_has_none "vmcs_access=shadow-direct: this processor has no VMCS shadowing"
  RUN micro --cpu corei7_sandy_bridge_2600k --set vmcs_access=shadow-direct)
kurma_refusal(boot.refuses_a_shadow_copy_where_the_processor_has_none "vmcs_access=shadow-copy: this processor has no VMCS shadowing"
  RUN micro --cpu corei7_sandy_bridge_2600k --set vmcs_access=shadow-copy)
kurma_refusal(boot.refuses_an_event_whose_counter_stands_still "event: this processor says .* its counter stands still, as Bochs's does"
  RUN micro --set event=0x0300c0 --set event_level=l1)
kurma_refusal(boot.refuses_an_event_that_is_no_selector "bad value for event: INST_RETIRED. it takes 0x and hexadecimal digits"
  RUN micro --set event=INST_RETIRED)
kurma_refusal(boot.refuses_an_event_that_interrupts "bad value for event: 0x1300c0. only event, unit mask"
  RUN micro --set event=0x1300c0)
kurma_refusal(boot.refuses_an_event_level_that_is_none "bad value for event_level: l3. it takes l0 . l1 . l2"
  RUN micro --set event=0x0300c0 --set event_level=l3)

# The payload.
kurma_refusal(boot.refuses_to_run_without_a_payload "no payload: give L0 a Multiboot module" --no-payload RUN micro)
kurma_refusal(boot.refuses_a_payload_that_is_no_image "the payload is neither a Linux bzImage nor a Multiboot 1 image" --unchecked
  RUN ${payloads}/no_image.bin)
kurma_refusal(boot.refuses_a_multiboot_header_without_an_image "the Multiboot image is no ELF and its header has no addresses"
  --unchecked RUN ${payloads}/no_elf.bin)
kurma_refusal(boot.refuses_a_multiboot_image_cut_short "the Multiboot image is cut short: a segment ends at 0x2000 of 0x1064 bytes"
  --unchecked RUN ${payloads}/cut_short.elf)
kurma_refusal(boot.refuses_a_multiboot_image_larger_than_memory "the Multiboot image does not fit: it wants 0xc0000000 bytes at 0x100000"
  --unchecked RUN ${payloads}/wants_3_gib.elf)
kurma_refusal(boot.refuses_a_multiboot_image_in_l0s_place "the Multiboot image does not fit: it wants 0x1000 bytes at 0x3e000000"
  --unchecked RUN ${payloads}/wants_l0s_place.elf)
kurma_refusal(boot.refuses_a_multiboot_image_over_the_bios "the Multiboot image does not fit: it wants 0x2000 bytes at 0x9f000"
  --unchecked RUN ${payloads}/wants_low_memory.elf)
kurma_refusal(boot.refuses_a_multiboot_image_that_wraps_around "the Multiboot image does not fit: it wants 0xfffffffffffff000 bytes"
  --unchecked RUN ${payloads}/wraps_around.elf)
kurma_refusal(boot.refuses_a_multiboot_image_where_its_information_goes "the Multiboot image wants the memory at 0x10000"
  --unchecked RUN ${payloads}/wants_informations_place.elf)
kurma_refusal(boot.refuses_a_multiboot_image_cut_within_its_headers "the Multiboot image's program headers are cut short"
  --unchecked RUN ${payloads}/cut_in_headers.elf)
kurma_refusal(boot.refuses_a_multiboot_image_that_requires_a_video_mode "the Multiboot image requires what Kurma does not give"
  --unchecked RUN ${payloads}/wants_video.elf)
kurma_refusal(boot.refuses_an_old_linux "this Linux kernel is too old: boot protocol 0x204" --unchecked
  RUN ${payloads}/old_linux.bin)
kurma_refusal(boot.refuses_a_linux_cut_short "the Linux kernel is cut short: 35328 of 68096 bytes" --unchecked
  RUN ${payloads}/cut_short_linux.bin)
kurma_refusal(boot.refuses_a_linux_larger_than_memory "the Linux kernel does not fit: it wants 0x80000000 bytes" --unchecked
  RUN ${payloads}/wants_2_gib_linux.bin)
kurma_refusal(boot.refuses_a_command_line_longer_than_linux_takes "the command line has 20 characters. this kernel takes 10"
  --unchecked RUN ${payloads}/short_command_line_linux.bin --cmdline "twenty=characters=xx")
kurma_refusal(boot.refuses_an_initial_ram_disk_above_linuxs_limit "the initial RAM disk would end above 0xffffff" --unchecked
  RUN ${payloads}/low_ramdisk_linux.bin --module ${payloads}/second.cpio)

kurma_needs_payloads(
  boot.refuses_a_multiboot_image_where_its_information_goes boot.refuses_a_multiboot_image_cut_within_its_headers
  boot.refuses_a_payload_that_is_no_image boot.refuses_a_multiboot_header_without_an_image
  boot.refuses_a_multiboot_image_cut_short boot.refuses_a_multiboot_image_larger_than_memory
  boot.refuses_a_multiboot_image_in_l0s_place boot.refuses_a_multiboot_image_over_the_bios
  boot.refuses_a_multiboot_image_that_wraps_around boot.refuses_a_multiboot_image_that_requires_a_video_mode
  boot.refuses_an_old_linux boot.refuses_a_linux_cut_short boot.refuses_a_linux_larger_than_memory
  boot.refuses_a_command_line_longer_than_linux_takes boot.refuses_an_initial_ram_disk_above_linuxs_limit)
