"""The guarded figures, experiments/counts/counts.toml: reading them, writing them, comparing a run with them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .costs import COUNTS, Cost
from .errors import FrontDoorError
from .paths import ROOT, shown
from .platform_bochs import DEFAULT_CPU
from .setups import COSTS_CMDLINE, Setup

FILE = ROOT / "experiments" / "counts" / "counts.toml"
Rows = dict[str, dict[str, float]]
GUARDED = ("min", "median", *COUNTS)   # max is not: one stray interrupt makes it.

HEADER = """\
# What every operation costs, guarded: a boot test (CTest: boot.counts.*) measures these rows again and fails when a figure
# is not the one here. Bochs makes a tick of each instruction and repeats them exactly, so that this is no test of time.
#
# One table for each boot: its L1, the processor model, Kurma's knobs (none: the defaults), and for linux-kvm the kernel,
# whose figures are its build's: with another one that boot is not compared, and says so.
# One line a row, all figures those of one operation: `min` and `median` are ticks; the others are what L0 executed for it
# (hardware exits, then instructions), on average. linux-kvm's averages are rounded to whole numbers, since timer interrupts
# fall into some of its operations. A figure that is zero is left out.
#
# Written by ./kurma counts --update. Lowering a figure means updating this file in the same commit; raising one needs
# --update --grown, and the commit's message must say what it buys.
"""


@dataclass(frozen=True)
class Table:
    """The guarded rows of one boot; a row is (level and operation) → figures of one operation."""

    setup: Setup
    rows: Rows
    kernel: str = ""


@dataclass(frozen=True)
class Difference:
    row: str
    what: str
    old: float
    new: float

    @property
    def grown(self) -> bool:
        return self.new > self.old

    def __str__(self) -> str:
        return f"{self.row}: {self.what} {'GREW' if self.grown else 'fell'} from {number(self.old)} to {number(self.new)}"


@dataclass
class Comparison:
    grown: list[Difference] = field(default_factory=list)
    fallen: list[Difference] = field(default_factory=list)
    new: list[str] = field(default_factory=list)    # Rows that the file does not have,
    gone: list[str] = field(default_factory=list)   # and rows that the run does not have.

    @property
    def all(self) -> list[Difference | str]:
        return [*self.grown, *self.fallen, *self.new, *self.gone]


def read(path: Path = FILE) -> dict[str, Table]:
    try:
        document = tomllib.loads(path.read_text())
    except (FileNotFoundError, tomllib.TOMLDecodeError) as error:
        raise FrontDoorError(f"{shown(path)}: {error}") from None
    return {name: _table(name, table) for name, table in document.items()}


def _table(name: str, table: dict[str, object]) -> Table:
    l1, knobs, rows = table.get("l1", "micro"), table.get("knobs", []), table.get("rows", {})
    if l1 not in COSTS_CMDLINE or not isinstance(knobs, list) or not isinstance(rows, dict):
        raise FrontDoorError(f"{shown(FILE)}: table {name} needs l1 (of {', '.join(COSTS_CMDLINE)}), knobs and rows")
    setup = Setup(name, str(l1), tuple(str(knob) for knob in knobs), str(table.get("cpu", DEFAULT_CPU)))
    return Table(setup, {row: dict(figures) for row, figures in rows.items()}, str(table.get("kernel", "")))


def written(tables: Iterable[Table]) -> str:
    return HEADER + "".join(_written(table) for table in tables)


def _written(table: Table) -> str:
    setup = table.setup
    knobs = ", ".join(f'"{knob}"' for knob in setup.knobs)
    lines = ["", f"[{setup.name}]", f'l1 = "{setup.l1}"', f'cpu = "{setup.cpu}"', f"knobs = [{knobs}]"]
    if table.kernel:
        lines.append(f'kernel = "{table.kernel}"')
    lines += ["", f"[{setup.name}.rows]"]
    width = max((len(row) for row in table.rows), default=0) + 2
    for row, figures in table.rows.items():
        text = ", ".join(f"{name} = {figures[name]:.10g}" for name in GUARDED if figures.get(name))
        lines.append(f'{f"{chr(34)}{row}{chr(34)}".ljust(width)} = {{ {text} }}')
    return "\n".join(lines) + "\n"


def rows_of(costs: Iterable[Cost]) -> Rows:
    return {f"{cost.level} {cost.op}": {"min": cost.ticks["min"], "median": cost.ticks["median"],
                                        **{count: _average(cost, count) for count in cost.counts}} for cost in costs}


def _average(cost: Cost, count: str) -> float:
    average = cost.counts[count] / cost.n
    return float(round(average)) if cost.l1 == "linux-kvm" else round(average, 3)


def number(value: float) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def compare(old: Rows, new: Rows) -> Comparison:
    """Every figure of every row."""
    found = Comparison(new=[row for row in new if row not in old], gone=[row for row in old if row not in new])
    for row in (row for row in old if row in new):
        for name in GUARDED:
            before, after = old[row].get(name, 0), new[row].get(name, 0)
            if before != after:
                difference = Difference(row, name, before, after)
                (found.grown if difference.grown else found.fallen).append(difference)
    return found
