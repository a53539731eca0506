"""What `./kurma papers` prints and writes: every figure, once, with its certainty."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from harness import papers, papers_command
from harness.errors import FrontDoorError, Status

ROW = papers.Row("table 1", "cpuid", "linux-kvm", "L2", "shadow VMCS on", "58000", "cycles", "a processor", "from memory", "exit-cost")


def placed(*rows: papers.Row) -> list[papers.Placed]:
    return [papers.Placed("turtles-osdi-2010", "exits.csv", row) for row in rows]


class TheListing(unittest.TestCase):
    def test_a_row_has_its_place_processor_value_certainty_and_experiment(self) -> None:
        text = papers_command.listing(placed(ROW))
        for said in ("Turtles  (papers/turtles-osdi-2010/)", "table 1; processor: a processor", "58,000 cycles",
                     "from memory, unverified", "exit-cost", "never share an axis"):
            with self.subTest(said=said):
                self.assertIn(said, text)

    def test_totals_count_by_certainty_and_by_experiment(self) -> None:
        lines = papers_command.totals(placed(ROW, ROW, replace(ROW, certainty="read at the source"))).splitlines()
        counted = {line.rsplit(None, 1)[0]: line.rsplit(None, 1)[1] for line in lines if line and not line.startswith("-")}
        self.assertEqual({name: counted[name] for name in ("read at the source", "from memory, unverified", "all", "exit-cost")},
                         {"read at the source": "1", "from memory, unverified": "2", "all": "3", "exit-cost": "3"})

    def test_every_figure_of_papers_is_printed(self) -> None:
        rows = papers.all_rows()
        text = papers_command.listing(rows)
        printed = [line for line in text.splitlines() if line.startswith("  ") and line.endswith(tuple(papers_command._cells(
            one.row)[-1] for one in rows))]
        self.assertEqual(len(printed), len(rows))

    def test_only_the_figures_of_one_experiment(self) -> None:
        rows = placed(ROW, replace(ROW, reproduced_by="macro"))
        self.assertEqual(papers_command.chosen(rows, "macro"), rows[1:])
        self.assertEqual(papers_command.chosen(rows, None), rows)
        with self.assertRaisesRegex(FrontDoorError, "'makro'; there are figures for: exit-cost, macro"):
            papers_command.chosen(rows, "makro")


class TheCommand(unittest.TestCase):
    def run_with(self, **arguments: object) -> tuple[Status, str]:
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            status = papers_command.command(argparse.Namespace(**{"experiment": None, "json": None, **arguments}))
        return status, output.getvalue()

    def test_json_has_every_figure_as_numbers(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "papers.json"
            status, _ = self.run_with(json=path)
            figures = json.loads(path.read_text())["figures"]
        self.assertEqual(status, Status.POWER_OFF)
        self.assertEqual(len(figures), len(papers.all_rows()))
        self.assertTrue(all(figure["value"] > 0 and figure["certainty"] in papers.CERTAINTIES for figure in figures))

    def test_a_directory_that_is_not_there_is_said_before_anything_is_printed(self) -> None:
        with self.assertRaisesRegex(FrontDoorError, "does not exist"):
            self.run_with(json=Path("/nonexistent/papers.json"))


if __name__ == "__main__":
    unittest.main()
