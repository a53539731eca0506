# kurma_boot_test(NAME name [TIMEOUT seconds] [EXPECT words of boottest ...] RUN words of ./kurma run ...)
#
# Registers a boot test: boots images of this build directory on Bochs and checks what they said; nothing is built.
# What EXPECT may hold, and an example, stand in experiments/README.md. All boot tests carry the label `boot`.
function(kurma_boot_test)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;TIMEOUT" "EXPECT;RUN")
  if(NOT test_NAME OR NOT test_RUN OR test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kurma_boot_test needs NAME and RUN, and takes TIMEOUT and EXPECT: ${ARGV}")
  endif()
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 120)
  endif()
  add_test(NAME ${test_NAME}
    COMMAND ${CMAKE_SOURCE_DIR}/kurma boottest --name ${test_NAME} --images ${CMAKE_BINARY_DIR} ${test_EXPECT}
            -- ${test_RUN} --timeout ${test_TIMEOUT})
  # boottest stops a boot itself, with its logs; CTest's own limit is for a boottest that hangs (three boots at most).
  math(EXPR limit "${test_TIMEOUT} * 3 + 60")
  set_tests_properties(${test_NAME} PROPERTIES LABELS boot TIMEOUT ${limit})
endfunction()
