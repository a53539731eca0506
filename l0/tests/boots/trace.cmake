# The ring of turns at the end of a run: nothing between two turns is lost, and each round has its number.

kurma_boot_test(NAME boot.recorded_turns_join_and_number_their_rounds TIMEOUT 120
  EXPECT --expect-turns 400 --expect-console "^rounds n=400$" ${ends_by_itself}
  RUN micro --cmdline "mode=rounds n=400" --set trace=turns)

# Far more turns than the ring holds, of every kind that micro's rows have.
kurma_boot_test(NAME boot.recorded_turns_join_where_the_ring_has_begun_anew TIMEOUT 240
  EXPECT --expect-turns 500 --expect-console "^cost .* op=virtual-apic-read " ${ends_by_itself}
  RUN micro --set trace=turns --set vmcs_access=trap)

kurma_boot_test(NAME boot.one_operation_is_run_alone TIMEOUT 120
  EXPECT --expect-turns 216 --expect-console "^rounds level=L2 op=out n=200$" --reject-console "ERROR|^cost " ${ends_by_itself}
         --expect-l0 "\"reason\":\"io_instruction\",\"room\":\"reflect\",\"why\":\"l2_io_bitmap\""
  RUN micro --cmdline "mode=rounds op=out" --set trace=turns)
