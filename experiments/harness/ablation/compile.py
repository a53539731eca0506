"""The compile in a Linux L2, as an ablation reads it."""

from __future__ import annotations

from collections.abc import Mapping

from ..costs import COUNTS
from ..experiment import Bars, Boot, Column, Series, Table
from ..experiment.findings import Cell
from ..l0 import L0
from ..works import REFLECTED, Work
from .effect import percent_more
from .tables import heading

L1, COMPILE = "linux-work", "compile"


def compile_boot(knobs: tuple[str, ...], quick: bool, l0: L0 = L0.KURMA) -> Boot:
    """With Kurma below it an L2 compiles, with nothing below it the guest of a single level."""
    return Boot(L1, knobs, l0, f"kurma.work={COMPILE} kurma.where=guest kurma.size={'quick' if quick else 'full'}")


def compile_tables(compiles: Mapping[str, Work]) -> list[Table]:
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


def _counts(compiles: Mapping[str, Work]) -> list[Table]:
    """None where nobody counted."""
    kept = [count for count in COUNTS if any(one.counts.get(count) for one in compiles.values())]
    if not kept:
        return []
    return [Table("the compile in a Linux L2: what L0 executes meanwhile",
                  [Column("value"), *(Column(heading(count)) for count in kept)],
                  [[label, *(one.counts.get(count) for count in kept)] for label, one in compiles.items()])]


def compile_figure(compiles: Mapping[str, Work]) -> Bars:
    usual = next(iter(compiles))
    others = [label for label in compiles if label != usual]
    return Bars("compile", f"the compile in a Linux L2, against {usual}", "percent more instructions", others,
                [Series("compile", [percent_more(compiles[usual].ticks, compiles[label].ticks) for label in others])])
