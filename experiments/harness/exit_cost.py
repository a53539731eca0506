"""Cost lines of several boots side by side, and what one thing off changes: the arithmetic of exit-cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .costs import HEADINGS, Cost, level_of
from .experiment import Bars, Column, Series, Table
from .experiment.findings import Cell
from .l0 import L0

KURMA, USUAL = "Kurma", "as it is"
COUNTS = ("exits", "vmread", "vmwrite")


def ratio(cost: Cost, over: Cost) -> float:
    return cost.median / over.median


def by_row(costs: Iterable[Cost]) -> dict[tuple[str, str], Cost]:
    return {(cost.level, cost.op): cost for cost in costs}


@dataclass(frozen=True)
class Side:
    """One L1's costs: alone, under Kurma, under KVM."""

    l1: str
    single: Sequence[Cost]
    kurma: Sequence[Cost]
    kvm: Sequence[Cost]

    @cached_property
    def _rows(self) -> list[dict[tuple[str, str], Cost]]:
        return [by_row(costs) for costs in (self.single, self.kurma, self.kvm)]

    @property
    def costs(self) -> list[Cost]:
        return list(self._rows[1].values())

    def single_of(self, level: str, op: str) -> Cost | None:
        return self._rows[0].get((level_of(self.l1, L0.NONE, level), op))

    def kurma_of(self, level: str, op: str) -> Cost | None:
        return self._rows[1].get((level, op))

    def kvm_of(self, level: str, op: str) -> Cost | None:
        return self._rows[2].get((level, op))


def beside_table(title: str, side: Side) -> Table:
    """Every operation of the boot under Kurma, with what L0 executed for it."""
    rows: list[list[Cell]] = []
    for cost in side.costs:
        single, kvm = side.single_of(cost.level, cost.op), side.kvm_of(cost.level, cost.op)
        rows.append([f"{cost.level} {cost.op}", median(single), median(cost), median(kvm), times(kvm, cost),
                     times(cost, single), *(count(cost, name) for name in COUNTS)])
    return Table(title, [Column("operation"), Column("single level"), Column(KURMA), Column("KVM"), Column("KVM / Kurma"),
                         Column("Kurma / single"), *(Column(HEADINGS[name]) for name in COUNTS)], rows)


@dataclass(frozen=True)
class Ablated:
    """What one L1's rows cost as Kurma is, and with each thing off."""

    l1: str
    title: str
    rows: Sequence[str]   # As `L2 cpuid`.
    usual: Sequence[Cost]
    off: Mapping[str, Sequence[Cost]]

    @cached_property
    def _rows(self) -> dict[str, dict[tuple[str, str], Cost]]:
        return {what: by_row(costs) for what, costs in {USUAL: self.usual, **self.off}.items()}

    def median(self, what: str, row: str) -> int | None:
        level, _, op = row.partition(" ")
        return median(self._rows[what].get((level, op)))

    def factor(self, what: str, row: str) -> float | None:
        usual, off = self.median(USUAL, row), self.median(what, row)
        return off / usual if usual and off is not None else None


def ablated_table(ablated: Ablated, as_factors: bool = False) -> Table:
    """One row for each thing that is off; the first is with all on."""
    value = ablated.factor if as_factors else ablated.median
    rows: list[list[Cell]] = [] if as_factors else [[USUAL, *(ablated.median(USUAL, row) for row in ablated.rows)]]
    rows += [[what, *(value(what, row) for row in ablated.rows)] for what in ablated.off]
    title = f"Each optimization off in turn, {ablated.title}, {'times what it costs' if as_factors else 'instructions'}"
    return Table(title, [Column("knob"), *(Column(row.removeprefix("L2 ")) for row in ablated.rows)], rows)


def ablated_figure(ablated: Ablated, rows: Sequence[str]) -> Bars:
    """Of these rows: the knobs that change one of them by a twentieth."""
    drawn = [what for what in ablated.off if any(abs((ablated.factor(what, row) or 1) - 1) >= 0.05 for row in rows)]
    drawn = drawn or list(ablated.off)
    series = [Series(row.removeprefix("L2 "), [ablated.factor(what, row) for what in drawn]) for row in rows]
    title = f"Times what it costs, each optimization off in turn, {ablated.title}"
    return Bars(f"without-{ablated.l1}", title, "factor", drawn, series)


def median(cost: Cost | None) -> int | None:
    return None if cost is None else cost.median


def times(cost: Cost | None, over: Cost | None) -> float | None:
    return ratio(cost, over) if cost is not None and over is not None and over.median > 0 else None


def count(cost: Cost | None, name: str) -> float | None:
    """Of one operation, to a tenth: a timer's tick that falls into 200 of them is not seen."""
    value = None if cost is None else cost.per_operation(name)
    return None if value is None else round(value, 1)
