"""Tables for terminals: columns, and headings that are too long."""

import unittest

from harness.texttable import table


class Tables(unittest.TestCase):
    def test_the_first_column_begins_where_it_does_and_the_others_end(self) -> None:
        self.assertEqual(table(["operation", "Kurma"], [["cpuid", "95"], ["out", "1,707"]]).splitlines(), [
            "operation  Kurma",
            "---------  -----",
            "cpuid         95",
            "out        1,707"])

    def test_one_that_fits_keeps_its_headings(self) -> None:
        heading = ["what was measured", "more than counters"]
        self.assertEqual(table(heading, [["a", "1"]], widest=37).splitlines()[0], "what was measured  more than counters")

    def test_a_heading_is_broken_into_as_few_lines_as_make_the_table_fit(self) -> None:
        self.assertEqual(table(["a knob of L0", "more than counters"], [["trace", "1"]], widest=19).splitlines(), [
            "a knob  more than",
            "of L0    counters",
            "------  ---------",
            "trace           1"])

    def test_a_name_with_hyphens_may_be_broken_behind_one(self) -> None:
        self.assertEqual(table(["knob", "first-touch-l1-maps"], [["off", "2"]], widest=19).splitlines()[:3], [
            "             first-",
            "knob  touch-l1-maps",
            "----  -------------"])

    def test_no_column_becomes_narrower_than_its_cells(self) -> None:
        self.assertEqual(table(["one two", "x"], [["a long one", "1"]], widest=12).splitlines()[0], "one two     x")

    def test_what_is_too_wide_by_its_cells_keeps_its_headings_whole(self) -> None:
        lines = table(["one two three", "x"], [["a" * 40, "1"]], widest=30).splitlines()
        self.assertEqual(lines[0], f"{'one two three':40}  x")

    def test_without_rows_there_is_still_a_heading(self) -> None:
        self.assertEqual(table(["a", "b"], []), "a  b\n-  -")


if __name__ == "__main__":
    unittest.main()
