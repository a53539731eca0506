"""`./kurma papers`: what others measured, source by source, with each figure's certainty and what reproduces it here."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from . import papers
from .errors import FrontDoorError, Status
from .paths import ROOT, shown
from .papers import Placed, Row
from .progress import say
from .texttable import table

HELP = "what the papers and other systems measured: every figure, its certainty, which experiment reproduces it"
ABOUT = """\
Lists the figures of papers/, source by source: where in the source a figure stands, on which processor, how certain it is,
and which experiment measures the same here. Boots nothing. What may be concluded from a source: papers/SOURCE/notes.md."""
EXAMPLES = """\
examples:
  ./kurma papers                               every figure
  ./kurma papers --experiment first-touch      what first-touch has to stand beside
  ./kurma papers --experiment "not on Bochs"   what cannot be reproduced here (the notes say why)
  ./kurma papers --json papers.json            the same as data
"""
SEPARATE = """\
Cycles and instructions share no axis: Bochs counts instructions, a processor cycles. Ratios and counts may be compared."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--experiment", metavar="NAME", help="only figures that this experiment reproduces, or "
                                                             f"`{papers.NO_EXPERIMENT_YET}`, or `{papers.NOT_ON_BOCHS}`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures as JSON")


def command(arguments: argparse.Namespace) -> Status:
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    placed = chosen(papers.all_rows(), arguments.experiment)
    print(listing(placed), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"figures": [as_json(one) for one in placed]}, indent=2) + "\n")
        say(f"the same as JSON: {shown(arguments.json)}")
    return Status.POWER_OFF


def chosen(placed: Sequence[Placed], experiment: str | None) -> list[Placed]:
    if experiment is None:
        return list(placed)
    found = [one for one in placed if one.row.reproduced_by == experiment]
    if not found:
        known = sorted({one.row.reproduced_by for one in placed})
        raise FrontDoorError(f"no figure of papers/ is reproduced by {experiment!r}; "
                             f"there are figures for: {', '.join(known)}")
    return found


def listing(placed: Sequence[Placed]) -> str:
    parts = [_source(folder, list(of_source)) for folder, of_source in groupby(placed, key=lambda one: one.folder)]
    return "\n\n".join([*parts, totals(placed), SEPARATE])


def totals(placed: Sequence[Placed]) -> str:
    certain = Counter(one.row.certainty for one in placed)
    reproduced = Counter(one.row.reproduced_by for one in placed)
    by_certainty = [[papers.shown_certainty(name), str(certain[name])] for name in papers.CERTAINTIES if certain[name]]
    by_experiment = [[name, str(count)] for name, count in sorted(reproduced.items(), key=lambda item: (-item[1], item[0]))]
    return "\n\n".join([table(["certainty", "figures"], [*by_certainty, ["all", str(len(placed))]]),
                        table(["reproduced by", "figures"], by_experiment)])


def as_json(one: Placed) -> dict[str, object]:
    return {"source": one.folder, "file": one.file, **asdict(one.row), "value": one.row.number}


def _source(folder: str, placed: Sequence[Placed]) -> str:
    """One heading, then a table for each place in the source; widths are those of the whole source."""
    text = [f"{_title(folder)}  (papers/{folder}/)"]
    for (where, processor), rows in groupby((one.row for one in placed), key=lambda row: (row.source_table, row.processor)):
        text.append(f"\n  {where}; processor: {processor}")
        lines = table(["operation", "L1", "level", "what", "certainty", "reproduced by", "value"],
                      [_cells(row) for row in rows], left=6)
        text.append("\n".join("  " + line for line in lines.splitlines()))
    return "\n".join(text)


def _cells(row: Row) -> list[str]:
    return [row.operation, row.l1, row.level, row.configuration, papers.shown_certainty(row.certainty), row.reproduced_by,
            f"{row.number:,.10g} {row.unit}"]


def _title(folder: str) -> str:
    first = (ROOT / "papers" / folder / "notes.md").read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("# ")
