"""A random case in words: where it starts, what is mutated, both answers; and which cases are most likely one defect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import Status
from ..l0log import PREFIX
from ..pair import SIDES
from ..run import Result
from .answers import Difference, differing_words
from .random_lines import Detail, read_details

L0_LINES = 4
NOT_OF_A_CASE = ("json-", "end ", "vmcs", "no turns", "the last turns")
FIRST_WORDS = 3
OUTCOME_WORDS = ("reason=", "error=")


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


def told_once(results: dict[str, Result], cases: Iterable[int]) -> dict[int, Told]:
    """Each of these cases, run once in one pair of boots."""
    wanted = list(cases)
    details = {side: read_details(results[side].guest) for side in SIDES}
    return {case: _told(case, {side: next(iter(details[side].get(case, [])), None) for side in SIDES}, results,
                        len(wanted) == 1) for case in wanted}


def told_by_mask(results: dict[str, Result], case: int, masks: int) -> list[Told]:
    """One case, run with the masks 0, 1, ...: as far as both sides answered, and where the first of them ended."""
    details = {side: read_details(results[side].guest).get(case, []) for side in SIDES}
    told = list[Told]()
    for mask in range(masks):
        here = {side: details[side][mask] if mask < len(details[side]) else None for side in SIDES}
        told.append(_told(case, here, results, False))
        if not told[-1].answered:
            break
    return told


def _told(case: int, details: dict[str, Detail | None], results: dict[str, Result], alone: bool) -> Told:
    """A side that ended says so in place of the answer that it owes."""
    here = {side: detail or Detail() for side, detail in details.items()}
    answers = {side: _end(results[side]) if one.answer is None else one.answer for side, one in here.items()}
    return Told(case, here["bare"].base or here["kurma"].base, here["kurma"].mutations | here["bare"].mutations,
                Difference(f"random/{case}", answers["bare"], answers["kurma"]),
                all(one.answer is not None for one in here.values()), alone,
                _l0_words(results["kurma"]) if alone else ())


def _end(result: Result) -> str:
    return f"({result.why if result.status is not Status.POWER_OFF else 'ended without an answer'})"


def _l0_words(result: Result) -> tuple[str, ...]:
    """What L0 says of the one case that it ran: its lines between the one of its start and its end, dumps apart."""
    words = [line.removeprefix(PREFIX) for line in result.l0.lines[1:] if line.startswith(PREFIX)]
    return tuple(line for line in words if line[:1] != " " and not line.startswith(NOT_OF_A_CASE))[:L0_LINES]


def short_answers(told: Told) -> tuple[str, str]:
    """The words that differ; beside a side that ended, the other's first ones."""
    if told.answered:
        return differing_words(told.difference.bare, told.difference.kurma)
    return _beginning(told.difference.bare), _beginning(told.difference.kurma)


def _beginning(answer: str) -> str:
    return answer if answer.startswith("(") else " ".join([*answer.split()[:FIRST_WORDS], "…"])


def alike(told: Iterable[Told]) -> list[list[Told]]:
    """Cases that differ in the same way: most likely one defect. The most frequent first."""
    groups: dict[object, list[Told]] = {}
    for one in told:
        groups.setdefault(_kind(one), []).append(one)
    return sorted(groups.values(), key=len, reverse=True)


def _kind(told: Told) -> object:
    bare, kurma = told.difference.bare, told.difference.kurma
    if not told.answered:
        return tuple(answer if answer.startswith("(") else "" for answer in (bare, kurma))
    if _outcome(bare) != _outcome(kurma):
        return _outcome(bare), _outcome(kurma)
    left, right = set(bare.split()), set(kurma.split())
    return _names(left - right), _names(right - left)


def _outcome(answer: str) -> tuple[str, ...]:
    """What decides what else an answer tells: its first word, the exit reason, the error number."""
    words = answer.split()
    return tuple(words[:1] + [word for word in words if word.startswith(OUTCOME_WORDS)])


def _names(words: set[str]) -> tuple[str, ...]:
    return tuple(sorted(word.partition("=")[0] for word in words))
