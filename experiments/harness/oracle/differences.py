"""The written list of deliberate differences: experiments/oracle/differences.toml. It may only shrink."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import FrontDoorError
from ..paths import ROOT, shown
from .answers import NO_SUCH_CASE, Difference

LIST = ROOT / "experiments" / "oracle" / "differences.toml"
KEYS = {"cases", "models", "bare", "kurma", "reason"}
RANDOM_TOPIC = "random"


@dataclass(frozen=True)
class Entry:
    """Which differences have which reason. The patterns are matched against the whole answer."""

    cases: tuple[str, ...]
    models: tuple[str, ...]
    bare: re.Pattern[str] | None
    kurma: re.Pattern[str] | None
    reason: str

    def covers(self, model: str, difference: Difference) -> bool:
        return (any(fnmatchcase(model, glob) for glob in self.models)
                and any(fnmatchcase(difference.case, glob) for glob in self.cases)
                and _fits(self.bare, difference.bare) and _fits(self.kurma, difference.kurma))

    @property
    def of_random_cases(self) -> bool:
        """Whether only `./kurma oracle --random` can use it."""
        return all(glob.startswith(f"{RANDOM_TOPIC}/") for glob in self.cases)


def _fits(pattern: re.Pattern[str] | None, answer: str) -> bool:
    # An entry without a pattern takes any answer, but that one side has no such case must be said.
    return answer != NO_SUCH_CASE if pattern is None else pattern.fullmatch(answer) is not None


class DifferenceList:
    """The entries, and which of them were used so far."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self._used: set[int] = set()

    def reason(self, model: str, difference: Difference) -> str | None:
        """Why this difference is deliberate; None where nobody wrote that it is."""
        for number, entry in enumerate(self.entries):
            if entry.covers(model, difference):
                self._used.add(number)
                return entry.reason
        return None

    def knows_random_cases(self) -> bool:
        return any(fnmatchcase(f"{RANDOM_TOPIC}/0", glob) or glob.startswith(f"{RANDOM_TOPIC}/")
                   for entry in self.entries for glob in entry.cases)

    def unused(self) -> list[Entry]:
        """Entries that a full run of all topics has not used: to be deleted."""
        return [entry for number, entry in enumerate(self.entries)
                if number not in self._used and not entry.of_random_cases]


def load(path: Path = LIST) -> DifferenceList:
    try:
        document = tomllib.loads(path.read_text())
        return DifferenceList(_entries(document))
    except (OSError, tomllib.TOMLDecodeError, ValueError) as error:
        raise FrontDoorError(f"{shown(path)}: {error}") from None


def _entries(document: dict[str, Any]) -> list[Entry]:
    rows = document.get("difference", [])
    unknown = set(document) - {"at_most", "difference"}
    if unknown or not isinstance(rows, list):
        raise ValueError(f"only at_most and [[difference]] may stand here, not {', '.join(sorted(unknown)) or rows!r}")
    at_most = document.get("at_most")
    if not isinstance(at_most, int):
        raise ValueError("at_most = N is missing: how many entries there are")
    entries = [_entry(number, row) for number, row in enumerate(rows, 1)]
    if len(entries) > at_most:
        raise ValueError(f"{len(entries)} entries, and at_most = {at_most}: the list may only shrink")
    if len(entries) < at_most:
        raise ValueError(f"{len(entries)} entries, and at_most = {at_most}: it has shrunk, so write "
                         f"at_most = {len(entries)}")
    return entries


def _entry(number: int, row: dict[str, Any]) -> Entry:
    unknown = set(row) - KEYS
    if unknown:
        raise ValueError(f"entry {number}: {', '.join(sorted(unknown))} is none of {', '.join(sorted(KEYS))}")
    cases, models = _globs(number, row, "cases", None), _globs(number, row, "models", ["*"])
    reason = row.get("reason")
    if not isinstance(reason, str) or not reason.strip().endswith("."):
        raise ValueError(f"entry {number} ({', '.join(cases)}): reason must be a sentence")
    return Entry(cases, models, _pattern(number, row, "bare"), _pattern(number, row, "kurma"), " ".join(reason.split()))


def _globs(number: int, row: dict[str, Any], key: str, default: list[str] | None) -> tuple[str, ...]:
    globs = row.get(key, default)
    if not isinstance(globs, list) or not globs or not all(isinstance(glob, str) and glob for glob in globs):
        raise ValueError(f"entry {number}: {key} must be a list of patterns like [\"capabilities/msr-*\"]")
    return tuple(globs)


def _pattern(number: int, row: dict[str, Any], key: str) -> re.Pattern[str] | None:
    text = row.get(key)
    if text is None:
        return None
    try:
        return re.compile(text)
    except (re.error, TypeError) as error:
        raise ValueError(f"entry {number}: {key} = {text!r} is no regular expression: {error}") from None


def shown_list(differences: DifferenceList) -> str:
    """As a table in Markdown, which README has too."""
    heading = ["cases", "models", "what differs, and why"]
    rows = [[_code(entry.cases), _code(entry.models) if entry.models != ("*",) else "all", entry.reason]
            for entry in differences.entries]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heading, ["---"] * len(heading), *rows])


def _code(globs: tuple[str, ...]) -> str:
    return ", ".join(f"`{glob}`" for glob in globs)
