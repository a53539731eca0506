"""The experiment memory-models: the lines of faults, the boots, and what is made of them."""

from __future__ import annotations

import unittest

from harness.errors import FrontDoorError
from harness.experiment import Findings, beside, catalogue
from harness.l0 import L0
from harness.tests.made_up import reading, readings

EXPERIMENT = catalogue.load("memory-models")
OWN = EXPERIMENT.evaluate.__globals__
PHASES = OWN["PHASES"]


def line(phase: str, n: int = 100, ticks: int = 1000, exits: int | None = None) -> str:
    words = "" if exits is None else f" exits={exits} vmread=0"
    return f"work name=faults-{phase} where=guest size=quick ticks={ticks} n={n}{words}\n"


def console(cost: int, exits: int | None = None) -> str:
    """`cost` ticks for one of each; `exits` a phase, of which 10 are those of measuring."""
    empty = line("nothing", 1, 4, None if exits is None else 10)
    return empty + "".join(line(name, 100, 100 * cost, exits) for name in PHASES)


def findings(costs: dict[str, int], quick: bool = True) -> Findings:
    consoles = {boot: console(costs.get(label, 10), 210 if boot.l0 is L0.KURMA else None)
                for label, boot in OWN["configurations"](quick).items()}
    return EXPERIMENT.evaluate(readings(consoles, quick))


class Phases(unittest.TestCase):
    def test_are_told_for_one_of_their_kind_without_the_exits_of_measuring(self) -> None:
        phases = OWN["phases_of"](reading(console(7, 210)))
        self.assertEqual([(phase.ticks_of_one, phase.exits_of_one) for phase in phases.values()], [(7.0, 2.0)] * len(PHASES))

    def test_have_no_exits_where_nobody_counts_them(self) -> None:
        self.assertEqual({phase.exits_of_one for phase in OWN["phases_of"](reading(console(7))).values()}, {None})

    def test_that_are_broken_end_the_experiment(self) -> None:
        whole = console(7)
        for broken in ("", whole.replace(line("warm", 100, 700), ""), whole + line("warm"), whole + line("other"),
                       whole.replace(" n=100", ""), whole.replace("n=100", "n=0"), whole.replace("ticks=700", "ticks=x")):
            with self.subTest(broken), self.assertRaises(FrontDoorError):
                OWN["phases_of"](reading(broken))


class TheBoots(unittest.TestCase):
    def test_differ_in_who_has_ept(self) -> None:
        boots = OWN["configurations"](False)
        self.assertEqual(boots[OWN["SHADOW_ON_EPT"]].knobs, ("offer.ept=off",))
        for label in (OWN["SHADOW"], OWN["KVM_SHADOW_ON_EPT"]):
            self.assertIn("kurma.kvm_args=ept=0", boots[label].cmdline)
        self.assertTrue(all("transparent_hugepage=never" in boot.cmdline for boot in boots.values()))
        self.assertEqual(len(set(boots.values())), len(boots))


class WhatIsMadeOfThem(unittest.TestCase):
    def test_a_row_for_each_model_and_exits_only_of_kurma(self) -> None:
        for quick in (True, False):
            instructions, factors, exits = findings({}, quick).tables
            self.assertEqual(len(instructions.rows), len(EXPERIMENT.boots(quick)))
            self.assertEqual([row[1] for row in factors.rows], [1.0] * len(instructions.rows))
            self.assertEqual([row[0] for row in exits.rows], [OWN["MULTI"], OWN["SHADOW_ON_EPT"]])

    def test_the_sentence_and_the_papers_factor_follow_the_data(self) -> None:
        for cost, factor in ((50, "5.0"), (5, "0.5")):
            found = findings({OWN["SHADOW_ON_EPT"]: cost})
            self.assertIn(f"take {factor}, {factor}, {factor} and {factor} times what they take with multi-dimensional",
                          found.sentence)
            self.assertEqual({beside.as_json(one)["ours"] for one in found.beside}, {float(factor)})

    def test_kvm_is_in_the_sentence_where_it_was_measured(self) -> None:
        self.assertNotIn("KVM", findings({}, quick=True).sentence)
        self.assertIn("with KVM as L0 shadowing takes 3.0,", findings({OWN["KVM_SHADOW_ON_EPT"]: 30}, quick=False).sentence)


if __name__ == "__main__":
    unittest.main()
