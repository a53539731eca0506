"""`./kurma knobs`: the table of knobs; with --measure, one effect of each, seen in this run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import knob_effects, setups, versions
from .costs import Cost
from .counts_file import number, rows_of
from .errors import FrontDoorError, Status
from .knob_effects import Effect, Seen
from .knobs import Knob, knobs, knob_help
from .paths import new_run_dir, shown
from .progress import say
from .texttable import table

HELP = "the table of knobs; --measure: what each of them does to one row, measured now"
ABOUT = """\
Every decision of Kurma that can be switched. With --measure, boots micro (and for what is hidden from L1 mostly Linux with
KVM) with the default and with the other values, and shows for each knob the row that experiments/knobs/effects.toml has."""
EXAMPLES = """\
examples:
  ./kurma knobs                               what each does, trades, and when it may change
  ./kurma knobs --measure                     one measured effect of each: some three minutes
  ./kurma knobs bitmap_merge --measure --rows 5
  ./kurma knobs --measure --markdown          the same as a table for a README
"""
UNITS = {"median": "instructions", "min": "instructions", "exits": "exits"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("knobs", nargs="*", metavar="KNOB", help="only these (default: all)")
    parser.add_argument("--measure", action="store_true", help="boot with each value and show what changes")
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="with --measure: also the N rows that change most")
    parser.add_argument("--markdown", action="store_true", help="as a Markdown table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="as JSON, with the measured figures if there are any")


def command(arguments: argparse.Namespace) -> Status:
    chosen = _chosen(arguments.knobs)
    if arguments.rows and not arguments.measure:
        raise FrontDoorError("--rows belongs to --measure")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    if not arguments.measure:
        print(markdown_of_knobs(chosen) if arguments.markdown else knob_help(chosen), end="")
        _write(arguments.json, chosen, [])
        return Status.POWER_OFF
    wanted = [effect for effect in knob_effects.effects(knobs()) if any(effect.knob == knob.name for knob in chosen)]
    boots = knob_effects.boots(wanted)
    say(f"{len(wanted)} knobs, {len(boots)} boots")
    measured = setups.measure(boots, setups.images_for(boots), new_run_dir("knobs"))
    found = [knob_effects.seen(effect, measured) for effect in wanted]
    print(markdown_of_effects(found) if arguments.markdown else text_of_effects(found))
    if arguments.rows:
        for effect in wanted:
            print("\n".join(_rows(effect, measured, arguments.rows)))
    _write(arguments.json, chosen, found)
    still = [seen.effect.knob for seen in found if not seen.moved]
    if still:
        say(f"NO EFFECT seen of: {', '.join(still)}")
    return Status.TESTS_FAILED if still else Status.POWER_OFF


def _chosen(names: Sequence[str]) -> list[Knob]:
    known = {knob.name: knob for knob in knobs()}
    for name in names:
        if name not in known:
            raise FrontDoorError(f"no knob {name}; there are: {', '.join(known)}")
    return [knob for knob in known.values() if not names or knob.name in names]


def markdown_of_knobs(chosen: Sequence[Knob]) -> str:
    lines = ["| knob | values | default | may change | what it does | what it trades | shown by |",
             "|---|---|---|---|---|---|---|"]
    for knob in chosen:
        columns = (f"`{knob.name}`", knob.values.replace("|", "/"), knob.default, knob.when, knob.what, knob.trades,
                   knob.shown_by)
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def cells(found: Sequence[Seen]) -> list[list[str]]:
    """Knob, L1 and row, figure, then what it was with the usual value and with the others."""
    return [[seen.effect.knob, f"{seen.effect.l1}: {seen.effect.row}", _unit(seen.effect.figure),
             *(f"{value}: {number(seen.figures[value])}" for value in (seen.effect.usual, seen.effect.values[0])),
             ", ".join(f"{value}: {number(seen.figures[value])}" for value in seen.effect.values[1:])] for seen in found]


def text_of_effects(found: Sequence[Seen]) -> str:
    return table(["knob", "row", "of one operation", "default", "changed", "further"], cells(found), left=6)


def markdown_of_effects(found: Sequence[Seen]) -> str:
    lines = ["| knob | row | of one operation | default | changed | further |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *("| `" + row[0] + "` | " + " | ".join(row[1:]) + " |" for row in cells(found))])


def _unit(figure: str) -> str:
    return UNITS.get(figure, figure.upper())


def _rows(effect: Effect, measured: Mapping[str, Sequence[Cost]], most: int) -> list[str]:
    usual = rows_of(measured[effect.setup(effect.usual).name])
    lines = []
    for value in effect.values:
        lines.append(f"{effect.knob}: {effect.usual} → {value}, the rows that change most:")
        changed = knob_effects.most_changed(usual, rows_of(measured[effect.setup(value).name]), most)
        lines += [f"  {row}: {_unit(figure)} {number(before)} → {number(after)}" for row, figure, before, after in changed]
        if not changed:
            lines.append("  none")
    return lines


def _write(path: Path | None, chosen: Sequence[Knob], found: Sequence[Seen]) -> None:
    if path is None:
        return
    effects = {seen.effect.knob: {"l1": seen.effect.l1, "row": seen.effect.row, "figure": seen.effect.figure,
                                  "default": seen.effect.usual, "other_knobs": list(seen.effect.others),
                                  "cpu": seen.effect.cpu, "figures": dict(seen.figures)} for seen in found}
    path.write_text(json.dumps({"git": versions.git(), "host": versions.host(), "knobs": [
        {"name": knob.name, "default": knob.default, "values": knob.values, "may_change": knob.when, "what": knob.what,
         "trades": knob.trades, "effect": effects.get(knob.name)} for knob in chosen]}, indent=2) + "\n")
    say(f"the same as JSON: {shown(path)}")
