"""HTML by small pieces: whatever comes from a result is escaped here, and nowhere else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from .. import numbers


class Markup(str):
    """HTML already; all other text is escaped when it becomes part of it."""


def markup(part: Any) -> Markup:
    if isinstance(part, Markup):
        return part
    if isinstance(part, (list, tuple)):
        return joined(part)
    return Markup(html.escape(str(part), quote=True))


def joined(parts: Iterable[Any], between: str = "\n") -> Markup:
    return Markup(between.join(markup(part) for part in parts))


def tag(name: str, *inner: Any, **attributes: str | None) -> Markup:
    """`class_` is written class, `aria_label` aria-label; an attribute of None is left out."""
    words = "".join(f' {key.strip("_").replace("_", "-")}="{html.escape(value, quote=True)}"'
                    for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{words}>{joined(inner, '')}</{name}>")


def table(label: str, headings: Sequence[Any], columns: Sequence[Sequence[Any]], kind: str | None = None) -> Markup:
    """In a box of its own that scrolls where the page is narrower than the table. A column of numbers is at the right."""
    right = ["n" if any(numbers.is_number(cell) for cell in column) else None for column in columns]
    texts = [[cell if isinstance(cell, Markup) else text for cell, text in zip(column, numbers.column_text(column))]
             for column in columns]
    head = tag("tr", *(tag("th", heading, scope="col", class_=side) for heading, side in zip(headings, right)))
    rows = [tag("tr", *(tag("td" if place else "th", cell, class_=right[place], scope=None if place else "row")
                        for place, cell in enumerate(row))) for row in zip(*texts)]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_=kind),
               class_="scroll", tabindex="0", role="region", aria_label=label)
