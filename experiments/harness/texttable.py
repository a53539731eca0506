"""Text in columns, for tables that people read on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


def aligned(cells: Sequence[str], widths: Sequence[int], left: int = 1) -> str:
    """One line: the first `left` columns begin where their column does, the others end where theirs does."""
    padded = [cell.ljust(width) if column < left else cell.rjust(width)
              for column, (cell, width) in enumerate(zip(cells, widths))]
    return GAP.join(padded).rstrip()


def widths_of(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines)]


def rule(widths: Sequence[int]) -> str:
    return GAP.join("-" * width for width in widths)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    widths = widths_of([heading, *rows])
    return "\n".join([aligned(heading, widths, left), rule(widths), *(aligned(row, widths, left) for row in rows)])
