# Other processors, other firmware.

foreach(model IN ITEMS corei5_arrandale_m520 corei7_sandy_bridge_2600k corei7_ivy_bridge_3770k corei7_skylake_x)
  kurma_boot_test(NAME boot.micro_passes_its_cases_on_${model}
    EXPECT ${every_case_passes} --expect-console "^1[2-9][0-9] passed, 0 failed"
           --equal-bare "^test (?!kurma-(?!signature-in-l2)|error-1-vmcall-in-root)"
    RUN micro --cmdline mode=tests --cpu ${model})
endforeach()

# Firmware that leaves IA32_FEATURE_CONTROL open: L0 allows VMX and locks it, and L1 sees it locked.
add_test(NAME boot.an_open_feature_control_is_set_and_locked
  COMMAND ${python} ${tools}/other_bios.py unlocked --name boot.an_open_feature_control_is_set_and_locked
          --images ${CMAKE_BINARY_DIR} ${one_case_passes} --expect-console "^test feature-control-locked: pass$"
          -- micro --cmdline "mode=test case=feature-control-locked" --timeout 120)
set_tests_properties(boot.an_open_feature_control_is_set_and_locked PROPERTIES LABELS boot TIMEOUT 180)
