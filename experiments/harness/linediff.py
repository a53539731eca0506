"""Where two texts differ, as a unified diff with counts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

CONTEXT_LINES = 3


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
    middle_left, middle_right = kept_left[start:len(kept_left) - end], kept_right[start:len(kept_right) - end]
    matcher = difflib.SequenceMatcher(None, middle_left, middle_right, autojunk=len(middle_left) > 2000)
    equal = start + end + sum(block.size for block in matcher.get_matching_blocks())
    different = len(kept_left) + len(kept_right) - 2 * equal
    # The diff is made of what may differ and its surroundings: the rest only makes it slow.
    before, after = min(start, CONTEXT_LINES), min(end, CONTEXT_LINES)
    first = start - before
    shown_left = kept_left[first:len(kept_left) - end + after]
    shown_right = kept_right[first:len(kept_right) - end + after]
    diff = [_moved(line, first) for line in
            difflib.unified_diff(shown_left, shown_right, *names, n=CONTEXT_LINES, lineterm="")]
    return LineDiff(equal, different, ignored, diff)


def _kept(lines: Sequence[str], ignore: Sequence[re.Pattern[str]]) -> list[str]:
    return [line for line in lines if not any(pattern.search(line) for pattern in ignore)]


def _common_ends(left: list[str], right: list[str]) -> tuple[int, int]:
    shorter = min(len(left), len(right))
    start = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    end = next((at for at in range(shorter - start) if left[-1 - at] != right[-1 - at]), shorter - start)
    return start, end


_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def _moved(line: str, by: int) -> str:
    """A hunk's line numbers as they are in the whole text."""
    found = _HUNK.fullmatch(line)
    if found is None:
        return line
    return f"@@ -{int(found[1]) + by}{found[2] or ''} +{int(found[3]) + by}{found[4] or ''} @@"
