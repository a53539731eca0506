"""Numbers as people read them: in results, on the report's page and in its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

NOT_MEASURED = "–"
# As wide as a digit and as a point, where digits are all of one width: they keep points below points.
FIGURE_SPACE, PUNCTUATION_SPACE = "\u2007", "\u2008"
MOST_ALIGNED = 2    # Decimals.
MINUS = "\u2212"


def is_number(value: Any) -> bool:
    """A finite one. True and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def text(value: float) -> str:
    """Whole numbers with separators; others with two decimals below ten, one above, and three digits of a small one."""
    if value == int(value):
        written = f"{value:,.0f}"
    elif abs(value) >= 10:
        written = f"{value:,.1f}"
    elif abs(value) >= 0.1:
        written = f"{value:.2f}"
    else:
        written = f"{value:.{2 - math.floor(math.log10(abs(value)))}f}".rstrip("0")
    return written.replace("-", MINUS)


def tick(value: float) -> str:
    """At an axis: as short as it can be."""
    for power, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M")):
        if abs(value) >= power:
            return f"{value / power:,.6g}{letter}".replace("-", MINUS)
    return f"{value:,.6g}".replace("-", MINUS)


def cell_text(cell: Any) -> str:
    if cell is None:
        return NOT_MEASURED
    return text(cell) if is_number(cell) else str(cell)


def column_text(cells: Sequence[Any]) -> list[str]:
    """A column's cells with their points below each other; one that is very small has digits that stand out."""
    written = [cell_text(cell) for cell in cells]
    decimals = [len(word.partition(".")[2]) if is_number(cell) else 0 for cell, word in zip(cells, written)]
    most = min(max(decimals, default=0), MOST_ALIGNED)
    return [word + _padding(most, own) if is_number(cell) else word for cell, word, own in zip(cells, written, decimals)]


def _padding(most: int, own: int) -> str:
    if own >= most:
        return ""
    point = PUNCTUATION_SPACE if not own else ""
    return point + FIGURE_SPACE * (most - own)
