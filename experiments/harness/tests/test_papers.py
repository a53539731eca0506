"""What `./kurma papers` prints and writes: every figure, once, with its certainty."""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import tempfile
import unittest
from dataclasses import replace
from collections.abc import Iterator
from pathlib import Path

from harness import papers, papers_command
from harness.errors import FrontDoorError, Status
from harness.paths import ROOT

ROW = papers.Row("table 1", "cpuid", "linux-kvm", "L2", "shadow VMCS on", "58000", "cycles", "a processor", "from memory",
                 "exit-cost")


def placed(*rows: papers.Row) -> list[papers.Placed]:
    return [papers.Placed("turtles-osdi-2010", "exits.csv", row) for row in rows]


class TheListing(unittest.TestCase):
    def test_a_row_has_its_place_processor_value_certainty_and_experiment(self) -> None:
        text = papers_command.listing(placed(ROW))
        for said in ("Turtles  (papers/turtles-osdi-2010/)", "table 1; processor: a processor", "58,000 cycles",
                     "from memory, unverified", "exit-cost", "share no axis"):
            with self.subTest(said=said):
                self.assertIn(said, text)

    def test_totals_count_by_certainty_and_by_experiment(self) -> None:
        lines = papers_command.totals(placed(ROW, ROW, replace(ROW, certainty="read at the source"))).splitlines()
        counted = {line.rsplit(None, 1)[0]: line.rsplit(None, 1)[1] for line in lines if line and not line.startswith("-")}
        expected = {"read at the source": "1", "from memory, unverified": "2", "all": "3", "exit-cost": "3"}
        self.assertEqual({name: counted[name] for name in expected}, expected)

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


def named_figures(path: Path) -> Iterator[tuple[str, ...]]:
    """What an experiment's text names as source, table, operation (and configuration): calls and tuples that begin so."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {target.id: node.value.value for node in tree.body
             if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
             for target in node.targets if isinstance(target, ast.Name)}
    sources = {one.folder for one in papers.all_rows()}
    for node in ast.walk(tree):
        parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        texts = [part.value if isinstance(part, ast.Constant) else words.get(part.id) if isinstance(part, ast.Name) else None
                 for part in parts]
        if len(texts) >= 3 and texts[0] in sources and all(isinstance(text, str) for text in texts[:3]):
            yield tuple(text for text in texts[:4] if isinstance(text, str))


class WhatExperimentsName(unittest.TestCase):
    def test_each_figure_is_in_papers(self) -> None:
        """So that a renamed table is found out here, and not at the end of an experiment."""
        rows = papers.all_rows()
        for path in sorted((ROOT / "experiments").glob("*/experiment.py")):
            for folder, table, operation, *configuration in named_figures(path):
                with self.subTest(experiment=path.parent.name, figure=(folder, table, operation, *configuration)):
                    if configuration:
                        papers.find(folder, table, operation, configuration[0])
                    self.assertIn((folder, table, operation),
                                  {(one.folder, one.row.source_table, one.row.operation) for one in rows})

    def test_names_and_tuples_are_seen(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "experiment.py"
            path.write_text('PAPER = "neve"\nBeside(PAPER, "table 7", "x", 1.0)\nrow = ("neve", "table 6", "y", "z")\n'
                            'other("a", "b", "c")\n')
            self.assertEqual(sorted(named_figures(path)), [("neve", "table 6", "y", "z"), ("neve", "table 7", "x")])


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
