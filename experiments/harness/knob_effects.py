"""One measured effect of each knob: which row shows it is data (experiments/knobs/effects.toml), the figures are a run's."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .costs import COUNTS, Cost
from .counts_file import GUARDED, Rows, rows_of
from .errors import FrontDoorError
from .knobs import Knob
from .paths import ROOT, shown
from .platform_bochs import DEFAULT_CPU
from .setups import COSTS_CMDLINE, Setup

FILE = ROOT / "experiments" / "knobs" / "effects.toml"
TICKS = ("min", "median")


@dataclass(frozen=True)
class Effect:
    """What is to be compared: one row's figure, with `usual` and with each of `values`, on an L1, other knobs as told."""

    knob: str
    usual: str
    values: tuple[str, ...]
    l1: str
    row: str
    figure: str
    others: tuple[str, ...] = ()
    cpu: str = DEFAULT_CPU

    def setup(self, value: str) -> Setup:
        """The boot with that value. The usual one with no other knobs is everybody's: the default boot."""
        knobs = (*self.others, *(() if value == self.usual else (f"{self.knob}={value}",)))
        name = "-".join([self.l1, *(knob.replace("=", "-") for knob in knobs)] if knobs else [self.l1, "default"])
        return Setup(name if self.cpu == DEFAULT_CPU else f"{name}-{self.cpu}", self.l1, knobs, self.cpu)

    def setups(self) -> list[Setup]:
        return [self.setup(value) for value in (self.usual, *self.values)]


@dataclass(frozen=True)
class Seen:
    """An effect as a run showed it."""

    effect: Effect
    figures: Mapping[str, float]   # By value, the usual one first.

    @property
    def moved(self) -> bool:
        usual = self.figures[self.effect.usual]
        return all(self.figures[value] != usual for value in self.effect.values)


def effects(knobs: Sequence[Knob], path: Path = FILE) -> list[Effect]:
    """In the order of the knobs' own table."""
    try:
        document = tomllib.loads(path.read_text())
        told = {name: _effect(name, table, knobs) for name, table in _flat(document)}
    except (FileNotFoundError, tomllib.TOMLDecodeError) as error:
        raise FrontDoorError(f"{shown(path)}: {error}") from None
    return [told[knob.name] for knob in knobs if knob.name in told]


def _flat(document: Mapping[str, object]) -> Iterable[tuple[str, Mapping[str, object]]]:
    """`[offer.ept]` is a table within a table for TOML, and one knob for us."""
    for name, table in document.items():
        assert isinstance(table, dict)
        if "row" in table:
            yield name, table
        else:
            yield from ((f"{name}.{inner}", found) for inner, found in table.items())


def _effect(name: str, table: Mapping[str, object], knobs: Sequence[Knob]) -> Effect:
    knob = next((knob for knob in knobs if knob.name == name), None)
    if knob is None:
        raise FrontDoorError(f"{shown(FILE)}: there is no knob {name}")
    usual, values = str(table.get("usual", knob.default)), table.get("values")
    l1, figure, others = str(table.get("l1", "micro")), str(table.get("figure", "median")), table.get("others", [])
    if not isinstance(values, list) or not values or usual in values or not isinstance(others, list):
        raise FrontDoorError(f"{shown(FILE)}: {name} needs `values`, a list without the usual value {usual}")
    if l1 not in COSTS_CMDLINE or figure not in GUARDED or not table.get("row"):
        raise FrontDoorError(f"{shown(FILE)}: {name} needs `row`, `l1` of {', '.join(COSTS_CMDLINE)} and `figure` of "
                             f"{', '.join(GUARDED)}")
    return Effect(name, usual, tuple(map(str, values)), l1, str(table["row"]), figure, tuple(map(str, others)),
                  str(table.get("cpu", DEFAULT_CPU)))


def boots(wanted: Iterable[Effect]) -> list[Setup]:
    """Each boot once; Linux's first, which take longest."""
    found = {setup.name: setup for effect in wanted for setup in effect.setups()}
    return sorted(found.values(), key=lambda setup: setup.l1 != "linux-kvm")


def seen(effect: Effect, measured: Mapping[str, Sequence[Cost]]) -> Seen:
    figures = {}
    for value in (effect.usual, *effect.values):
        rows = rows_of(measured[effect.setup(value).name])
        if effect.row not in rows:
            raise FrontDoorError(f"{effect.knob}: the boot {effect.setup(value).name} has no row {effect.row!r}; it has: "
                                 f"{', '.join(rows)}")
        figures[value] = rows[effect.row].get(effect.figure, 0)
    return Seen(effect, figures)


def most_changed(usual: Rows, other: Rows, most: int) -> list[tuple[str, str, float, float]]:
    """(row, figure, before, after), the greatest ratios first; of each row its most changed figure."""
    found = []
    for row in (row for row in usual if row in other):
        figures = [(_ratio(usual[row].get(name, 0), other[row].get(name, 0)), name) for name in ("median", *COUNTS)]
        ratio, name = max(figures, key=lambda figure: figure[0])
        if ratio > 1:
            found.append((ratio, row, name))
    found.sort(key=lambda entry: -entry[0])
    return [(row, name, usual[row].get(name, 0), other[row].get(name, 0)) for _, row, name in found[:most]]


def _ratio(before: float, after: float) -> float:
    low, high = sorted((before, after))
    return 1.0 if low == high else high / low if low > 0 else high + 1
