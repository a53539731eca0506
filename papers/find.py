"""The door for whoever sets a figure of ours beside somebody else's: exactly one row, only where both may share an axis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tables import CERTAINTIES, PAPERS, Row, read, source_folders

# From the best to the worst, for what is made of two figures.
STRENGTH = ("measured by us", "read at the source", "counted by us", "quoted by others", "from memory")
OTHER_NAMES = {"%": "percent", "per cent": "percent", "ratio": "factor", "times": "factor", "x": "factor", "×": "factor"}

assert set(STRENGTH) == set(CERTAINTIES)


class FindError(LookupError):
    """No row, or several, or two that may not be set side by side. Says what there is instead."""


@dataclass(frozen=True)
class Placed:
    """A row and where it stands."""

    folder: str
    file: str
    row: Row


def all_rows(papers: Path = PAPERS) -> list[Placed]:
    """Every figure, in the order of folders, files and lines."""
    return [Placed(folder.name, path.name, row) for folder in source_folders(papers)
            for path in sorted(folder.glob("*.csv")) for row in read(path)]


def description(row: Row) -> str:
    """What tells the rows of one operation apart; `find` looks for its words here."""
    return f"{row.l1} {row.level} {row.configuration} {row.unit}"


def find(folder: str, source_table: str, operation: str, configuration: str | None = None, papers: Path = PAPERS) -> Row:
    """The one row of that source, table and operation whose `description` contains `configuration`.

    One whose configuration is exactly that wins over those that only contain it. Raises FindError for none and for several.
    """
    placed = [one for one in all_rows(papers) if one.folder == folder]
    if not placed:
        raise FindError(f"papers/ has no figures under {folder!r}; there are: "
                        f"{', '.join(sorted({one.folder for one in all_rows(papers)}))}")
    rows = [one.row for one in placed if one.row.source_table.casefold() == source_table.casefold()]
    if not rows:
        raise FindError(f"papers/{folder} has no {source_table!r}; there are: "
                        f"{', '.join(dict.fromkeys(one.row.source_table for one in placed))}")
    of_operation = [row for row in rows if row.operation == operation]
    if not of_operation:
        raise FindError(f"papers/{folder}, {source_table}, has no operation {operation!r}; there are: "
                        f"{', '.join(dict.fromkeys(row.operation for row in rows))}")
    found = of_operation
    if configuration is not None:
        exact = [row for row in of_operation if configuration in (row.configuration, description(row))]
        found = exact if len(exact) == 1 else [row for row in of_operation if configuration in description(row)]
    if len(found) != 1:
        raise FindError(f"papers/{folder}, {source_table}, {operation}: {len(found)} rows fit {configuration!r} instead of "
                        f"one; there are: {' | '.join(map(description, of_operation))}")
    return found[0]


def comparable(row_unit: str, our_unit: str) -> bool:
    """Whether the two may share an axis or a line of a table. Time, instructions and counts never mix, nor does anything
    with its own ratio: what a processor did in cycles stands beside instructions only after each was divided by its like."""
    return OTHER_NAMES.get(our_unit, our_unit) == OTHER_NAMES.get(row_unit, row_unit)


def ratio(row: Row, over: Row) -> float:
    """How many times `over` the row is. Only of one unit, and of one processor: a ratio across machines says nothing."""
    if row.unit != over.unit or row.processor != over.processor:
        raise FindError(f"no ratio of {row.unit} on {row.processor} over {over.unit} on {over.processor}")
    return row.number / over.number


def weaker(one: str, other: str) -> str:
    """The certainty of what was made of two figures."""
    return max(one, other, key=STRENGTH.index)
