"""Differences for people: a screenful here, the whole in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..pair import SIDES
from ..paths import shown
from .answers import Difference, differing_words

ON_SCREEN = 10   # Four lines each.
WIDTH = max(map(len, SIDES))


@dataclass(frozen=True)
class Shown:
    """A difference and the processor model that it was seen on."""

    model: str
    difference: Difference


def grouped(found: list[Shown]) -> dict[Difference, list[str]]:
    """The same difference on several models is one."""
    groups: dict[Difference, list[str]] = {}
    for one in found:
        groups.setdefault(one.difference, []).append(one.model)
    return groups


def lines_of(difference: Difference, models: list[str], whole: bool) -> list[str]:
    bare, kurma = ((difference.bare, difference.kurma) if whole else differing_words(difference.bare, difference.kurma))
    return [f"{difference.case}  ({', '.join(models)})", f"    {'bare':{WIDTH}}  {bare}", f"    {'Kurma':{WIDTH}}  {kurma}"]


def show_differences(found: list[Shown], path: Path) -> None:
    """Prints the first, writes all of them, with their whole answers, to `path`."""
    if not found:
        return
    groups = list(grouped(found).items())
    path.write_text("".join("\n".join(lines_of(difference, models, True)) + "\n" for difference, models in groups))
    print("\nUnexplained differences:\n")
    for difference, models in groups[:ON_SCREEN]:
        print("\n".join(lines_of(difference, models, False)))
    left = len(groups) - ON_SCREEN
    more = f"{left:,} more, and the whole answers" if left > 0 else "The whole answers"
    print(f"\n{more}: {shown(path)}", flush=True)
