"""Exits by kind: from a guest's line, from Kurma's counters below KVM, and what they add up to."""

from __future__ import annotations

import unittest

from harness.exit_kinds import ENTRIES, KEPT, OTHER, READS, WRITES, XSETBV, by_operation, of_kvm_as_l0, of_line
from harness.experiment import Readings, beside, catalogue
from harness.kvm_counts import FEW, MANY
from harness.l0 import L0
from harness.tests.made_up import readings

EXPERIMENT = catalogue.load("exit-multiplication")
OWN = EXPERIMENT.evaluate.__globals__

LINE = {"l1": "micro", "level": "L2", "op": "out", "n": "200", "l1.23": "1600", "l1.25": "400", "l1.24": "200",
        "l1.55": "400", "l1.46": "2", "kept.48": "100", "reflected.30": "200"}


class ALine(unittest.TestCase):
    def test_is_divided_by_its_operations_and_named(self) -> None:
        exits = of_line(LINE)
        self.assertEqual(exits.of_l1["vmread"], 8)
        self.assertEqual(exits.kept, {"ept_violation": 0.5})
        self.assertEqual((exits.reason, exits.reaches_l1), ("io_instruction", True))

    def test_adds_up_to_what_one_exit_causes_beside_itself(self) -> None:
        exits = of_line(LINE)
        self.assertEqual({part: count for part, count in exits.parts().items() if count},
                         {READS: 8, WRITES: 2, ENTRIES: 1, XSETBV: 2, OTHER: 0.01, KEPT: 0.5})
        self.assertAlmostEqual(exits.further, 13.51)
        self.assertAlmostEqual(exits.all, exits.further + 1)

    def test_that_reaches_l1_twice_counts_by_exit(self) -> None:
        twice = of_line({**LINE, "reflected.30": "400"})
        self.assertAlmostEqual(twice.further, 13.51 / 2)

    def test_of_what_l0_keeps_reaches_nobody(self) -> None:
        kept = of_line({"op": "touch", "n": "200", "kept.48": "201", "l1.55": "2"})
        self.assertFalse(kept.reaches_l1)
        self.assertEqual(kept.reason, "")

    def test_of_another_level_is_not_an_operation_of_l2(self) -> None:
        self.assertEqual(list(by_operation([LINE, {**LINE, "level": "L1", "op": "cpuid"}])), ["out"])

    def test_a_reason_without_a_name_is_told_by_its_number(self) -> None:
        self.assertEqual(of_line({"n": "2", "reflected.35": "2"}).reason, "reason 35")


class UnderKvm(unittest.TestCase):
    def counters(self, rounds: int) -> dict[str, object]:
        counts = {("cpuid", "reflect"): 7 + rounds, ("vmresume", "reflect"): 3 + rounds,
                  ("vmread", "reflect"): 90 + 3 * rounds, ("vmread", "emulate"): 10**6 * rounds, ("external_interrupt", "reflect"): 5}
        return {"exits": [{"reason": reason, "room": room, "count": count} for (reason, room), count in counts.items()]}

    def test_the_difference_of_both_boots_is_of_kvms_guests_alone(self) -> None:
        exits = of_kvm_as_l0(self.counters(FEW), self.counters(MANY))
        self.assertEqual((exits.of_l1, exits.reflected), ({"vmresume": 1, "vmread": 3}, {"cpuid": 1}))
        self.assertEqual(exits.further, 4)


class TheExperiment(unittest.TestCase):
    """On boots in which an exit of L2 causes nine VMREADs and a VMRESUME without shadowing, else a VMRESUME alone."""

    def made_up(self, quick: bool, vmreads: int = 9) -> Readings:
        consoles, counters = {}, {}
        for boot in EXPERIMENT.boots(quick):
            reads = f"l1.23={200 * vmreads} " if "vmcs_access=trap" in boot.knobs else ""
            consoles[boot] = "".join(f"kinds l1={boot.l1} level=L2 op={op} n=200 {reads}l1.24=200 reflected.30=200\n"
                                     for op in ("vmcall", *OWN["DRAWN"][boot.l1]))
            if boot.l0 is L0.KVM_ON_KURMA:
                rounds = int(boot.cmdline.rpartition("=")[2])
                counters[boot] = {"exits": [{"reason": reason, "room": "reflect", "count": times * rounds}
                                            for reason, times in (("cpuid", 1), ("vmresume", 1), ("vmread", 20))]}
        return readings(consoles, quick, counters)

    def test_the_sentence_follows_the_data(self) -> None:
        self.assertIn("causes 10.0 further exits, 9.0 of them VMREADs and VMWRITEs; with VMCS shadowing it causes 1.0;",
                      EXPERIMENT.evaluate(self.made_up(True)).sentence)
        self.assertIn("causes 3.0 further exits, 2.0 of them", EXPERIMENT.evaluate(self.made_up(True, 2)).sentence)

    def test_kvm_stands_beside_where_it_was_counted(self) -> None:
        titles = [table.title for table in EXPERIMENT.evaluate(self.made_up(True)).tables]
        self.assertEqual([title for title in titles if "both L0s" in title], [])
        table = EXPERIMENT.evaluate(self.made_up(False)).tables[-1]
        self.assertEqual([row[:3] for row in table.rows], [["trap", "Kurma", 10], ["trap", "KVM", 21],
                                                           ["shadowing", "Kurma", 1], ["shadowing", "KVM", 21]])

    def test_the_papers_counts_stand_beside_ours(self) -> None:
        rows = [beside.as_json(one) for one in EXPERIMENT.evaluate(self.made_up(True)).beside]
        self.assertEqual([row["ours"] for row in rows], [10, 1, 2, 9, 0, 9, 0])
