"""What L0 counted of a hardware event, as tables behind the experiment's: of one operation, and of whole workloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..costs import EVENT
from ..event import Event
from .findings import Cell, Column, Table
from .readings import Reading

Counts = Mapping[str, float]   # By row.


def tables(event: Event, readings: Iterable[Reading]) -> list[Table]:
    """None where no boot printed a count: then nothing below it was Kurma."""
    there = list(readings)
    where = f"{event.full_name} in {event.level.upper()}"
    made = []
    for l1 in dict.fromkeys(reading.boot.l1 for reading in there):
        of_l1 = [reading for reading in there if reading.boot.l1 == l1]
        for what, rows, counts_of in (("one operation", "operation", _operations),
                                      ("a whole workload", "workload", _workloads)):
            made += _table(f"{where}: {what}, {l1}", rows, {reading.boot.name: counts_of(reading) for reading in of_l1})
    return made


def _operations(reading: Reading) -> Counts:
    counts = {f"{cost.level} {cost.op}": cost.per_operation(EVENT) for cost in reading.costs}
    return {row: count for row, count in counts.items() if count is not None}


def _workloads(reading: Reading) -> Counts:
    return {name: work.counts[EVENT] for name, work in reading.works.items() if EVENT in work.counts}


def _table(title: str, rows: str, by_boot: Mapping[str, Counts]) -> list[Table]:
    counted = {boot: counts for boot, counts in by_boot.items() if counts}
    if not counted:
        return []
    cells: list[list[Cell]] = [[row, *(counts.get(row) for counts in counted.values())]
                               for row in dict.fromkeys(row for counts in counted.values() for row in counts)]
    return [Table(title, [Column(rows), *map(Column, counted)], cells)]
