"""The arithmetic of exit-cost: sides beside each other, and what one thing off changes."""

import unittest

from harness.costs import Cost, parse
from harness.exit_cost import USUAL, Ablated, Side, ablated_figure, ablated_table, beside_table, geometric_mean
from harness.tests.test_costs import line


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
        self.assertAlmostEqual(geometric_mean([2.0, 8.0]), 4.0)


class OneThingOff(unittest.TestCase):
    ablated = Ablated("micro", "micro as L1", ("L2 cpuid", "L1 vmptrld", "L2 hlt"),
                      [*costs(cpuid=600, hlt=100), *costs("L1", vmptrld=200)],
                      {"copies": [*costs(cpuid=900, hlt=101), *costs("L1", vmptrld=100)], "checks": costs(cpuid=600, hlt=100)})

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
