"""The turns that L0 recorded, at the end of a run: do they join, and have their rounds the numbers that they must have?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .trace import Turn, TurnsError, rounds, turns_of


def problem(counters: Any, least_rounds: int) -> str | None:
    """What is wrong; None if nothing is."""
    try:
        turns = turns_of(counters)
    except TurnsError as error:
        return str(error)
    for before, after in pairwise(turns):
        if (wrong := _wrong_between(before, after)) is not None:
            return f"turn {after.turn}: {wrong}"
    if (found := len(rounds(turns))) < least_rounds:
        return f"{found} whole rounds among {len(turns)} turns, expected {least_rounds} at least"
    return None


def _wrong_between(before: Turn, after: Turn) -> str | None:
    """An exit comes from the level that was entered; a round begins, and has the next number, when L2's exit reaches L1."""
    if after.level_before != before.level_after:
        return f"an exit of L{after.level_before}, and L{before.level_after} was entered last"
    if after.begins_round != (after.room == "reflect"):
        return f"room {after.room} from L{after.level_before} to L{after.level_after}"
    expected = before.round + (1 if after.begins_round else 0)
    return None if after.round == expected else f"round {after.round}, expected {expected}"
