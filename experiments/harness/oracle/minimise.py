"""The fewest mutations of a case that still make the sides differ."""

from __future__ import annotations

from collections.abc import Callable

# Which of these masks (bit K: mutation K is applied) make the sides differ. Several are asked at once because a boot
# takes seconds, and two boots run side by side.
Differ = Callable[[list[int]], list[bool]]


def minimise(mutations: list[int], differ: Differ) -> int | None:
    """A mask from which no mutation can be left out; None if not even all of them together make a difference.

    Most differences need but one mutation, so the single ones are asked first, with none and with all. Otherwise
    mutations are dropped one by one: as many questions as the square of their number, at worst.
    """
    whole = sum(1 << number for number in mutations)
    singles = [1 << number for number in mutations]
    first = [mask for mask in dict.fromkeys([whole, 0, *singles])]
    seen = dict(zip(first, differ(first)))
    if not seen[whole]:
        return None
    found = next((mask for mask in [0, *singles] if seen[mask]), None)
    return _without_each(whole, differ) if found is None else found


def _without_each(mask: int, differ: Differ) -> int:
    while mask & (mask - 1):
        smaller = [mask & ~(1 << number) for number in range(mask.bit_length()) if mask >> number & 1]
        if all(one & (one - 1) == 0 for one in smaller):
            return mask   # Of two mutations, each alone has been asked.
        found = next((one for one, differs in zip(smaller, differ(smaller)) if differs), None)
        if found is None:
            return mask
        mask = found
    return mask
