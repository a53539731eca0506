# Bad arguments of `./kurma run`: status 2 and one line, before anything is built or booted.
function(kurma_front_door_refusal name says)
  add_test(NAME ${name} COMMAND ${python} ${tools}/says.py 2 ${says} ${CMAKE_SOURCE_DIR}/kurma run ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS front-door TIMEOUT 60)
endfunction()

kurma_front_door_refusal(front_door.refuses_a_missing_image "no L1 'nosuch.elf': give linux-kvm, linux-work, micro, conformance, or the path" nosuch.elf)
kurma_front_door_refusal(front_door.refuses_a_file_that_is_no_image "is neither a Multiboot .version 1. image nor a Linux bzImage"
  ${CMAKE_SOURCE_DIR}/LICENSE)
kurma_front_door_refusal(front_door.refuses_a_directory "is not a file" ${CMAKE_SOURCE_DIR}/l0)
kurma_front_door_refusal(front_door.refuses_a_missing_module "--module 'nosuch=x': no file 'nosuch'" micro --module nosuch=x)
kurma_front_door_refusal(front_door.refuses_an_unknown_processor "unknown CPU model 'i486'. this Bochs has: .*corei7_haswell_4770"
  micro --cpu i486)
kurma_front_door_refusal(front_door.refuses_several_processors_for_kurma "L1 gets one processor under an L0 so far" micro --cpus 2)
kurma_front_door_refusal(front_door.refuses_a_knob_without_value "--set 'trace': write KNOB=VALUE" micro --set trace)
kurma_front_door_refusal(front_door.refuses_knobs_without_kurma "there is none with --l0 none" micro --l0 none --set trace=off)
kurma_front_door_refusal(front_door.refuses_memory_that_bochs_has_not "--memory 5000: Bochs takes 8 to 4096 MiB" micro --memory 5000)
kurma_front_door_refusal(front_door.refuses_a_time_out_of_nothing "--timeout 0: give a number of seconds above 0" micro --timeout 0)
kurma_front_door_refusal(front_door.refuses_an_unknown_option "unrecognized arguments: --nosuch" micro --nosuch)
kurma_front_door_refusal(front_door.refuses_to_write_where_nothing_is "its directory does not exist"
  micro --json /nosuch-directory/counters.json)

# L0's refusal of an unknown knob sends people here.
add_test(NAME front_door.help_lists_the_knobs
  COMMAND ${python} ${tools}/says.py 0 "(?s)trace=counters .off . counters . turns.*vmcs_access=best .best . trap . shadow-copy . shadow-direct.*offer.ept=on.*offer.vpid=on.*offer.unrestricted_guest=on.*ept02_large_pages=on"
          ${CMAKE_SOURCE_DIR}/kurma run --help)
set_tests_properties(front_door.help_lists_the_knobs PROPERTIES LABELS front-door TIMEOUT 60)
