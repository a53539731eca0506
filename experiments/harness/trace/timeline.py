"""A timeline in the Trace Event format, which Perfetto's UI (https://ui.perfetto.dev) and chrome://tracing open.

One microsecond of the viewer is one tick of the time-stamp counter, on Bochs one instruction. Time 0 is the first exit.
What L0 needs to write a turn down stands around it as slices `record`; without trace=turns they are not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from . import names
from .round import Round, rounds
from .turns import Turn

Event = dict[str, Any]

PROCESS = 100
# Perfetto shows a process's tracks in the order of these numbers, but first of all one that has the process's own number.
L2, L1, L0 = 101, 102, 103
TRACKS = ((L2, "L2: the guest of L1"), (L1, "L1: the hypervisor"), (L0, "L0: Kurma"))
TRACK_OF_LEVEL = {2: L2, 1: L1}
UNIT = "1 us shown here is 1 tick of the time-stamp counter: on Bochs 1 instruction"
ROUND = "round"


def timeline(turns: Sequence[Turn], what: str) -> dict[str, Any]:
    """The whole document. `what` says what ran. There is no displayTimeUnit in it: Perfetto's early versions (v20 for one)
    took `ts` to be in that unit, while everybody else takes it to be in microseconds."""
    zero = turns[0].begin if turns else 0
    events = [*_metadata(what), *sorted(_moving(turns, zero), key=lambda event: event["ts"])]
    return {"traceEvents": events, "otherData": {"what": what, "unit": UNIT, "tsc at 0": zero, "turns": len(turns)}}


def _metadata(what: str) -> Iterator[Event]:
    def named(event: str, track: int, **told: Any) -> Event:
        return {"ph": "M", "name": event, "pid": PROCESS, "tid": track, "args": told}
    yield named("process_name", L2, name=f"Kurma: {what} ({UNIT})")   # On a track that is there: else it makes an empty one.
    for place, (track, name) in enumerate(TRACKS):
        yield named("thread_name", track, name=name)
        yield named("thread_sort_index", track, sort_index=place)


def _moving(turns: Sequence[Turn], zero: int) -> Iterator[Event]:
    for turn in turns:
        yield _slice(L0, turn.label, turn.room, turn.tsc_exit - zero, turn.cost, _told(turn))
        for begin, duration in ((turn.begin, turn.noting), (turn.tsc_entry, turn.recording)):
            if duration:
                yield _slice(L0, "record", "record", begin - zero, duration, {"what": "L0 writes this turn down"})
    for before, after in pairwise(turns):
        if after.begin > before.end:
            yield _slice(TRACK_OF_LEVEL[before.level_after], f"until {after.label}", "guest", before.end - zero,
                         after.begin - before.end, {"entered after": before.label, "left by": after.label})
    by_number = {turn.turn: turn for turn in turns}
    for each in rounds(turns):
        yield from _arrows(each, by_number, zero)


def _slice(track: int, name: str, category: str, begin: int, duration: int, told: Event) -> Event:
    return {"ph": "X", "name": name, "cat": category, "pid": PROCESS, "tid": track, "ts": begin, "dur": duration,
            "args": told}


def _told(turn: Turn) -> Event:
    return {"VM-EXIT": turn.event, "from": f"L{turn.level_before}", "to": f"L{turn.level_after}",
            "room": f"{turn.room}: {names.ROOMS[turn.room]}", "why": f"{turn.why}: {names.meaning(turn.why)}",
            "instructions in L0": turn.cost, "VMREAD": turn.vmread, "VMWRITE": turn.vmwrite,
            "VMPTRLD": turn.vmptrld, "VMCLEAR": turn.vmclear, "INVEPT and INVVPID": turn.flushes,
            "rip": f"{turn.rip:#x}", "exit qualification": f"{turn.qualification:#x}", "round": turn.round,
            "turn": turn.turn}


def _arrows(each: Round, by_number: dict[int, Turn], zero: int) -> Iterator[Event]:
    """L2's last instruction -> L0 -> L1 -> L0 -> ... -> L2 again, as one flow through the slices' beginnings."""
    before, last = by_number.get(each.exit.turn - 1), each.l1_exits[-1]
    stations: list[tuple[int, int]] = []
    if before is not None and before.end < each.exit.begin:
        stations.append((L2, each.exit.begin - 1))
    for turn, after in pairwise(each.turns):
        stations.append((L0, turn.tsc_exit))
        if turn.end < after.begin:
            stations.append((L1, turn.end))
    stations.append((L0, last.tsc_exit))
    after_last = by_number.get(last.turn + 1)
    if after_last is not None and last.end < after_last.begin:
        stations.append((L2, last.end))
    for place, (track, ts) in enumerate(stations):
        phase = "s" if place == 0 else "f" if place == len(stations) - 1 else "t"
        yield {"ph": phase, "name": ROUND, "cat": ROUND, "id": each.number, "pid": PROCESS, "tid": track, "ts": ts - zero,
               **({"bp": "e"} if phase == "f" else {})}
