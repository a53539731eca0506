# `./kurma oracle` and `./kurma compare`: they pass where both sides say the same, and fail where they do not.

# kurma_oracle_test(NAME STATUS SAYS WORDS...): `./kurma WORDS` ends with a status and says something.
function(kurma_oracle_test name status says)
  add_test(NAME ${name}
    COMMAND ${python} ${tools}/says.py ${status} ${says} ${CMAKE_SOURCE_DIR}/kurma ${ARGN}
            --images ${CMAKE_BINARY_DIR} --results ${CMAKE_BINARY_DIR}/boot-tests)
  set_tests_properties(${name} PROPERTIES LABELS boot TIMEOUT 600)
endfunction()

foreach(payload IN ITEMS answers hangs_on_kurma)
  add_executable(l0_test_${payload} payloads/answers.S)
  target_link_libraries(l0_test_${payload} PRIVATE kurma_metal)
  target_link_options(l0_test_${payload} PRIVATE -Wl,-Ttext=0x300000 -Wl,--oformat=binary)
  set_target_properties(l0_test_${payload} PROPERTIES OUTPUT_NAME ${payload}.bin RUNTIME_OUTPUT_DIRECTORY ${payloads})
endforeach()
target_compile_definitions(l0_test_hangs_on_kurma PRIVATE HANGS_ON_KURMA)
set(answers ${payloads}/answers.bin)
set(hangs ${payloads}/hangs_on_kurma.bin)
set(written ${CMAKE_CURRENT_SOURCE_DIR}/payloads/answers.toml)

# Each row of README's table of features. A busy machine may be silent for longer than a person would wait.
set(nothing_unexplained " +[1-9][0-9,]* +[1-9][0-9,]* +[0-9]+ +0 +0$")
foreach(topic IN ITEMS capabilities controls fields entry_checks instructions msr_areas exits features ept events modes)
  kurma_oracle_test(boot.oracle_finds_no_difference_in_${topic} 0 "^corei7_haswell_4770${nothing_unexplained}"
    oracle --cpu corei7_haswell_4770 --topic ${topic} --silence 120)
endforeach()
kurma_long(boot.oracle_finds_no_difference_in_entry_checks boot.oracle_finds_no_difference_in_exits
           boot.oracle_finds_no_difference_in_modes boot.oracle_finds_no_difference_in_features)
foreach(model IN ITEMS corei7_skylake_x corei7_sandy_bridge_2600k corei5_arrandale_m520)
  kurma_oracle_test(boot.oracle_finds_no_difference_on_${model} 0 "^${model}${nothing_unexplained}"
    oracle --cpu ${model} --topic capabilities --topic controls --topic features --silence 120)
endforeach()
kurma_oracle_test(boot.oracle_finds_no_difference_without_shadowing 0 "^corei7_haswell_4770${nothing_unexplained}"
  oracle --cpu corei7_haswell_4770 --topic instructions --topic features --set vmcs_access=trap
  --silence 120)
kurma_oracle_test(boot.oracle_finds_no_difference_with_a_shadow_copy 0 "^corei7_haswell_4770${nothing_unexplained}"
  oracle --cpu corei7_haswell_4770 --topic instructions --topic fields --topic events --set vmcs_access=shadow-copy
  --silence 120)
kurma_oracle_test(boot.oracle_finds_no_difference_in_random_entries 0 "^corei7_skylake_x +2,000 +2,000 +0 +0 +0 +0$"
  oracle --random --seed 11 --cases 2000 --cpu corei7_skylake_x --silence 120)
kurma_oracle_test(boot.oracle_refuses_a_processor_in_l0s_words 6 "corei5_lynnfield_750: Kurma: refused: "
  oracle --cpu corei5_lynnfield_750 --topic capabilities)
kurma_oracle_test(boot.oracle_fails_on_a_difference 8
  "(?s)^corei7_haswell_4770 +2 +1 +0 +1 +0$.*^answers/who .*^ +bare +nobody is below$.*^ +Kurma +Kurma is below$"
  oracle --cpu corei7_haswell_4770 --image ${answers})
kurma_oracle_test(boot.oracle_passes_over_a_written_difference 0 "^corei7_haswell_4770 +2 +1 +1 +0 +0$"
  oracle --cpu corei7_haswell_4770 --image ${answers} --list ${written})
kurma_oracle_test(boot.oracle_fails_when_a_side_does_not_end 3
  "Kurma: time-out: the machine was stopped, after case answers/same"
  oracle --cpu corei7_haswell_4770 --image ${hangs} --silence 10)
kurma_oracle_test(boot.oracle_fails_on_random_cases_that_nobody_answers 1 "^corei7_haswell_4770 +1 +0 +0 +0 +1 +0$"
  oracle --random --cases 1 --image ${answers})

kurma_oracle_test(boot.compare_finds_no_difference_in_an_image 0 "^COM1 +1 +0 +0$"
  compare ${payloads}/flat.bin)
kurma_oracle_test(boot.compare_finds_no_difference_in_micros_cases 0 "^COM1 +1[3-9][0-9] +0 +[1-9][0-9]*$"
  compare micro --cmdline mode=tests --ignore "Kurma is (absent|present)" --ignore "^test (kurma-|error-1-vmcall-in-root)"
          --ignore "passed, 0 failed")
kurma_oracle_test(boot.compare_fails_on_a_difference 8
  "(?s)^COM1 +2 +2 +0$.*^port 0xE9 +2 +2 +0$.*^-case answers/who: nobody is below$.*^.case answers/who: Kurma is below$"
  compare ${answers})
kurma_oracle_test(boot.compare_passes_over_ignored_lines 0 "^port 0xE9 +2 +0 +2$" compare ${answers} --ignore /who)
kurma_oracle_test(boot.compare_fails_when_a_side_does_not_end 3 "they end differently" compare ${hangs} --timeout 12)
kurma_oracle_test(boot.compare_ends_at_a_line 0 "^port 0xE9 +1 +0 +0$"
  compare ${hangs} --ignore end --until "^case answers/same")
