"""A result for reading: its tables, the papers' figures beside ours, its sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ..numbers import cell_text
from ..papers import shown_certainty
from ..platform_qemu import QEMU
from ..texttable import WIDEST, table


def as_text(result: Mapping[str, Any]) -> str:
    parts = [f"{result['title']}\n{_prose(result['question'])}"]
    parts += [table_text(one) for one in result["tables"]]
    if result["beside"]:
        parts.append(beside_text(result["beside"]))
    return "\n\n".join([*parts, _prose(result["sentence"]), *_where(result["made_with"].get("platform", {}))])


def _prose(text: str) -> str:
    return textwrap.fill(text, WIDEST, break_long_words=False, break_on_hyphens=False)


def _where(platform: Mapping[str, Any]) -> list[str]:
    """Nothing for Bochs, where everything is measured that does not say otherwise."""
    if platform.get("name") != QEMU:
        return []
    return [_prose(f"MEASURED in QEMU with KVM on {platform['processor']}: {platform['remark']}.")]


def table_text(one: Mapping[str, Any]) -> str:
    """The one unit that its columns have stands in the title; several stand in their headings."""
    units = {column["unit"] for column in one["columns"]} - {""}
    shared = units.pop() if len(units) == 1 else ""
    heading = [column["name"] if shared or not column["unit"] else f"{column['name']} ({column['unit']})"
               for column in one["columns"]]
    title = f"{one['title']} ({shared})" if shared else one["title"]
    return title + "\n" + table(heading, [[cell_text(cell) for cell in row] for row in one["rows"]])


def beside_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Each figure of a paper with its certainty, below it what was measured here."""
    ours = [f"{cell_text(row['ours'])} {row['ours_unit']}" for row in rows]
    width = max(map(len, ours))
    lines = ["Beside the papers"]
    for theirs, group in groupby(zip(rows, ours), key=lambda pair: _theirs(pair[0])):
        lines += [theirs, *(f"  here {value:>{width}}  {row['ours_what']}" for row, value in group)]
    return "\n".join(lines)


def _theirs(row: Mapping[str, Any]) -> str:
    return (f"{row['paper']}, {row['source_table']}: {row['operation']}: {cell_text(row['theirs'])} {row['unit']}, "
            f"{shown_certainty(row['certainty'])}")
