"""Random cases in batches, each batch on both sides at once; what did not match, and at which cases a side ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import Status
from ..pair import SIDES, Pair
from ..paths import shown
from ..progress import Ticker, say
from ..run import Result, Run, drive
from .random_lines import read_hashes
from .setup import Setup

MOST_ACCIDENTS = 20   # After so many it is one defect many times, and each may cost a time-out.


@dataclass(frozen=True)
class Plan:
    """Which cases: of one seed, from `first`, `count` of them."""

    seed: int
    first: int
    count: int
    batch: int
    jobs: int

    def words(self, first: int, count: int) -> list[str]:
        return ["mode=random", f"seed={self.seed}", f"first={first}", f"count={count}"]

    @property
    def end(self) -> int:
        return self.first + self.count


@dataclass(frozen=True)
class Accident:
    """A side that ended before its batch did, at a case."""

    case: int
    side: str
    status: Status
    why: str
    directory: str


@dataclass
class Outcome:
    """What came out on one processor model. Cases at which a side ended are not among `compared`."""

    model: str
    compared: int = 0
    mismatches: list[int] = field(default_factory=list)
    accidents: list[Accident] = field(default_factory=list)
    problems: list[tuple[Status, str]] = field(default_factory=list)   # Nothing to do with one case.

    def stopped(self) -> bool:
        return bool(self.problems) or len(self.accidents) >= MOST_ACCIDENTS


Range = tuple[int, int]   # first, count


def take_in(outcome: Outcome, batch: Range, results: dict[str, Result]) -> Range | None:
    """Adds a batch's two results to the outcome; returns the cases behind an accident, which are still to be run."""
    first, count = batch
    hashes = {side: read_hashes(results[side].guest, first) for side in SIDES}
    until = first + count
    at = first + count
    for side, found in hashes.items():
        result = results[side]
        if found.wrong is not None or found.next_case > until:
            outcome.problems.append((Status.TESTS_FAILED, f"{SIDES[side]}: {found.wrong or 'more cases than asked for'}; "
                                                          f"see {shown(result.directory)}/guest.log"))
        elif result.status in (Status.REFUSED, Status.USAGE):
            outcome.problems.append((result.status, f"{SIDES[side]}: {result.why}; see {shown(result.directory)}/"))
        elif result.status is not Status.POWER_OFF or not found.complete or found.next_case < until:
            status = result.status if result.status is not Status.POWER_OFF else Status.TESTS_FAILED
            why = result.why if result.status is not Status.POWER_OFF else "it ended without all cases, or no end mark"
            outcome.accidents.append(Accident(min(found.next_case, until - 1), side, status, why, shown(result.directory)))
            at = min(at, found.next_case)
    if outcome.problems:
        return None
    outcome.compared += at - first
    outcome.mismatches += [first + number for number in range(at - first)
                           if hashes["bare"].values[number] != hashes["kurma"].values[number]]
    return (at + 1, until - at - 1) if at + 1 < until else None


def run(setup: Setup, plan: Plan, model: str) -> Outcome:
    """All of the plan's cases on one model. Goes on behind a case at which a side ended."""
    outcome, ticker = Outcome(model), Ticker()
    queue = deque((first, min(plan.batch, plan.end - first)) for first in range(plan.first, plan.end, plan.batch))
    open_pairs: list[tuple[Range, Pair]] = []

    def runs() -> Iterator[Run]:
        while queue and not outcome.stopped():
            first, count = queue.popleft()
            pair = setup.pair(f"{model}-{first}", model, plan.words(first, count))
            open_pairs.append(((first, count), pair))
            yield from pair.runs

    def each_round(active: list[Run]) -> None:
        for entry in [entry for entry in open_pairs if len(entry[1].results) == len(SIDES)]:
            open_pairs.remove(entry)
            seen = len(outcome.accidents)
            rest = take_in(outcome, entry[0], entry[1].results)
            for accident in outcome.accidents[seen:]:
                ticker.quiet()
                say(f"case {accident.case}: {SIDES[accident.side]}: {accident.why}")
            if rest is not None:
                queue.appendleft(rest)
        ticker.tick(_progress(plan, outcome, active, ticker.elapsed()))

    while queue and not outcome.stopped():
        drive(runs(), plan.jobs, each_round)
    ticker.quiet()
    outcome.mismatches.sort()
    return outcome


def _progress(plan: Plan, outcome: Outcome, active: list[Run], seconds: float) -> str:
    halves = 2 * outcome.compared + sum(len(run.guest.lines) for run in active)
    rate = halves / 2 / seconds if seconds > 0 else 0.0
    left = f", {(plan.count - halves / 2) / rate:.0f} s left" if rate > 0 else ""
    bad = f"; {len(outcome.mismatches):,} differ" if outcome.mismatches else ""
    return f"{outcome.model}: {halves // 2:,} of {plan.count:,} cases, {rate:,.0f} cases/s{left}{bad}"
