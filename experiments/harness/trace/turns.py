"""Turns as L0 writes them (l0/trace/json.cpp), from a run's JSON, an l0.log, or what `kurma-ctl turns --json` printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..l0log import L0Log
from . import names


class TurnsError(Exception):
    """No turns, or turns that cannot be: one line for people."""


@dataclass(frozen=True)
class Turn:
    """One visit of L0. Members have the names that they have in JSON."""

    turn: int
    tsc_exit: int
    tsc_entry: int
    level_before: int
    level_after: int
    reason: str
    room: str
    why: str
    rip: int
    qualification: int
    vmread: int
    vmwrite: int
    vmptrld: int
    vmclear: int
    flushes: int
    round: int
    noting: int
    recording: int
    subject: int

    @property
    def event(self) -> str:
        """The exit reason as perf kvm calls it."""
        return names.event(self.reason)

    @property
    def label(self) -> str:
        """The event with what it was about: VMREAD guest_rip."""
        return names.label(self.reason, self.subject, self.qualification)

    @property
    def cost(self) -> int:
        """Instructions (elsewhere: ticks) of L0's, without those that writing the record took."""
        return self.tsc_entry - self.tsc_exit

    @property
    def begin(self) -> int:
        """When L0 began to note that this turn began, which it does before the turn itself."""
        return self.tsc_exit - self.noting

    @property
    def end(self) -> int:
        """When L0 had written the record, which it does after the turn itself."""
        return self.tsc_entry + self.recording

    @property
    def begins_round(self) -> bool:
        return self.level_before == 2 and self.level_after == 1


_NAMES = [field.name for field in fields(Turn)]


def turns_of(data: Any) -> list[Turn]:
    """The turns in L0's JSON: the object of a run's end, or a list of turns. Checked: each follows the one before."""
    rows = data.get("turns") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise TurnsError("there are no turns in it: it is neither L0's JSON nor a list of turns")
    turns = [_turn(row) for row in rows]
    for before, after in pairwise(turns):
        if after.turn != before.turn + 1 or after.begin < before.end:
            raise TurnsError(f"turn {after.turn} does not follow turn {before.turn}: the two do not belong to one recording")
    return turns


def _turn(row: Any) -> Turn:
    try:
        turn = Turn(**{name: row[name] for name in _NAMES})
    except (KeyError, TypeError):
        raise TurnsError(f"this is no turn of Kurma's: {json.dumps(row)[:120]}") from None
    if turn.tsc_entry < turn.tsc_exit or not {turn.level_before, turn.level_after} <= {1, 2}:
        raise TurnsError(f"turn {turn.turn} ends before it begins, or is of no level")
    return turn


def read(path: Path) -> list[Turn]:
    """From a file: JSON, an l0.log, or a console on which `kurma-ctl turns --json` was said (its last answer counts)."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise TurnsError(f"{path}: {error.strerror}") from None
    try:
        return turns_of(_found_in(text))
    except TurnsError as error:
        raise TurnsError(f"{path}: {error}") from None


def _found_in(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    log = L0Log()
    log.feed(text.encode() + b"\n")
    try:
        if (counters := log.counters()) is not None:
            return counters
        if (at := text.rfind('[{"turn":')) >= 0:
            return json.JSONDecoder(strict=False).raw_decode(text[at:].replace("\r", ""))[0]
    except ValueError as error:
        raise TurnsError(f"its JSON is damaged ({error})") from None
    raise TurnsError("it is neither L0's JSON, nor an l0.log, nor a console with an answer of `kurma-ctl turns --json`")


def while_l2_runs(turns: Sequence[Turn]) -> list[Turn]:
    """From the first entry of L2 to its last exit: without L1's start and end, next to which a round is a speck."""
    entries = [place for place, turn in enumerate(turns) if turn.level_after == 2]
    exits = [place for place, turn in enumerate(turns) if turn.level_before == 2]
    if not entries and not exits:
        return list(turns)
    return list(turns[min(entries[:1] + exits[:1]):max(entries[-1:] + exits[-1:]) + 1])


def without_power_off(turns: Sequence[Turn]) -> list[Turn]:
    """Less the last port writes, by which a guest switches the machine off: they are in each run and tell nothing."""
    kept = list(turns)
    while kept and kept[-1].why == "l1_power_port":
        kept.pop()
    return kept
