"""Every table of papers/ keeps the rules of papers/README.md, and a table that breaks one is found out."""

from __future__ import annotations

import re
import sys
import tempfile
import unittest
from collections import Counter
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tables  # noqa: E402

REPOSITORY = tables.PAPERS.parent
REASONS = {tables.NOT_ON_BOCHS: "## What Bochs cannot reproduce", tables.NO_EXPERIMENT_YET: "## What no experiment measures"}

# The lists of rows that our guests measure: where a name of a cost line must stand between quotes.
COST_LINE_SOURCES = ("guests/l1-hypervisors/micro/costs/l1_rows.cpp", "guests/l1-hypervisors/micro/costs/l2_rows.cpp",
                     "guests/l1-hypervisors/linux-kvm/probe/main.cpp")

GOOD = tables.Row("table 1", "cpuid", "linux-kvm", "L2", "shadow VMCS on", "58000", "cycles", "a processor",
                  "quoted by others", "exit-cost")


class TheTables(unittest.TestCase):
    def test_there_are_tables_and_each_folder_has_notes(self) -> None:
        self.assertGreater(len(tables.table_files()), 0)
        for folder in tables.source_folders():
            notes = folder / "notes.md"
            with self.subTest(folder=folder.name):
                self.assertTrue(notes.is_file() and notes.read_text(encoding="utf-8").strip(), "notes.md is missing")

    def test_every_row_keeps_the_rules(self) -> None:
        operations, experiments = tables.read_operations(), tables.experiments()
        for path in tables.table_files():
            for count, row in enumerate(tables.read(path), start=2):
                with self.subTest(table=path.relative_to(tables.PAPERS), row=count):
                    self.assertEqual(tables.problems(row, operations, experiments), [])

    def test_no_table_has_two_values_for_one_thing(self) -> None:
        for path in tables.table_files():
            keys = Counter(replace(row, value="", certainty="", reproduced_by="") for row in tables.read(path))
            with self.subTest(table=path.relative_to(tables.PAPERS)):
                self.assertEqual([key for key, times in keys.items() if times > 1], [])

    def test_notes_say_why_a_figure_cannot_be_reproduced(self) -> None:
        for folder in tables.source_folders():
            notes = (folder / "notes.md").read_text(encoding="utf-8")
            said = {row.reproduced_by for path in folder.glob("*.csv") for row in tables.read(path)}
            for why, heading in REASONS.items():
                with self.subTest(folder=folder.name, why=why):
                    self.assertEqual(why in said, heading in notes)

    def test_every_operation_of_the_list_is_used(self) -> None:
        used = {row.operation for path in tables.table_files() for row in tables.read(path)}
        self.assertEqual(set(tables.read_operations()) - used, set())

    def test_names_of_cost_lines_are_those_that_the_guests_print(self) -> None:
        printed: set[str] = set()
        for source in COST_LINE_SOURCES:
            printed |= set(re.findall(r'"([a-z0-9-]+)"', (REPOSITORY / source).read_text(encoding="utf-8")))
        for name, is_cost_line in tables.read_operations().items():
            with self.subTest(operation=name):
                self.assertEqual(name in printed, is_cost_line)


class TheChecks(unittest.TestCase):
    def problems_of(self, **change: str) -> list[str]:
        return tables.problems(replace(GOOD, **change), tables.read_operations(), {"exit-cost"})

    def test_a_good_row_has_no_problems(self) -> None:
        self.assertEqual(self.problems_of(), [])

    def test_an_unknown_word_is_a_problem(self) -> None:
        for column in ("operation", "l1", "level", "unit", "certainty", "reproduced_by"):
            with self.subTest(column=column):
                self.assertEqual(self.problems_of(**{column: "surely-not"}), [f"{column} 'surely-not' is not known"])

    def test_an_empty_cell_is_a_problem(self) -> None:
        for column in tables.COLUMNS:
            with self.subTest(column=column):
                self.assertIn(f"nothing stands under {column}", self.problems_of(**{column: " "}))

    def test_what_is_not_a_number_above_zero_is_a_problem(self) -> None:
        for value in ("", "58,000", "about 58000", "nan", "inf", "0", "-1"):
            with self.subTest(value=value):
                self.assertTrue(any("finite number" in text for text in self.problems_of(value=value)))

    def test_cycles_do_not_come_from_bochs_nor_instructions_from_a_processor(self) -> None:
        self.assertNotEqual(self.problems_of(processor="Bochs 2.7", certainty="measured by us"), [])
        self.assertNotEqual(self.problems_of(unit="instructions"), [])
        self.assertEqual(self.problems_of(processor="Bochs 2.7", certainty="measured by us", unit="instructions"), [])

    def test_a_figure_of_bochs_is_ours_and_ours_is_of_bochs(self) -> None:
        self.assertNotEqual(self.problems_of(processor="Bochs 2.7", unit="instructions"), [])
        self.assertNotEqual(self.problems_of(certainty="measured by us"), [])


class Reading(unittest.TestCase):
    def read(self, text: str) -> list[tables.Row]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            path.write_text(text, encoding="utf-8")
            return tables.read(path)

    def test_a_row_comes_back_as_it_was_written(self) -> None:
        line = ",".join(getattr(GOOD, name) for name in tables.COLUMNS)
        self.assertEqual(self.read(",".join(tables.COLUMNS) + "\n" + line + "\n"), [GOOD])

    def test_other_columns_an_empty_table_and_a_short_row_are_refused(self) -> None:
        head = ",".join(tables.COLUMNS)
        for text in ("", head + "\n", head.replace("level", "depth") + "\n", head + "\ntable 1,cpuid\n"):
            with self.subTest(text=text), self.assertRaises(tables.TableError):
                self.read(text)


if __name__ == "__main__":
    unittest.main()
