"""Cost lines and their table."""

import unittest

from harness.costs import COUNTS, Cost, CostError, Section, number, parse, rows, table


def line(op: str, median: int, l1: str = "micro", level: str = "L2", n: int = 200, **counts: int) -> str:
    words = "".join(f" {name}={counts.get(name, 0)}" for name in COUNTS) if counts else ""
    return f"cost l1={l1} level={level} op={op} n={n} min={median - 1} median={median} max={median + 9}{words}\r\n"


class Parsing(unittest.TestCase):
    def test_reads_a_line_with_counts(self) -> None:
        cost, = parse(line("cpuid", 24, exits=400, vmread=1000).encode())
        self.assertEqual((cost.l1, cost.level, cost.op, cost.n), ("micro", "L2", "cpuid", 200))
        self.assertEqual(cost.ticks, {"min": 23, "median": 24, "max": 33})
        self.assertEqual(cost.per_operation("exits"), 2.0)
        self.assertEqual(cost.per_operation("vmread"), 5.0)
        self.assertEqual(cost.per_operation("vmclear"), 0.0)

    def test_a_hardware_event_may_stand_beside_the_counts_and_has_a_column_then(self) -> None:
        cost, = parse((line("hlt", 24, exits=400).strip() + " event=5000\r\n").encode())
        self.assertEqual(cost.per_operation("event"), 25.0)
        self.assertEqual(Cost.from_json(cost.as_json()), cost)
        text = table([Section("L2", [cost], [])])
        self.assertRegex(text, r"VMCLEAR +event\n")
        self.assertRegex(text, r"hlt .* 25(\n|$)")
        self.assertNotIn("event", table([Section("L2", parse(line("hlt", 24, exits=400).encode()), [])]))

    def test_an_event_without_the_counts_is_an_error(self) -> None:
        with self.assertRaises(CostError):
            parse((line("hlt", 24).strip() + " event=5\n").encode())

    def test_a_line_without_kurma_has_no_counts(self) -> None:
        cost, = parse(line("cpuid", 24).encode())
        self.assertIsNone(cost.per_operation("exits"))

    def test_other_console_lines_are_passed_over(self) -> None:
        self.assertEqual(parse(b"micro: hello\r\nthe cost l1=micro\r\n"), [])

    def test_a_broken_line_is_an_error(self) -> None:
        for broken in ("cost l1=micro level=L2 op=cpuid n=200 min=1 median=x max=3",
                       "cost l1=micro level=L2 op=cpuid n=200 min=1 max=3",
                       "cost l1=micro level=L2 op=cpuid n=0 min=1 median=1 max=3",
                       "cost l1=micro level=L2 op=cpuid n=1 min=1 median=1 max=3 exits=4"):
            with self.subTest(broken), self.assertRaises(CostError):
                parse(broken.encode())


class Rows(unittest.TestCase):
    def test_factor_and_counts_stand_beside_the_single_level(self) -> None:
        section = Section("s", parse(line("hlt", 300, exits=400, vmwrite=300).encode()), parse(line("hlt", 100).encode()))
        self.assertEqual(rows(section), [["hlt", "100", "300", "3.0", "2", "0", "1.5", "0", "0"]])

    def test_an_operation_of_one_side_only_keeps_its_row(self) -> None:
        section = Section("s", parse(line("a", 5).encode()), parse(line("b", 7).encode()))
        self.assertEqual([row[:4] for row in rows(section)], [["a", "", "5", ""], ["b", "7", "", ""]])

    def test_a_zero_single_level_gives_no_factor(self) -> None:
        section = Section("s", parse(line("a", 5).encode()), parse(line("a", 0).encode()))
        self.assertEqual(rows(section)[0][3], "")

    def test_numbers_are_whole_or_have_one_decimal(self) -> None:
        self.assertEqual([number(12345), number(2.0), number(2.5)], ["12,345", "2", "2.5"])

    def test_columns_stand_in_line(self) -> None:
        text = table([Section("title", parse(line("a", 5).encode()), parse(line("a", 100000).encode()))]).split("\n")
        self.assertEqual(text[0].index("on Kurma") + len("on Kurma"), text[3].index("5") + 1)
        self.assertEqual(text[2], "title")


if __name__ == "__main__":
    unittest.main()
