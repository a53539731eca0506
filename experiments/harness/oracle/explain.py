"""Boots that tell random cases in words, and that find the fewest mutations with which a case still differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..pair import Pair
from ..progress import Ticker
from ..run import Run, drive
from .answers import Difference
from .campaign import Plan
from .random_lines import windows
from .setup import Setup
from .telling import Told, told_by_mask, told_once

GAP = 500            # Cases less far apart are told by one boot: telling one costs less than a boot does.
MOST_MUTATIONS = 10  # Each set of so many mutations is tried: one boot, since a case takes far less than a boot.
BEFORE = (1, 3, 7, 15, 31, 63, 127, 255)   # How many cases before one are tried, where it does not differ alone.

Counts = Callable[[Difference], bool]   # Whether a difference is one to look for: not one that is deliberate.


@dataclass(frozen=True)
class Minimal:
    """`mask` has the mutations that it takes; None if the case alone does not differ, and then `behind` is how many cases
    have to run before it (None: more than were tried)."""

    told: Told
    mask: int | None
    behind: int | None = None


def least_mask(told: list[Told], counts: Counts) -> int | None:
    """The first mask at which the sides differ. `told` is in the order of the masks from 0 on, and a part of a set of
    mutations is a smaller number than the set: so no part of what is found makes a difference, nothing can be left out."""
    return next((mask for mask, one in enumerate(told) if one.differs and counts(one.difference)), None)


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

    def tell_masked(self, masks: list[tuple[int, int]]) -> list[Told]:
        """Cases, each alone, with only those mutations that their mask has."""
        pairs = [self._pair(case, 1, f"mutations={mask:#x}") for case, mask in masks]
        self._drive(pairs, "run once more, cut down")
        return [told_once(pair.results, [case])[case] for pair, (case, _) in zip(pairs, masks)]

    def minimal(self, told: list[Told], counts: Counts) -> list[Minimal]:
        """Each with as few mutations as still make a difference that counts, and that was seen when it ran alone."""
        sizes = [1 << min(len(one.mutations), MOST_MUTATIONS) for one in told]
        pairs = [self._pair(one.case, 1, "mutations=0", f"last-mutations={size - 1:#x}") for one, size in zip(told, sizes)]
        self._drive(pairs, "run with each set of their mutations")
        masks = [least_mask(told_by_mask(pair.results, one.case, size), counts)
                 for pair, one, size in zip(pairs, told, sizes)]
        alone = iter(self.tell_masked([(one.case, mask) for one, mask in zip(told, masks) if mask is not None]))
        found = []
        for one, mask in zip(told, masks):
            again = next(alone) if mask is not None else None
            if again is not None and again.differs and counts(again.difference):
                found.append(Minimal(again, mask))
            else:
                found.append(Minimal(one, None, self._behind(one.case, counts)))
        return found

    def _behind(self, case: int, counts: Counts) -> int | None:
        before = [number for number in BEFORE if number <= case]
        pairs = [self._pair(case - number, number + 1) for number in before]
        self._drive(pairs, "run behind those before it")
        told = [told_once(pair.results, [case])[case] for pair in pairs]
        return next((number for number, one in zip(before, told) if one.differs and counts(one.difference)), None)

    def _tell_ranges(self, ranges: list[tuple[int, int]]) -> dict[int, Told]:
        pairs = [self._pair(first, count) for first, count in ranges]
        self._drive(pairs, "told in words")
        return {case: one for pair, (first, count) in zip(pairs, ranges)
                for case, one in told_once(pair.results, range(first, first + count)).items()}

    def _pair(self, first: int, count: int, *masks: str) -> Pair:
        self._boots += 1
        name = "-".join([self._model, f"detail-{self._boots}", f"case-{first}", *(mask.replace("=", "-") for mask in masks)])
        return self._setup.pair(name, self._model, [*self._plan.words(first, count), "detail=1", *masks])

    def _drive(self, pairs: list[Pair], what: str) -> None:
        runs = [run for pair in pairs for run in pair.runs]

        def each_round(_: list[Run]) -> None:
            done = sum(run.result is not None for run in runs)
            self._ticker.tick(f"{self._model}: cases are {what}, {done} of {len(runs)} boots")

        drive(runs, self._plan.jobs, each_round)
        self._ticker.quiet()
