"""A random case that does not match, in words: its mutations, both answers, and the fewest mutations that do it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import Status
from ..l0log import PREFIX
from ..pair import SIDES, Pair
from ..progress import Ticker
from ..run import Result, Run, drive
from .answers import Difference, differing_words
from .campaign import Plan
from .minimise import minimise
from .random_lines import Detail, read_details, windows
from .setup import Setup

GAP = 500              # Cases less far apart are told by one boot: telling one costs less than a boot does.
L0_LINES = 4
FIRST_WORDS = 3
NOT_OF_A_CASE = ("json-", "end ", "vmcs", "no turns", "the last turns")
ADDRESS = re.compile(r"0x[0-9a-f]{5,}")


@dataclass(frozen=True)
class Told:
    """One case as both sides tell it; `l0` is what Kurma's log says of it, known where it ran `alone`."""

    case: int
    base: str
    mutations: dict[int, str]
    difference: Difference
    answered: bool = True
    alone: bool = False
    l0: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        return self.difference.bare != self.difference.kurma


@dataclass(frozen=True)
class Minimal:
    """`mask` is None if the case does not differ when it is run alone."""

    told: Told
    mask: int | None


class Explainer:
    """Runs single cases of one model in detail, on both sides."""

    def __init__(self, setup: Setup, plan: Plan, model: str) -> None:
        self._setup, self._plan, self._model = setup, plan, model
        self._boots = 0
        self._ticker = Ticker()

    def tell(self, cases: Iterable[int], apart_at: Iterable[int] = ()) -> list[Told]:
        """Each of these cases in the words of both sides. At those of `apart_at` a side is known to end."""
        wanted = sorted(set(cases))
        told = self._tell_ranges(windows(wanted, GAP, apart_at))
        # A side may have ended before these were told: its end belongs to another case unless they run alone.
        again = [case for case in wanted if not told[case].answered and not told[case].alone]
        told |= self._tell_ranges([(case, 1) for case in again])
        return [told[case] for case in wanted]

    def _tell_ranges(self, ranges: list[tuple[int, int]]) -> dict[int, Told]:
        pairs = [self._pair(first, count, None) for first, count in ranges]
        self._drive(pairs)
        return {case: one for pair, (first, count) in zip(pairs, ranges)
                for case, one in tell_pair(pair, range(first, first + count)).items()}

    def with_masks(self, case: int, masks: list[int]) -> list[Told]:
        """The case once for each mask, with only those of its mutations."""
        pairs = [self._pair(case, 1, mask) for mask in masks]
        self._drive(pairs)
        return [tell_pair(pair, range(case, case + 1))[case] for pair in pairs]

    def minimal(self, told: Told, counts: Callable[[Difference], bool]) -> Minimal:
        """With as few mutations as still make a difference that counts."""
        seen: dict[int, Told] = {}

        def differ(masks: list[int]) -> list[bool]:
            for mask, one in zip(masks, self.with_masks(told.case, masks)):
                seen[mask] = one
            return [seen[mask].differs and counts(seen[mask].difference) for mask in masks]

        mask = minimise(sorted(told.mutations), differ)
        return Minimal(told if mask is None else seen[mask], mask)

    def _pair(self, first: int, count: int, mask: int | None) -> Pair:
        self._boots += 1
        words = [*self._plan.words(first, count), "detail=1", *([] if mask is None else [f"mutations={mask:#x}"])]
        name = f"{self._model}-detail-{self._boots}-case-{first}" + ("" if mask is None else f"-mutations-{mask:#x}")
        return self._setup.pair(name, self._model, words)

    def _drive(self, pairs: list[Pair]) -> None:
        runs = [run for pair in pairs for run in pair.runs]

        def each_round(_: list[Run]) -> None:
            done = sum(run.result is not None for run in runs)
            self._ticker.tick(f"{self._model}: tells cases in detail, {done} of {len(runs)} boots")

        drive(runs, self._plan.jobs, each_round)
        self._ticker.quiet()


def tell_pair(pair: Pair, cases: range) -> dict[int, Told]:
    """A side that ended says so in place of the answer that it owes."""
    details = {side: read_details(pair.results[side].guest) for side in SIDES}
    told = {}
    for case in cases:
        answers = {}
        for side in SIDES:
            result = pair.results[side]
            answer = details[side].get(case, Detail()).answer
            end = result.why if result.status is not Status.POWER_OFF else "ended without an answer"
            answers[side] = f"({end})" if answer is None else answer
        here = {side: details[side].get(case, Detail()) for side in SIDES}
        told[case] = Told(case, here["bare"].base or here["kurma"].base, here["kurma"].mutations | here["bare"].mutations,
                          Difference(f"random/{case}", answers["bare"], answers["kurma"]),
                          all(one.answer is not None for one in here.values()), len(cases) == 1,
                          _l0_words(pair.results["kurma"]) if len(cases) == 1 else ())
    return told


def _l0_words(result: Result) -> tuple[str, ...]:
    """What L0 says of the one case that it ran: its lines between the one of its start and its end, dumps apart."""
    words = [line.removeprefix(PREFIX) for line in result.l0.lines[1:] if line.startswith(PREFIX)]
    return tuple(line for line in words if line[:1] != " " and not line.startswith(NOT_OF_A_CASE))[:L0_LINES]


def alike(told: list[Told]) -> list[list[Told]]:
    """Cases whose answers differ in the same way, addresses apart: most likely one defect. The most frequent first."""
    groups: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        bare, kurma = short_answers(one)
        groups.setdefault((ADDRESS.sub("#", bare), ADDRESS.sub("#", kurma)), []).append(one)
    return sorted(groups.values(), key=len, reverse=True)


def short_answers(told: Told) -> tuple[str, str]:
    """The words that differ; beside a side that ended, the other's first ones."""
    bare, kurma = told.difference.bare, told.difference.kurma
    if told.answered:
        return differing_words(bare, kurma)
    return _beginning(bare), _beginning(kurma)


def _beginning(answer: str) -> str:
    return answer if answer.startswith("(") else " ".join([*answer.split()[:FIRST_WORDS], "…"])
