"""Kurma's knobs: read from the very table that the code is made of."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .paths import ROOT

TABLE = ROOT / "vmx-emul" / "include" / "vmx" / "policy.def"
WIDTH = 116
_TEXT = r'((?:"[^"]*"\s*)+)'
_ROW = re.compile(rf'^K\(\w+, "([\w.]+)", \w+, ([\w:]+), "([^"]*)", (\w+),\s*{_TEXT},\s*{_TEXT},\s*{_TEXT}\)', re.MULTILINE)


@dataclass(frozen=True)
class Knob:
    name: str
    default: str
    values: str
    when: str
    what: str
    trades: str
    shown_by: str


def knobs(table: Path = TABLE) -> list[Knob]:
    return [Knob(name, _as_written(default), values, when.replace("_", " "), *map(_joined, (what, trades, shown_by)))
            for name, default, values, when, what, trades, shown_by in _ROW.findall(table.read_text())]


def knob_help(chosen: Sequence[Knob] | None = None) -> str:
    """The part of `./kurma run --help` that says what --set can set; or of only some knobs."""
    lines = ["knobs (--set KNOB=VALUE; the default stands first, then the values):"]
    for knob in knobs() if chosen is None else chosen:
        text = f"{knob.name}={knob.default} ({knob.values}; {knob.when}): {knob.what}. It trades: {knob.trades}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ")
    return "\n".join(lines) + "\n"


def _joined(literals: str) -> str:
    return "".join(re.findall(r'"([^"]*)"', literals))


def _as_written(default: str) -> str:
    words = {"true": "on", "false": "off"}
    return words.get(default, default.rpartition("::")[2].replace("_", "-"))
