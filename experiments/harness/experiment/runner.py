"""Boots what is missing, the longest first, several at a time, and says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import Status
from ..paths import shown
from ..progress import Ticker, say
from ..run import Result, Run, drive
from .matrix import Boot
from .readings import Reading
from .store import Store


@dataclass
class Progress:
    """How much is done and left, by what such boots usually take, corrected by what those of this run took."""

    total: float
    done: float = 0.0

    def minutes_left(self, elapsed: float) -> float | None:
        """None until something has ended to judge by."""
        if self.done <= 0:
            return None
        return max(0.0, (self.total - self.done) * elapsed / self.done / 60)


@dataclass
class Outcome:
    readings: dict[Boot, Reading] = field(default_factory=dict)
    failures: dict[Boot, str] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)   # Of the failures.


def run_boots(boots: Sequence[Boot], store: Store, jobs: int, on_reading: Callable[[Outcome], None]) -> Outcome:
    """Those that the store has are not booted again. One that fails does not keep the others from running."""
    outcome = Outcome({boot: reading for boot in boots if (reading := store.find(boot)) is not None})
    missing = sorted((boot for boot in boots if boot not in outcome.readings), key=lambda boot: -boot.usual_seconds)
    if outcome.readings:
        say(f"{len(outcome.readings)} of {len(boots)} boots are there already, of the same images")
    on_reading(outcome)
    if not missing:
        return outcome
    progress, ticker = Progress(sum(boot.usual_seconds for boot in missing)), Ticker()
    runs = {boot: _prepared(boot, store) for boot in missing}
    ended: set[Boot] = set()

    def each_round(active: list[Run]) -> None:
        for boot, run in runs.items():
            if run.result is not None and boot not in ended:
                ended.add(boot)
                progress.done += boot.usual_seconds
                ticker.quiet()
                failed = _take(boot, run.result, store, outcome)
                say(f"{len(ended)} of {len(missing)}: {_told(boot, run.result, failed)}{_left(progress, ticker)}")
                on_reading(outcome)
        ticker.tick(f"{len(ended)} of {len(missing)} boots done{_left(progress, ticker)}; at work: {_names(active)}")

    drive(runs.values(), jobs, each_round)
    ticker.quiet()
    return outcome


def _prepared(boot: Boot, store: Store) -> Run:
    store.forget(boot)
    return Run(store.platform.request(boot, store.images, store.directory_of(boot)))


def _take(boot: Boot, result: Result, store: Store, outcome: Outcome) -> str | None:
    """Why it is of no use, if it is not."""
    status, why = result.status, result.why
    if status is Status.POWER_OFF and result.complaint is not None:
        status, why = Status.TESTS_FAILED, result.complaint
    elif status is Status.POWER_OFF:
        try:
            outcome.readings[boot] = store.keep(boot, result)
            return None
        except ValueError as error:
            status, why = Status.L0_PANIC, f"L0's counters are no JSON ({error})"
    outcome.failures[boot] = f"{boot.name}: {why}; its console and logs: {shown(result.directory)}/"
    outcome.statuses.append(status)
    return why


def _told(boot: Boot, result: Result, failed: str | None) -> str:
    ticks = f", {result.words.tick:,} instructions" if result.words.tick is not None else ""
    verdict = "" if failed is None else f" FAILED: {failed};"
    return f"{boot.name}:{verdict} {result.seconds:.0f} s{ticks}"


def _left(progress: Progress, ticker: Ticker) -> str:
    left = progress.minutes_left(ticker.elapsed())
    return "" if left is None else f", about {left:.0f} min left" if left >= 1 else ", less than a minute left"


def _names(active: Iterable[Run]) -> str:
    return ", ".join(run.request.name for run in active)
