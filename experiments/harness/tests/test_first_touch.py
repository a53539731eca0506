"""The experiment first-touch: micro's lines, the boots, and what is made of them."""

from __future__ import annotations

import unittest

from harness.costs import COUNTS
from harness.errors import FrontDoorError
from harness.experiment import Boot, Findings, beside, catalogue
from harness.l0 import L0
from harness.tests.made_up import reading, readings
from harness.tests.test_costs import line as cost_line

EXPERIMENT = catalogue.load("first-touch")
OWN = EXPERIMENT.evaluate.__globals__
KINDS, Filling = OWN["KINDS"], OWN["Filling"]


def line(leaf: str = "4k", mapped: str = "before", pages: int = 100, ticks: int = 33300, exits: int | None = 0) -> str:
    words = "" if exits is None else "".join(f" {name}={exits if name == 'exits' else 0}" for name in COUNTS)
    return f"memory l1=micro leaf={leaf} mapped={mapped} pages={pages} ticks={ticks} min=1 max=900{words}\n"


def console(boot: Boot, ticks: dict[tuple[str, ...], int]) -> str:
    """100 pages; the ticks of a page by the boot's knobs, one for all kinds; two exits a page, three without prefill."""
    if boot.l1 == "linux-kvm":
        level, median = ("L1", 100) if boot.l0 is L0.NONE else ("L2", 700 if boot.l0 is L0.KVM else 200)
        return "".join(cost_line(op, median, boot.l1, level) for op in OWN["LINUX_ROWS"])
    exits = None if boot.l0 is L0.KVM else 300 if "ept02_prefill=off" in boot.knobs else 200
    return "".join(line(*kind, ticks=100 * ticks.get(boot.knobs, 300), exits=exits) for kind in KINDS)


def findings(ticks: dict[tuple[str, ...], int], quick: bool = True) -> Findings:
    return EXPERIMENT.evaluate(readings({boot: console(boot, ticks) for boot in EXPERIMENT.boots(quick)}, quick))


class Walks(unittest.TestCase):
    def test_are_told_per_page(self) -> None:
        walks = OWN["walks_of"](reading("".join(line(*kind, exits=50) for kind in KINDS)))
        self.assertEqual({(walk.ticks_per_page, walk.exits_per_page) for walk in walks.values()}, {(333.0, 0.5)})

    def test_have_no_exits_where_nobody_counts_them(self) -> None:
        walks = OWN["walks_of"](reading("".join(line(*kind, exits=None) for kind in KINDS)))
        self.assertEqual({walk.exits_per_page for walk in walks.values()}, {None})

    def test_that_are_broken_end_the_experiment(self) -> None:
        every = [line(*kind) for kind in KINDS]
        bad_lines = (line().replace("ticks=33300 ", ""), line(leaf="1g"), line(pages=0), line().replace(" invept=0", ""))
        for broken in (*([bad, *every[1:]] for bad in bad_lines), every[1:], [every[0], *every]):
            with self.subTest(broken), self.assertRaises(FrontDoorError):
                OWN["walks_of"](reading("".join(broken)))


class TheBoots(unittest.TestCase):
    def test_are_every_combination_and_both_kinds_of_kvm(self) -> None:
        boots = EXPERIMENT.boots(False)
        micro = [boot for boot in boots if boot.l1 == "micro"]
        self.assertEqual(len(set(micro)), 2 * 2 * 5 + 2)
        self.assertEqual(sum(boot.l0 is L0.KVM for boot in micro), 2)
        self.assertEqual({boot.cmdline for boot in micro}, {"mode=memory pages=16384"})

    def test_quick_changes_one_knob_at_a_time(self) -> None:
        boots = [boot for boot in EXPERIMENT.boots(True) if boot.l1 == "micro"]
        self.assertTrue(all(len(boot.knobs) <= 1 for boot in boots))
        self.assertEqual(len({boot.knobs for boot in boots}), len(boots))
        self.assertEqual({boot.cmdline for boot in boots}, {"mode=memory pages=2048"})


class WhatIsMadeOfThem(unittest.TestCase):
    def test_a_row_for_each_boot_and_exits_only_of_kurma(self) -> None:
        for quick in (True, False):
            small, large, _ = findings({}, quick).tables
            self.assertEqual((len(small.rows), len(large.rows)), (len(OWN["configurations"](quick)),) * 2)
            self.assertEqual(small.rows[0], ["Kurma, defaults", 300, 2, 300, 2])
            self.assertEqual(large.rows[0], ["Kurma, defaults", 300 * 512, 2 * 512, 300 * 512, 2 * 512])
            self.assertEqual([row[0] for row in small.rows if None in row], list(OWN["KVM"]))

    def test_the_lines_are_in_the_order_of_what_is_varied(self) -> None:
        found = findings({(): 300, ("ept02_fault_around=8",): 200, ("ept02_fault_around=512",): 400})
        lines = next(figure for figure in found.figures if figure.name == "fault-around")
        self.assertEqual(list(lines.series[0].values), [300, 200, 300, 300, 400])

    def test_the_sentence_follows_the_data(self) -> None:
        ticks = {(): 300, ("ept02_fault_around=64",): 100, ("enable_shadow_vmcs=1",): 150}
        self.assertIn("0.5 and 0.5 times as many", findings(ticks).sentence)
        self.assertIn("fault-arounds tried, 64 is the cheapest", findings(ticks).sentence)
        self.assertIn("2.0 and 2.0 times as many", findings({**ticks, ("enable_shadow_vmcs=1",): 600}).sentence)

    def test_switches_and_ratios_stand_beside_the_papers(self) -> None:
        rows = [beside.as_json(one) for one in findings({}).beside]
        self.assertEqual([row["ours"] for row in rows], [6, 4, 7, 2])
        self.assertEqual([row["unit"] for row in rows], ["world switches"] * 2 + ["factor"] * 2)


if __name__ == "__main__":
    unittest.main()
