"""Kurma's knobs, for the help: read from the very table that the code is made of."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from .paths import ROOT

TABLE = ROOT / "vmx-emul" / "include" / "vmx" / "policy.def"
WIDTH = 116
_ROW = re.compile(r'^K\(\w+, "([\w.]+)", \w+, ([\w:]+),\s*((?:"[^"]*"\s*)+)\)', re.MULTILINE)


@dataclass(frozen=True)
class Knob:
    name: str
    default: str
    what: str


def knobs(table: Path = TABLE) -> list[Knob]:
    return [Knob(name, _as_written(default), "".join(re.findall(r'"([^"]*)"', what)))
            for name, default, what in _ROW.findall(table.read_text())]


def knob_help() -> str:
    """The part of `./kurma run --help` that says what --set can set."""
    lines = ["knobs (--set KNOB=VALUE; on | off unless told otherwise):"]
    for knob in knobs():
        lines += textwrap.wrap(f"{knob.name}={knob.default}: {knob.what}", WIDTH, initial_indent="  ",
                               subsequent_indent="      ")
    return "\n".join(lines) + "\n"


def _as_written(default: str) -> str:
    words = {"true": "on", "false": "off"}
    return words.get(default, default.rpartition("::")[2].replace("_", "-"))
