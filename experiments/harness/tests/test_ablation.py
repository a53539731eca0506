"""An ablation's boots, tables and sentence, from readings made by hand."""

from __future__ import annotations

import unittest
from pathlib import Path

from harness.ablation import LINUX_ROWS, MICRO_ROWS, Ablation, Value, compile_boot, in_words, percent_more
from harness.ablation.effect import Change, greatest
from harness.errors import FrontDoorError
from harness.experiment import Boot, Reading, Readings
from harness.tests.test_costs import line

ABLATION = Ablation("what is decided", [Value("usual"), Value("other", ("trace=turns",))])


def reading(boot: Boot, console: str) -> Reading:
    made = Reading(boot, Path("/nowhere"))
    made.__dict__["console"] = console
    return made


def readings(other_cost: int = 200, other_ticks: int = 1100, rows: tuple[str, ...] = MICRO_ROWS) -> Readings:
    """Every row costs 100, or `other_cost` where the other value makes L2's CPUID dearer."""
    found = {}
    for boot in ABLATION.boots(True):
        other = bool(boot.knobs)
        if boot.l1 == "linux-work":
            console = f"work name=compile where=guest ticks={other_ticks if other else 1000} exits={7 if other else 5}\n"
        else:
            names = rows if boot.l1 == "micro" else LINUX_ROWS
            dear = "L2 cpuid-3r1w"
            console = "\n".join(line(name.split()[1], other_cost if other and name == dear else 100, level=name.split()[0], l1=boot.l1,
                                     exits=400) for name in names)
        found[boot] = reading(boot, console)
    return Readings(True, found)


class Boots(unittest.TestCase):
    def test_are_two_kinds_of_l1_and_a_compile_for_each_value(self) -> None:
        self.assertEqual(set(ABLATION.boots(True)), {Boot(), Boot(knobs=("trace=turns",)), Boot("linux-kvm"), Boot("linux-kvm", ("trace=turns",)),
                                                     compile_boot((), True), compile_boot(("trace=turns",), True)})

    def test_that_only_show_the_usual_value_are_left_out(self) -> None:
        narrow = Ablation("x", [Value("usual"), Value("other", ("trace=off",), quick_l1s=("micro",))])
        self.assertNotIn(Boot("linux-kvm"), narrow.boots(True))
        self.assertIn(Boot("linux-kvm"), narrow.boots(False))


class Findings(unittest.TestCase):
    def test_name_the_greatest_effect_and_the_compiles(self) -> None:
        self.assertEqual(ABLATION.evaluate(readings()).sentence,
                         "What is decided: against usual, other: up to 2.0 times the instructions (micro's L2 cpuid-3r1w), "
                         "10 % more instructions in the compile.")

    def test_are_true_the_other_way_round(self) -> None:
        self.assertIn("up to 50 % fewer instructions (micro's L2 cpuid-3r1w), 0.1 % fewer instructions in the compile",
                      ABLATION.evaluate(readings(50, 999)).sentence)

    def test_say_so_where_nothing_changes(self) -> None:
        self.assertIn("nothing in any operation of L2, just as many instructions in the compile", ABLATION.evaluate(readings(100, 1000)).sentence)

    def test_have_every_row_and_what_l0_executes_only_where_something_changes(self) -> None:
        tables = ABLATION.evaluate(readings()).tables
        self.assertEqual([list(row)[0] for row in tables[0].rows], list(MICRO_ROWS))
        self.assertEqual([list(row)[:2] for row in tables[1].rows], [["L2 cpuid-3r1w", "usual"], ["L2 cpuid-3r1w", "other"]])
        self.assertEqual(list(tables[-1].rows[1])[2], percent_more(1000, 1100))

    def test_a_row_that_was_not_printed_is_an_error(self) -> None:
        with self.assertRaises(FrontDoorError):
            ABLATION.evaluate(readings(rows=MICRO_ROWS[:3]))

    def test_a_compile_that_was_not_printed_is_an_error(self) -> None:
        broken = readings()
        broken.by_boot[compile_boot((), True)].__dict__["console"] = "work name=gzip ticks=1\n"
        with self.assertRaisesRegex(FrontDoorError, "0 lines `work name=compile`"):
            ABLATION.evaluate(broken)


class Words(unittest.TestCase):
    def test_tell_more_fewer_and_equal(self) -> None:
        self.assertEqual([in_words(times) for times in (1, 2.94, 12.3, 1.17, 0.996)],
                         ["just as many instructions", "2.9 times the instructions", "12 times the instructions", "17 % more instructions",
                          "0.4 % fewer instructions"])

    def test_the_greatest_change_goes_either_way(self) -> None:
        changes = [Change("a", 10, 15), Change("b", 10, 2), Change("c", 0, 5), Change("d", 3, 3)]
        self.assertEqual(greatest(changes), changes[1])
        self.assertIsNone(greatest(changes[2:]))


if __name__ == "__main__":
    unittest.main()
