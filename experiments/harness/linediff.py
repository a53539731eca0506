"""Where two texts differ, as a unified diff with counts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

CONTEXT_LINES = 3
SLOW = 4_000_000   # Pairs of lines from which on lines that stand everywhere are no anchors.


@dataclass(frozen=True)
class LineDiff:
    """`different` counts the lines that the other side has not: of both sides together."""

    equal: int
    different: int
    ignored: int
    diff: list[str]

    @property
    def same(self) -> bool:
        return self.different == 0


def compare_lines(left: Sequence[str], right: Sequence[str], names: tuple[str, str],
                  ignore: Sequence[re.Pattern[str]] = ()) -> LineDiff:
    """Lines that match one of `ignore` are taken out of both before they are compared."""
    kept_left, kept_right = _kept(left, ignore), _kept(right, ignore)
    ignored = len(left) - len(kept_left) + len(right) - len(kept_right)
    start, end = _common_ends(kept_left, kept_right)
    # Compared is what may differ and its surroundings: the rest only makes it slow.
    first, after = max(0, start - CONTEXT_LINES), max(0, end - CONTEXT_LINES)
    middle_left, middle_right = kept_left[first:len(kept_left) - after], kept_right[first:len(kept_right) - after]
    slow = len(middle_left) * len(middle_right) > SLOW
    matcher = difflib.SequenceMatcher(None, middle_left, middle_right, autojunk=slow)
    equal = first + after + sum(block.size for block in matcher.get_matching_blocks())
    different = len(kept_left) + len(kept_right) - 2 * equal
    return LineDiff(equal, different, ignored, _unified(matcher, middle_left, middle_right, names, first))


def _unified(matcher: difflib.SequenceMatcher[str], left: list[str], right: list[str], names: tuple[str, str],
             first: int) -> list[str]:
    """The diff; `first` lines before these texts are left out of them, and counted."""
    lines = list[str]()
    for hunk in matcher.get_grouped_opcodes(CONTEXT_LINES):
        (_, left_from, _, right_from, _), (_, _, left_to, _, right_to) = hunk[0], hunk[-1]
        lines.append(f"@@ -{_range(left_from + first, left_to + first)} +{_range(right_from + first, right_to + first)} @@")
        for what, i1, i2, j1, j2 in hunk:
            if what == "equal":
                lines += [f" {line}" for line in left[i1:i2]]
            else:
                lines += [f"-{line}" for line in left[i1:i2]] + [f"+{line}" for line in right[j1:j2]]
    return [f"--- {names[0]}", f"+++ {names[1]}", *lines] if lines else []


def _range(begin: int, end: int) -> str:
    """As the unified format has it: lines count from 1; an empty range names the line before it."""
    return f"{begin + 1 if end > begin else begin},{end - begin}"


def _kept(lines: Sequence[str], ignore: Sequence[re.Pattern[str]]) -> list[str]:
    return [line for line in lines if not any(pattern.search(line) for pattern in ignore)]


def _common_ends(left: list[str], right: list[str]) -> tuple[int, int]:
    shorter = min(len(left), len(right))
    start = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    end = next((at for at in range(shorter - start) if left[-1 - at] != right[-1 - at]), shorter - start)
    return start, end
