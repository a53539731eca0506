"""One row is found, or nothing is; and what may not share an axis does not."""

from __future__ import annotations

import sys
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import find  # noqa: E402
import tables  # noqa: E402

ROWS = """\
table 1,cpuid,none,L1,shadow VMCS off,2600,cycles,a processor,read at the source,exit-cost
table 1,cpuid,linux-kvm,L2,shadow VMCS off,58000,cycles,a processor,quoted by others,exit-cost
table 1,cpuid,linux-kvm,L2,shadow VMCS off; minimum,57000,cycles,a processor,quoted by others,exit-cost
table 1,round,linux-kvm,L2,lowest,6,VMREAD,any,from memory,exit-cost
table 1,round,linux-kvm,L2,lowest,2,VMWRITE,any,from memory,exit-cost
Table 2,kernbench,linux-kvm,L2,overhead,14.5,percent,a processor,quoted by others,macro
"""


@contextmanager
def some_papers() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a-paper").mkdir()
        (Path(folder) / "a-paper" / "rows.csv").write_text(",".join(tables.COLUMNS) + "\n" + ROWS, encoding="utf-8")
        yield Path(folder)


class OneRow(unittest.TestCase):
    def found(self, table: str, operation: str, configuration: str | None = None, folder: str = "a-paper") -> float:
        with some_papers() as papers:
            return find.find(folder, table, operation, configuration, papers).number

    def test_a_single_row_needs_no_configuration(self) -> None:
        self.assertEqual(self.found("table 2", "kernbench"), 14.5)

    def test_l1_level_configuration_and_unit_tell_rows_apart(self) -> None:
        self.assertEqual(self.found("table 1", "cpuid", "L1"), 2600)
        self.assertEqual(self.found("table 1", "cpuid", "minimum"), 57000)
        self.assertEqual(self.found("table 1", "round", "VMWRITE"), 2)
        self.assertEqual(self.found("table 1", "cpuid", "linux-kvm L2 shadow VMCS off cycles"), 58000)

    def test_none_and_several_are_errors_that_say_what_there_is(self) -> None:
        for arguments, said in ((("table 1", "cpuid", None), "3 rows fit"), (("table 1", "cpuid", "nowhere"), "0 rows fit"),
                                (("table 1", "round", "lowest"), "2 rows fit"), (("table 9", "cpuid", None), "Table 2"),
                                (("table 1", "hlt", None), "cpuid, round"),
                                (("table 1", "cpuid", None, "no-paper"), "a-paper")):
            with self.subTest(arguments=arguments), self.assertRaisesRegex(find.FindError, said):
                self.found(*arguments)

    def test_every_figure_of_ours_can_be_found(self) -> None:
        for placed in find.all_rows():
            row = placed.row
            with self.subTest(folder=placed.folder, row=row):
                self.assertEqual(find.find(placed.folder, row.source_table, row.operation, find.description(row)), row)


class SideBySide(unittest.TestCase):
    def test_nothing_shares_an_axis_with_instructions_but_instructions(self) -> None:
        for unit in tables.UNITS:
            with self.subTest(unit=unit):
                self.assertEqual(find.comparable(unit, "instructions"), unit == "instructions")

    def test_a_unit_is_comparable_with_itself_by_either_name_and_with_no_other(self) -> None:
        for unit in tables.UNITS:
            for other in tables.UNITS:
                with self.subTest(unit=unit, other=other):
                    self.assertEqual(find.comparable(unit, other), unit == other)
        self.assertTrue(find.comparable("percent", "%"))
        self.assertTrue(find.comparable("factor", "ratio"))
        self.assertFalse(find.comparable("percent", "ratio"))

    def test_a_ratio_is_of_one_unit_and_one_processor(self) -> None:
        with some_papers() as papers:
            nested = find.find("a-paper", "table 1", "cpuid", "minimum", papers)
            single = find.find("a-paper", "table 1", "cpuid", "L1", papers)
            reads = find.find("a-paper", "table 1", "round", "VMREAD", papers)
        self.assertAlmostEqual(find.ratio(nested, single), 57000 / 2600)
        with self.assertRaises(find.FindError):
            find.ratio(nested, reads)

    def test_what_is_made_of_two_figures_is_as_certain_as_the_weaker(self) -> None:
        self.assertEqual(find.weaker("read at the source", "from memory"), "from memory")
        self.assertEqual(find.weaker("quoted by others", "read at the source"), "quoted by others")
        self.assertEqual(set(find.STRENGTH), set(tables.CERTAINTIES))


if __name__ == "__main__":
    unittest.main()
