"""Tables as `perf kvm stat report` prints them, with instructions where perf has microseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import names
from .round import rounds
from .turns import Turn

EVENT_WIDTH = 20
KEYS = ("sample", "time")
LEVELS = ("L1", "L2", "all")


@dataclass(frozen=True)
class Sample:
    reason: str
    time: int


@dataclass(frozen=True)
class Row:
    """One kind of exit: how often, and what it took."""

    event: str
    times: tuple[int, ...]

    @property
    def samples(self) -> int:
        return len(self.times)

    @property
    def time(self) -> int:
        return sum(self.times)

    @property
    def mean(self) -> float:
        return self.time / self.samples

    @property
    def uncertainty(self) -> float:
        """perf's +-: the standard error of the mean, in percent of it."""
        if self.samples < 2 or self.mean == 0:
            return 0.0
        variance = sum((time - self.mean) ** 2 for time in self.times) / (self.samples - 1)
        return 100 * math.sqrt(variance / self.samples) / self.mean


def rows_of(samples: Iterable[Sample], key: str = "sample") -> list[Row]:
    """The most frequent first, or (`time`) those that took most in all."""
    by_event: dict[str, list[int]] = {}
    for sample in samples:
        by_event.setdefault(names.event(sample.reason), []).append(sample.time)
    rows = [Row(event, tuple(times)) for event, times in by_event.items()]
    return sorted(rows, key=lambda row: (-(row.time if key == "time" else row.samples), row.event))


def table(title: str, samples: Sequence[Sample], key: str = "sample") -> str:
    rows = rows_of(samples, key)
    count, total = len(samples), sum(sample.time for sample in samples)
    lines = [title, "", f"{'VM-EXIT':>{EVENT_WIDTH}} {'Samples':>10} {'Samples%':>9} {'Time%':>9} {'Min Time':>11} "
                        f"{'Max Time':>11} {'Avg time':>16}", ""]
    lines += [f"{row.event:>{EVENT_WIDTH}} {row.samples:10} {100 * row.samples / count:8.2f}% "
              f"{100 * row.time / total if total else 0:8.2f}% {min(row.times):11} {max(row.times):11} {row.mean:11.2f} "
              f"( +-{row.uncertainty:7.2f}% )" for row in rows]
    return "\n".join([*lines, "", f"Total Samples:{count}, Total events handled time:{total} instructions.", ""])


def wanted(turns: Iterable[Turn], events: Sequence[str]) -> list[Turn]:
    """Those whose exit reason is among `events`; without any: all."""
    return [turn for turn in turns if not events or any(names.same_event(asked, turn.reason) for asked in events)]


def whys(turns: Sequence[Turn], level: int) -> str:
    """Where the exits of a level went, and why: a line for each (reason, room, why)."""
    counts: dict[tuple[str, str, str], int] = {}
    for turn in turns:
        if turn.level_before == level:
            counts[turn.event, turn.room, turn.why] = counts.get((turn.event, turn.room, turn.why), 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"{event:>{EVENT_WIDTH}} {count:10}  {room:<8} {why}: {names.meaning(why)}"
                     for (event, room, why), count in ordered)


def _none(level: str, there: set[str]) -> str:
    if not there:
        return f"No exits of {level} among these turns.\n"
    return f"No exits of {level} for that reason among these turns; there are {', '.join(sorted(there))}.\n"


def report(turns: Sequence[Turn], level: str = "all", key: str = "sample", events: Sequence[str] = ()) -> str:
    """The tables of the levels that were asked for. An exit of L2 has two times: L0's, and all until L2 ran again."""
    parts: list[str] = []
    chosen = wanted(turns, events)
    for number in (2, 1):
        name, own = f"L{number}", [turn for turn in chosen if turn.level_before == number]
        if level not in (name, "all"):
            continue
        if not own:
            parts.append(_none(name, {turn.event for turn in turns if turn.level_before == number}))
            continue
        parts.append(table(f"Exits of {name}, time in L0 until the next entry, of L1 or L2 (instructions):",
                           [Sample(turn.reason, turn.cost) for turn in own], key))
        if number == 2 and (whole := [each for each in rounds(turns) if wanted([each.exit], events)]):
            parts.append(table("Exits of L2 that reached L1, time until L2 ran again, in L0 and in L1 (instructions):",
                               [Sample(each.reason, each.instructions) for each in whole], key))
        parts.append(f"What Kurma did with the exits of {name}, and why:\n\n{whys(chosen, number)}\n")
    return "\n".join(parts)
