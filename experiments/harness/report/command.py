"""`./kurma report`: the results of the experiments as a page."""

from __future__ import annotations

import argparse
import html
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .. import packages
from ..errors import FrontDoorError, Status
from ..experiment import catalogue
from ..paths import RESULTS, ROOT, shown
from ..progress import say
from . import results
from .page import page

HELP = "the experiments' results as one page, with figures, and what papers say beside ours"
ABOUT = """\
Makes one self-contained HTML page from whatever results of ./kurma experiment there are: each experiment's question, its
sentence, figures, tables, the papers' values beside ours with their certainty, and how to repeat it. Every figure also
becomes files in figures/: SVG and PNG, light and dark. Readable in light and dark, on a phone, and printed.
Status 1 if a result could not be read or a figure not be drawn; the page has the rest."""
EXAMPLES = """\
examples:
  ./kurma report                          results/experiments/*/result.json become results/report/index.html
  ./kurma report --from old --out old/page    ... those of another directory
"""
PYTHON = "/usr/bin/python3"     # Debian's, for which Debian's matplotlib is.
FROM, OUT = RESULTS / "experiments", RESULTS / "report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", type=Path, default=FROM, metavar="DIR", dest="source",
                        help=f"what ./kurma experiment wrote (default {shown(FROM)})")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR",
                        help=f"where the page and figures/ go (default {shown(OUT)})")


def command(arguments: argparse.Namespace) -> Status:
    found = results.read(arguments.source, catalogue.names())
    if not found.found and not found.unreadable:
        raise FrontDoorError(f"no result in {shown(arguments.source)}/: ./kurma experiment all --quick makes them")
    packages.ensure(packages.REPORT)
    path = write(found, arguments.out)
    for complaint in found.complaints:
        say(complaint)
    figures = [drawing for drawing in found.drawings if drawing.figure is not None]
    print(f"{_counted(len(found.found), 'experiment')}, {_counted(len(figures), 'figure')}"
          + (f"; not run yet: {', '.join(found.missing)}" if found.missing else ""))
    print(shown(path))
    return Status.TESTS_FAILED if found.complaints else Status.POWER_OFF


def write(found: results.Results, out: Path) -> Path:
    """The page and its figures; the page last, so that it never names figures that are not there."""
    try:
        (out / "figures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FrontDoorError(f"--out {out}: {error.strerror}") from None
    path = out / "index.html"
    drawn = _drawn(found, out / "figures", _named_by(path))
    path.write_text(page(found, drawn), encoding="utf-8")
    return path


def _named_by(page_before: Path) -> list[str]:
    """The figures of the page that is to be written over: theirs, and no other files, are the report's own to remove. A name
    with a slash in it is none of ours, whoever wrote that page."""
    try:
        text = page_before.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    return [html.unescape(stem) for stem in re.findall(r'data-figure="([^"/]*)"', text)]


def _drawn(found: results.Results, directory: Path, before: Sequence[str]) -> dict[str, dict[str, str]]:
    figures = {drawing.stem: drawing.data for drawing in found.drawings if drawing.figure is not None}
    job = {"out": str(directory.absolute()), "figures": figures, "gone": [stem for stem in before if stem not in figures]}
    done = subprocess.run([PYTHON, "-m", "harness.report.draw"], cwd=ROOT / "experiments", input=json.dumps(job),
                          capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FrontDoorError(f"the figures could not be drawn: {last}", Status.TESTS_FAILED)
    made: dict[str, dict[str, str]] = json.loads(done.stdout)
    return made


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
