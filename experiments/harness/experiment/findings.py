"""What an experiment found: tables, figures as data (the report draws them), a sentence, and papers' figures beside ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | None
Value = int | float | None


class FindingsError(ValueError):
    """A table or a figure that does not fit together: a mistake in the experiment's own code."""


def _must(holds: bool, message: str) -> None:
    if not holds:
        raise FindingsError(message)


@dataclass(frozen=True)
class Column:
    name: str
    unit: str = ""

    def as_json(self) -> dict[str, str]:
        return {"name": self.name, "unit": self.unit}


@dataclass(frozen=True)
class Table:
    """None in a cell: not measured."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        _must(bool(self.columns) and bool(self.rows), f"table {self.title!r} is empty")
        for row in self.rows:
            _must(len(row) == len(self.columns),
                  f"table {self.title!r}: {len(row)} cells in a row of {len(self.columns)}: {row}")

    def as_json(self) -> dict[str, Any]:
        return {"title": self.title, "columns": [column.as_json() for column in self.columns],
                "rows": [[rounded(cell) for cell in row] for row in self.rows]}


@dataclass(frozen=True)
class Series:
    label: str
    values: Sequence[Value]

    def as_json(self) -> dict[str, Any]:
        return {"label": self.label, "values": [rounded(value) for value in self.values]}


@dataclass(frozen=True)
class Bars:
    """Horizontal bars: a group for each of `groups`, in it a bar for each series. `name` is the stem of its files."""

    name: str
    title: str
    unit: str
    groups: Sequence[str]
    series: Sequence[Series]
    log: bool = False
    stacked: bool = False

    def __post_init__(self) -> None:
        _must_fit(self.name, self.groups, self.series)
        _must(not (self.log and self.stacked),
              f"figure {self.name}: the parts of a stack mean nothing on a logarithmic axis")

    def as_json(self) -> dict[str, Any]:
        return {"kind": "bars", "name": self.name, "title": self.title, "unit": self.unit, "groups": list(self.groups),
                "log": self.log, "stacked": self.stacked, "series": [series.as_json() for series in self.series]}


@dataclass(frozen=True)
class Lines:
    """A line for each series over `x`."""

    name: str
    title: str
    x_label: str
    x: Sequence[int | float]
    unit: str
    series: Sequence[Series]
    log_x: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        _must_fit(self.name, self.x, self.series)

    def as_json(self) -> dict[str, Any]:
        return {"kind": "lines", "name": self.name, "title": self.title, "x_label": self.x_label, "x": list(self.x),
                "unit": self.unit, "log_x": self.log_x, "log": self.log,
                "series": [series.as_json() for series in self.series]}


def _must_fit(name: str, places: Sequence[object], series: Sequence[Series]) -> None:
    _must(re.fullmatch(r"[a-z0-9-]+", name) is not None, f"figure {name!r}: its name becomes a file's: a-z, 0-9 and - only")
    _must(bool(places) and bool(series), f"figure {name} is empty")
    for one in series:
        _must(len(one.values) == len(places),
              f"figure {name}: {one.label!r} has {len(one.values)} values for {len(places)} places")


@dataclass(frozen=True)
class Beside:
    """A figure of papers/ beside ours: the row of `paper` (a folder there) that `table`, `operation` and a part of its
    `configuration` single out; with `over`, that row divided by another one of the same table: (operation, part of its
    configuration). None for a part that need not be told."""

    paper: str
    table: str
    operation: str
    ours: float
    ours_unit: str
    ours_what: str
    configuration: str | None = None
    over: tuple[str, str | None] | None = None


@dataclass(frozen=True)
class Findings:
    sentence: str
    tables: Sequence[Table]
    figures: Sequence[Bars | Lines] = field(default_factory=tuple)
    beside: Sequence[Beside] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        names = [figure.name for figure in self.figures]
        _must(len(set(names)) == len(names), f"two figures of one name among {', '.join(names)}")
        _must(bool(self.sentence.strip()) and bool(self.tables), "an experiment says a sentence and shows a table")


def rounded(cell: Cell) -> Cell:
    """Six digits tell all that is to be seen, and are equal wherever they are computed."""
    return float(f"{cell:.6g}") if isinstance(cell, float) else cell
