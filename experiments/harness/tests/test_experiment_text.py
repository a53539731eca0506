"""A result as people read it on a terminal."""

from __future__ import annotations

import unittest
from typing import Any

from harness.experiment import Column, Table
from harness.experiment.text import as_text, beside_text, table_text
from harness.texttable import WIDEST

LONG = "What does it cost, with a word such as linux-kvm-as-l0 in it, " * 9


def beside(certainty: str, ours: float, what: str, operation: str = "cpuid") -> dict[str, Any]:
    return {"paper": "neve", "source_table": "table 7", "operation": operation, "theirs": 22.3077, "unit": "factor",
            "certainty": certainty, "ours": ours, "ours_unit": "factor", "ours_what": what}


class Texts(unittest.TestCase):
    def test_a_unit_that_all_columns_share_stands_in_the_title(self) -> None:
        table = Table("Costs", [Column("op"), Column("a", "exits"), Column("b", "exits")], [["x", 1, 2]]).as_json()
        self.assertTrue(table_text(table).startswith("Costs (exits)\nop  a  b\n"))

    def test_several_units_stand_in_the_headings_and_numbers_are_as_on_the_page(self) -> None:
        table = Table("Costs", [Column("op"), Column("a", "exits"), Column("b", "instructions")],
                      [["x", 0.00195, 1234567]]).as_json()
        self.assertEqual(table_text(table).splitlines()[1].split("  ")[0:2], ["op", "a (exits)"])
        self.assertEqual(table_text(table).splitlines()[3].split(), ["x", "0.00195", "1,234,567"])

    def test_a_figure_of_a_paper_stands_once_with_its_certainty_above_all_that_was_measured_here(self) -> None:
        rows = [beside("quoted by others", 10.2, "no shadowing"), beside("quoted by others", 1.61, "shadowing"),
                beside("from memory", 2, "VMCALL", "vmcall")]
        self.assertEqual(beside_text(rows).splitlines(), [
            "Beside the papers",
            "neve, table 7: cpuid: 22.3 factor, quoted by others",
            "  here 10.2 factor  no shadowing",
            "  here 1.61 factor  shadowing",
            "neve, table 7: vmcall: 22.3 factor, from memory, unverified",
            "  here    2 factor  VMCALL"])

    def test_no_line_of_prose_is_wider_than_a_terminal(self) -> None:
        text = as_text({"title": "Title", "question": LONG, "tables": [], "beside": [], "sentence": LONG, "made_with": {}})
        self.assertLessEqual(max(map(len, text.splitlines())), WIDEST)
        self.assertEqual(text.split(), ["Title", *LONG.split(), *LONG.split()])


if __name__ == "__main__":
    unittest.main()
