"""What micro's mode=memory prints, and the table that is made of it: L2's walk through memory that is new to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .costs import COUNTS
from .texttable import table

KINDS = (("4k", "before"), ("4k", "on-demand"), ("2m", "before"), ("2m", "on-demand"))
TICKS = ("ticks", "min", "max")


class MemoryLineError(ValueError):
    """A memory line that does not say what it must."""


@dataclass(frozen=True)
class Walk:
    """One walk: ticks of all pages together, the cheapest and the dearest page, L0's counts (empty without Kurma)."""

    leaf: str
    mapped: str
    pages: int
    ticks: dict[str, int]
    counts: dict[str, int]

    @property
    def kind(self) -> tuple[str, str]:
        return self.leaf, self.mapped

    @property
    def ticks_per_page(self) -> float:
        return self.ticks["ticks"] / self.pages

    @property
    def exits_per_page(self) -> float | None:
        return self.counts["exits"] / self.pages if self.counts else None

    def as_json(self) -> dict[str, object]:
        return {"leaf": self.leaf, "mapped": self.mapped, "pages": self.pages, **self.ticks, "counts": self.counts}


def parse(console: bytes) -> list[Walk]:
    """Every memory line of a console, in its order. A broken line is an error, never a missing row."""
    text = console.decode("utf-8", "replace").replace("\r", "")
    return [_parse_line(line) for line in text.split("\n") if line.startswith("memory ")]


def _parse_line(line: str) -> Walk:
    words = dict(re.findall(r"(\S+?)=(\S*)", line))
    try:
        counts = {name: int(words[name]) for name in COUNTS if name in words}
        walk = Walk(words["leaf"], words["mapped"], int(words["pages"]), {name: int(words[name]) for name in TICKS}, counts)
    except (KeyError, ValueError) as error:
        raise MemoryLineError(f"memory line without a proper {error}: {line!r}") from None
    if walk.kind not in KINDS or walk.pages <= 0 or (counts and set(counts) != set(COUNTS)):
        raise MemoryLineError(f"memory line of an unknown kind, without pages, or with some counts missing: {line!r}")
    return walk


def cell(walk: Walk | None) -> str:
    """Instructions of a page, and exits of a page where somebody counts them."""
    if walk is None:
        return ""
    exits = walk.exits_per_page
    return f"{walk.ticks_per_page:,.1f}" + ("" if exits is None else f" ({exits:.3f})")


def as_text(walks: Mapping[str, Sequence[Walk]]) -> str:
    """One line a boot, in the order given; its name first."""
    heading = ["L0 and knobs", *(f"{leaf} {mapped}" for leaf, mapped in KINDS)]
    rows = []
    for name, found in walks.items():
        of_kind = {walk.kind: walk for walk in found}
        rows.append([name, *(cell(of_kind.get(kind)) for kind in KINDS)])
    return table(heading, rows)
