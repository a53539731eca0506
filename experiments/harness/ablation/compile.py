"""The compile in a Linux L2, as an ablation reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..costs import COUNTS
from ..experiment import Bars, Boot, Column, Reading, Series, Table
from ..experiment.findings import Cell
from ..l0 import L0
from .effect import percent_more
from .tables import heading

L1 = "linux-work"
REFLECTED = "reflected"   # Exits of L2 that L0 passed on to L1; zero, too, where L0 counts none by kind (trace=off).


@dataclass(frozen=True)
class Compile:
    ticks: int
    counts: Mapping[str, int]   # Of L0, all of the compile's; empty where nobody counted.


def compile_boot(knobs: tuple[str, ...], quick: bool, l0: L0 = L0.KURMA) -> Boot:
    """With Kurma below it an L2 compiles, with nothing below it the guest of a single level."""
    return Boot(L1, knobs, l0, f"kurma.work=compile kurma.where=guest kurma.size={'quick' if quick else 'full'}")


def compile_of(reading: Reading) -> Compile:
    lines = [line for line in reading.lines("work") if line.get("name") == "compile"]
    if len(lines) != 1:
        raise reading.problem(f"{len(lines)} lines `work name=compile` on its console, one is expected")
    try:
        counts = {name: int(lines[0][name]) for name in (*COUNTS, REFLECTED) if name in lines[0]}
        return Compile(int(lines[0]["ticks"]), counts)
    except (KeyError, ValueError) as error:
        raise reading.problem(f"its line `work name=compile` has no proper {error}") from None


def compile_tables(compiles: Mapping[str, Compile]) -> list[Table]:
    """The usual value first. Where nobody counted what L2's exits are, nothing is divided by them."""
    name, usual = next(iter(compiles.items()))
    reflected = usual.counts.get(REFLECTED) or None
    columns = [Column("value"), Column("instructions", "million"), Column(f"more than {name}", "percent"),
               *([Column("more per reflected exit", "instructions"), Column(REFLECTED)] if reflected else [])]
    rows: list[list[Cell]] = []
    for label, one in compiles.items():
        exits: list[Cell] = [(one.ticks - usual.ticks) / reflected, one.counts.get(REFLECTED) or None] if reflected else []
        rows.append([label, one.ticks / 1e6, percent_more(usual.ticks, one.ticks), *exits])
    told = f"; per exit: of those reflected with {name}" if reflected else ""
    return [Table(f"the compile in a Linux L2: all of it{told}", columns, rows), *_counts(compiles)]


def _counts(compiles: Mapping[str, Compile]) -> list[Table]:
    """None where nobody counted."""
    kept = [count for count in COUNTS if any(one.counts.get(count) for one in compiles.values())]
    if not kept:
        return []
    return [Table("the compile in a Linux L2: what L0 executes meanwhile",
                  [Column("value"), *(Column(heading(count)) for count in kept)],
                  [[label, *(one.counts.get(count) for count in kept)] for label, one in compiles.items()])]


def compile_figure(compiles: Mapping[str, Compile]) -> Bars:
    usual = next(iter(compiles))
    others = [label for label in compiles if label != usual]
    return Bars("compile", f"the compile in a Linux L2, against {usual}", "percent more instructions", others,
                [Series("compile", [percent_more(compiles[usual].ticks, compiles[label].ticks) for label in others])])
