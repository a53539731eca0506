"""Costs by row and value, as the tables and the figure of an ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..costs import COUNTS, Cost
from ..experiment import Bars, Column, Series, Table
from ..experiment.findings import Cell
from .effect import factor

HALF = 0.5   # Counts are averages of some hundred operations, and the timer's interrupt falls into a few of them.

DRAWN_UP_TO = 20.0   # A VMREAD that exits takes a hundred times one that does not.


@dataclass(frozen=True)
class Measured:
    """Costs of one L1's rows, for each value by its label, the usual one first."""

    title: str
    l1: str
    rows: Sequence[str]
    costs: Mapping[str, Mapping[str, Cost]]

    @property
    def labels(self) -> list[str]:
        return list(self.costs)

    def median(self, label: str, row: str) -> int:
        return self.costs[label][row].median

    def factor(self, label: str, row: str) -> float | None:
        return factor(self.median(self.labels[0], row), self.median(label, row))

    def count(self, label: str, row: str, name: str) -> float | None:
        return self.costs[label][row].per_operation(name)

    def other_counts(self, label: str, row: str) -> bool:
        """Whether L0 executed other operations for it than with the usual value."""
        return any(_differ(self.count(self.labels[0], row, name), self.count(label, row, name)) for name in COUNTS)


def _differ(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(before - after) >= HALF


def instructions_table(measured: Measured) -> Table:
    """All rows: that a row stays as it is says something, too."""
    others = measured.labels[1:]
    columns = [Column("operation"), *(Column(label, "instructions") for label in measured.labels),
               *(Column(f"× {label}") for label in others)]
    rows: list[list[Cell]] = [[row, *(measured.median(label, row) for label in measured.labels),
                               *(measured.factor(label, row) for label in others)] for row in measured.rows]
    return Table(f"{measured.title}; ×: times {measured.labels[0]}", columns, rows)


def counts_table(measured: Measured) -> Table | None:
    """Of the rows where it changes with any value. Counts that are zero throughout have no column; None where L0 counted
    nothing or none changes."""
    rows: list[list[Cell]] = []
    for row in measured.rows:
        if any(measured.other_counts(label, row) for label in measured.labels[1:]):
            rows += [[row, label, *(measured.count(label, row, name) for name in COUNTS)] for label in measured.labels]
    kept = [place for place in range(len(COUNTS)) if any(row[2 + place] for row in rows)]
    if not kept:
        return None
    columns = [Column("operation"), Column("value"), *(Column(heading(COUNTS[place])) for place in kept)]
    return Table(f"{measured.title}: what L0 executes for one, where that changes", columns,
                 [[*row[:2], *(_shown(row[2 + place]) for place in kept)] for row in rows])


def _shown(cell: Cell) -> Cell:
    return round(cell, 1) if isinstance(cell, float) else cell


def heading(count: str) -> str:
    return count if count == "exits" else count.upper()


def factors_figure(measured: Measured, name: str = "") -> Bars:
    """Bars from zero on a linear axis. A row with a factor that would hide all others is only named."""
    usual, others = measured.labels[0], measured.labels[1:]
    fitting = [row for row in measured.rows if all(_fits(measured.factor(label, row)) for label in others)]
    drawn = fitting or list(measured.rows)
    beyond = [row for row in measured.rows if row not in drawn]
    title = f"{measured.title}, against {usual}" + (f" (off this scale: {', '.join(beyond)})" if beyond else "")
    series = [Series(label, [measured.factor(label, row) for row in drawn]) for label in others]
    return Bars(name or f"rows-{measured.l1}", title, f"times the instructions with {usual}", drawn, series)


def _fits(times: float | None) -> bool:
    return times is None or 1 / DRAWN_UP_TO <= times <= DRAWN_UP_TO
