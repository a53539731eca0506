"""Text in columns, for tables that people read on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

GAP = "  "
WIDEST = 125          # Letters of a line. A wider table breaks its headings, if that is enough.
MOST_LINES = 4        # Of a heading.


def aligned(cells: Sequence[str], widths: Sequence[int], left: int = 1) -> str:
    """One line: the first `left` columns begin where their column does, the others end where theirs does."""
    padded = [cell.ljust(width) if column < left else cell.rjust(width)
              for column, (cell, width) in enumerate(zip(cells, widths))]
    return GAP.join(padded).rstrip()


def widths_of(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines)]


def rule(widths: Sequence[int]) -> str:
    return GAP.join("-" * width for width in widths)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, widest: int = WIDEST) -> str:
    """What is too wide, and not by its headings, stays as wide as it is."""
    headings = _broken(heading, rows, widest)
    widths = widths_of([*headings, *rows])
    return "\n".join([*(aligned(line, widths, left) for line in headings), rule(widths),
                      *(aligned(row, widths, left) for row in rows)])


def _broken(heading: Sequence[str], rows: Sequence[Sequence[str]], widest: int) -> list[Sequence[str]]:
    """The heading in as few lines as make the table fit; each column's words stand on the lowest of them."""
    cells = widths_of(rows) if rows else [0] * len(heading)
    for most in range(1, MOST_LINES + 1):
        columns = [_in_lines(words, most, width) for words, width in zip(heading, cells)]
        lines = list(zip(*([""] * (most - len(column)) + column for column in columns)))
        if len(rule(widths_of([*lines, *rows]))) <= widest:
            return [*lines]
    return [heading]


def _in_lines(words: str, most: int, narrowest: int) -> list[str]:
    """As narrow as `most` lines allow, and no narrower than the column is anyway."""
    for width in range(max(narrowest, 1), len(words)):
        lines = textwrap.wrap(words, width, break_long_words=False)
        if len(lines) <= most and max(map(len, lines)) <= width:
            return lines
    return [words]
