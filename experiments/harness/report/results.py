"""The results that there are, and the experiments that have none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .figures import Figure, FigureError, figure_of

FILE = "result.json"
# From one exit to whole workloads, then what each optimization is worth; an experiment that is not named here comes last.
ORDER = ("exit-cost", "exit-multiplication", "first-touch", "memory-models", "macro", "vmcs-shadowing", "vpid", "bitmaps",
         "entry-checks", "l1-host-state", "tracing")


@dataclass(frozen=True)
class Drawing:
    """A figure, or why there is none; `stem` is the name of its files."""

    stem: str
    title: str
    figure: Figure | None
    data: Any
    wrong: str = ""


@dataclass(frozen=True)
class Result:
    """`data` is what the experiment wrote."""

    name: str
    data: dict[str, Any]
    drawings: Sequence[Drawing]


@dataclass(frozen=True)
class Results:
    found: Sequence[Result]
    missing: Sequence[str]                              # No result: not run yet.
    unreadable: dict[str, str] = field(default_factory=dict)    # A result that is none, and why.

    @property
    def drawings(self) -> list[Drawing]:
        return [drawing for result in self.found for drawing in result.drawings]

    @property
    def complaints(self) -> list[str]:
        return [f"{name}: {why}" for name, why in self.unreadable.items()] + [
            f"{drawing.stem}: not drawn: {drawing.wrong}" for drawing in self.drawings if drawing.wrong]


def read(directory: Path, experiments: Sequence[str]) -> Results:
    """Every DIRECTORY/NAME/result.json, and those of `experiments` that have none."""
    found, unreadable = [], {}
    for path in directory.glob(f"*/{FILE}"):
        name = path.parent.name
        try:
            found.append(result_of(name, json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError) as error:
            unreadable[name] = f"{path}: {error}"
    there = {result.name for result in found} | set(unreadable)
    return Results(sorted(found, key=lambda result: _place(result.name)),
                   sorted((name for name in experiments if name not in there), key=_place), dict(sorted(unreadable.items())))


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def result_of(name: str, data: Any) -> Result:
    if not isinstance(data, dict):
        raise ValueError("this is no result of an experiment")
    for key, kind in {"title": str, "question": str, "sentence": str, "repeat": str, "tables": list, "figures": list,
                      "beside": list, "boots": dict, "made_with": dict}.items():
        if not isinstance(data.get(key), kind):
            raise ValueError(f"its {key} is missing, or is something else than it should be")
    _check_tables(data["tables"])
    drawings: list[Drawing] = []
    for number, figure in enumerate(data["figures"], 1):
        drawings.append(_drawing(name, figure, number, {drawing.stem for drawing in drawings}))
    return Result(name, data, drawings)


def _check_tables(tables: Sequence[Any]) -> None:
    for table in tables:
        if not isinstance(table, dict) or not all(isinstance(table.get(part), list) for part in ("columns", "rows")):
            raise ValueError("one of its tables is none")
        if any(not isinstance(row, list) or len(row) != len(table["columns"]) for row in table["rows"]):
            raise ValueError(f"the table {table.get('title')!r} has a row that is longer or shorter than its heading")


def _drawing(experiment: str, data: Any, number: int, taken: set[str]) -> Drawing:
    title = str(data.get("title", "")) if isinstance(data, dict) else ""
    try:
        figure = figure_of(data)
        stem = figure.name if figure.name.startswith(experiment) else f"{experiment}-{figure.name}"
        if stem in taken:
            raise FigureError(f"another figure is named {figure.name}, too")
        return Drawing(stem, title, figure, data)
    except FigureError as error:
        return Drawing(f"{experiment}-{number}", title, None, data, str(error))
