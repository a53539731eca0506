"""The experiment exit-cost: sides beside each other, what one thing off changes, what is made of the boots."""

from __future__ import annotations

import unittest
from dataclasses import replace

from harness import budget
from harness.costs import Cost, level_of, parse
from harness.errors import FrontDoorError
from harness.exit_cost import USUAL, Ablated, Side, ablated_figure, ablated_table, beside_table
from harness.experiment import Boot, Readings, beside, catalogue
from harness.l0 import L0
from harness.tests.made_up import readings
from harness.tests.test_costs import line

EXPERIMENT = catalogue.load("exit-cost")
OWN = EXPERIMENT.evaluate.__globals__


def costs(level: str = "L2", l1: str = "micro", counts: bool = True, **medians: int) -> list[Cost]:
    more = {"exits": 400, "vmread": 1600, "vmwrite": 5800} if counts else {}
    return parse("".join(line(op, median, l1, level, **more) for op, median in medians.items()).encode())


class Sides(unittest.TestCase):
    def test_stand_in_one_row_with_ratios_and_counts(self) -> None:
        side = Side("micro", costs(cpuid=10, counts=False), costs(cpuid=600, hlt=50), costs(cpuid=12000, counts=False))
        table = beside_table("t", side)
        self.assertEqual(table.rows[0], ["L2 cpuid", 10, 600, 12000, 20.0, 60.0, 2.0, 8.0, 29.0])
        self.assertEqual(table.rows[1], ["L2 hlt", None, 50, None, None, None, 2.0, 8.0, 29.0])

    def test_the_guest_of_linux_alone_is_one_level_higher_up(self) -> None:
        side = Side("linux-kvm", costs("L1", "linux-kvm", False, cpuid=960), costs("L2", "linux-kvm", cpuid=1552), [])
        single = side.single_of("L2", "cpuid")
        assert single is not None
        self.assertEqual(single.median, 960)

    def test_what_costs_nothing_alone_has_no_ratio(self) -> None:
        self.assertIsNone(beside_table("t", Side("micro", costs(out=0), costs(out=9), [])).rows[0][5])

    def test_the_mean_of_ratios_is_geometric(self) -> None:
        self.assertAlmostEqual(EXPERIMENT.evaluate.__globals__["geometric_mean"]([2.0, 8.0]), 4.0)


class OneThingOff(unittest.TestCase):
    ablated = Ablated("micro", "micro as L1", ("L2 cpuid", "L1 vmptrld", "L2 hlt"),
                      [*costs(cpuid=600, hlt=100), *costs("L1", vmptrld=200)],
                      {"copies": [*costs(cpuid=900, hlt=101), *costs("L1", vmptrld=100)],
                       "checks": costs(cpuid=600, hlt=100)})

    def test_is_told_in_instructions_after_what_is_usual(self) -> None:
        self.assertEqual(ablated_table(self.ablated).rows,
                         [[USUAL, 600, 200, 100], ["copies", 900, 100, 101], ["checks", 600, None, 100]])

    def test_is_told_as_a_factor(self) -> None:
        self.assertEqual(ablated_table(self.ablated, as_factors=True).rows,
                         [["copies", 1.5, 0.5, 1.01], ["checks", 1.0, None, 1.0]])

    def test_the_figure_has_the_knobs_that_change_something(self) -> None:
        figure = ablated_figure(self.ablated, ("L2 cpuid", "L2 hlt"))
        self.assertEqual([(series.label, series.values) for series in figure.series], [("cpuid", [1.5]), ("hlt", [1.01])])
        self.assertEqual(figure.groups, ["copies"])


def console(boot: Boot, ticks: int) -> str:
    """Every operation that the experiment names takes `ticks`, and two exits where Kurma counts them."""
    limits = [limit for limit in budget.read() if limit.l1 == boot.l1]
    rows = {(limit.level, limit.op) for limit in limits} | {("L2", op) for op in (*OWN["DRAWN"][boot.l1], "in-user")}
    rows |= {(row[:2], row[3:]) for row in OWN["ABLATED_ROWS"][boot.l1]}
    counts = {"exits": 400, "vmread": 1600} if boot.l0.has_kurma else {}
    return "".join(line(op, ticks, boot.l1, level_of(boot.l1, boot.l0, level), **counts) for level, op in sorted(rows))


class TheExperiment(unittest.TestCase):
    """On boots of Kurma at 200 ticks an operation, of KVM at 1,000, of nothing below L1 at 100; 300 with a knob."""

    def made_up(self, quick: bool, **of_knob: int) -> Readings:
        ticks = {L0.NONE: 100, L0.KURMA: 200, L0.KVM: 1000}
        found, counters = {}, {}
        for boot in EXPERIMENT.boots(quick):
            if boot.l0 is L0.KVM_ON_KURMA:
                rounds = int(boot.cmdline.rpartition("=")[2])
                found[boot] = ""
                counters[boot] = {"exits": [{"reason": "vmread", "room": "emulate", "count": 7 + 80 * rounds}]}
                continue
            changed = of_knob.get(boot.knobs[0].partition("=")[0], 300) if boot.l0 is L0.KURMA and boot.knobs else None
            found[boot] = console(boot, changed or ticks[boot.l0])
        return readings(found, quick, counters)

    def test_the_sentence_follows_the_data(self) -> None:
        said = EXPERIMENT.evaluate(self.made_up(True, entry_checks=900)).sentence
        self.assertIn("takes 100 instructions at a single level, 200 (2.0 times) as L2 under Kurma and 1,000 (10.0 times)",
                      said)
        self.assertIn("KVM takes 5.0 to 5.0 times as many as Kurma, 5.0 in the geometric mean", said)
        self.assertIn("costs CPUID most is entry_checks=all (4.50 times", said)
        self.assertIn("is bitmap_merge=always (1.75 times",
                      EXPERIMENT.evaluate(self.made_up(True, bitmap_merge=350)).sentence)

    def test_what_kvm_executes_and_its_way_without_shadowing_are_for_those_who_have_time(self) -> None:
        ways_of_quick = ["direct", "copy", "trap", "KVM"]
        for quick, columns in ((True, ways_of_quick), (False, [*ways_of_quick, "KVM trap"])):
            tables = {table.title: table for table in EXPERIMENT.evaluate(self.made_up(quick)).tables}
            ways = next(table for title, table in tables.items() if "ways" in title and "Linux" in title)
            self.assertEqual([column.name for column in ways.columns][1:-3], columns)
            budgeted = {row[0]: row for row in tables["The rows of the budget"].rows}
            self.assertEqual(budgeted["L0's VMREADs per shadowed round"][2:4], [None if quick else 80, 8])

    def test_the_budget_is_in_instructions_and_no_measure_of_cycles(self) -> None:
        def titles(ticks: str) -> list[str]:
            return [table.title for table in EXPERIMENT.evaluate(replace(self.made_up(True), ticks=ticks)).tables]

        self.assertEqual([title for title in titles("instructions") if title not in titles("cycles")],
                         ["The rows of the budget"])

    def test_the_papers_ratios_stand_beside_ratios_of_ours(self) -> None:
        rows = [beside.as_json(one) for one in EXPERIMENT.evaluate(self.made_up(True)).beside]
        self.assertEqual([row["ours"] for row in rows], [3, 3, 2, 10, 2, 10, 2, 10, 1, 1])
        self.assertEqual({row["unit"] for row in rows}, {"factor"})

    def test_what_a_boot_did_not_print_ends_it_by_name(self) -> None:
        boots = {boot: reading.console for boot, reading in self.made_up(True).by_boot.items()}
        kvm = OWN["boot_of"]("linux-kvm", L0.KVM)
        boots[kvm] = "\n".join(each for each in boots[kvm].split("\n") if "op=in-user " not in each)
        with self.assertRaisesRegex(FrontDoorError, f"{kvm.name}: no cost line with level=L2 op=in-user"):
            EXPERIMENT.evaluate(readings(boots))
