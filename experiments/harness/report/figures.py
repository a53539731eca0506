"""A figure as the results describe it, checked before anything is drawn: what is wrong with it is said by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..numbers import is_number

KINDS = ("bars", "lines")
MOST_SERIES = 6     # As many colours as stay apart for everybody.


class FigureError(ValueError):
    """This figure cannot be drawn."""


@dataclass(frozen=True)
class Series:
    label: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Figure:
    """`places` are the names of groups of bars, or the x of lines."""

    kind: str
    name: str
    title: str
    unit: str
    places: tuple[Any, ...]
    series: tuple[Series, ...]
    x_label: str = ""
    log_x: bool = False
    log: bool = False
    stacked: bool = False

    @property
    def numbers(self) -> list[float]:
        return [value for series in self.series for value in series.values if value is not None]


def figure_of(data: Any) -> Figure:
    """Raises FigureError for a description that has no picture, or only a misleading one."""
    _must(isinstance(data, Mapping), "this is no figure")
    name = data.get("name")
    _must(isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is not None,
          f"its name {name!r} cannot be a file's: letters, digits and - only")
    kind = data.get("kind")
    _must(kind in KINDS, f"its kind is {kind!r}: there are {' and '.join(KINDS)}")
    places = _list(data, "groups" if kind == "bars" else "x")
    made = Figure(str(kind), str(name), str(data.get("title", "")), str(data.get("unit", "")), tuple(places),
                  tuple(_series(one, len(places)) for one in _list(data, "series")),
                  str(data.get("x_label", "")), bool(data.get("log_x")), bool(data.get("log")), bool(data.get("stacked")))
    _check(made)
    return made


def _check(figure: Figure) -> None:
    _must(len(figure.series) <= MOST_SERIES,
          f"{len(figure.series)} series: more than {MOST_SERIES} colours are not told apart")
    _must(bool(figure.numbers), "nothing in it was measured")
    _must(not (figure.log and figure.stacked), "the parts of a stack mean nothing on a logarithmic axis")
    lowest = min(figure.numbers)
    _must(lowest >= 0 or not figure.stacked, f"{lowest:g} is below zero: a stack cannot show that")
    _must(lowest >= 0 or not figure.log, f"{lowest:g} is below zero: a logarithmic axis cannot show that")
    _must(max(figure.numbers) > 0 or not figure.log, "it has nothing above zero: a logarithmic axis cannot show that")
    if figure.kind == "lines":
        _must(all(is_number(x) for x in figure.places), "its x are not all numbers")
        _must(list(figure.places) == sorted(set(figure.places)), "its x do not grow from each to the next")
        _must(figure.places[0] > 0 or not figure.log_x, f"x is {figure.places[0]:g}: a logarithmic axis cannot show that")
    else:
        _must(len(set(map(str, figure.places))) == len(figure.places), "two of its groups have one name")


def _series(data: Any, places: int) -> Series:
    _must(isinstance(data, Mapping), "one of its series is none")
    label, values = str(data.get("label", "")), _list(data, "values")
    _must(len(values) == places, f"{label!r} has {len(values)} values for {places} places")
    for value in values:
        _must(value is None or is_number(value), f"{label!r} has {value!r}, which is no number")
    return Series(label, tuple(values))


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    _must(isinstance(found, list) and bool(found), f"its {key} are missing")
    assert isinstance(found, list)
    return found


def _must(holds: bool, message: str) -> None:
    if not holds:
        raise FigureError(message)
