"""What one side of the oracle answered: its case lines, and whether they are all there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

END = "conformance: end"
CASE = re.compile(r"case (\S+/\S+): ?(.*)")
NO_SUCH_CASE = "(no such case)"   # Stands for the answer of a side that has not the other's case.


@dataclass
class Answers:
    """Answers by `TOPIC/NAME`, in the order in which they were given."""

    by_case: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    wrong: list[str] = field(default_factory=list)   # What makes the whole unfit to be compared, in words.

    @property
    def last(self) -> str | None:
        return next(reversed(self.by_case), None)

    @property
    def trustworthy(self) -> bool:
        return self.complete and not self.wrong


def read(lines: Iterable[str]) -> Answers:
    """Lines that are no case are passed over, but one that begins as a case and is none is wrong."""
    answers = Answers()
    for line in lines:
        if answers.complete and line.startswith("case "):
            answers.wrong.append(f"a case behind the end mark: {line!r}")
        elif line == END:
            answers.complete = True
        elif line.startswith("case "):
            _take(line, answers)
    if answers.complete and not answers.by_case:
        answers.wrong.append("not a single case; `./kurma run conformance --cmdline mode=topics` lists the topics")
    return answers


def _take(line: str, answers: Answers) -> None:
    found = CASE.fullmatch(line)
    if found is None:
        answers.wrong.append(f"no `case TOPIC/NAME: ANSWER`: {line!r}")
        return
    name, answer = found.groups()
    if name in answers.by_case:
        answers.wrong.append(f"case {name} twice")
        return
    answers.by_case[name] = answer


def topic_of(case: str) -> str:
    return case.partition("/")[0]


@dataclass(frozen=True)
class Difference:
    """One case that the sides do not answer alike."""

    case: str
    bare: str
    kurma: str


@dataclass(frozen=True)
class Comparison:
    cases: int
    equal: int
    differences: list[Difference]
    unanswered: list[str]   # Cases of one side that the other, which did not come to its end, never reached.


def compare(bare: Answers, kurma: Answers) -> Comparison:
    names = list(dict.fromkeys([*bare.by_case, *kurma.by_case]))
    equal, differences, unanswered = 0, list[Difference](), list[str]()
    for name in names:
        left, right = bare.by_case.get(name), kurma.by_case.get(name)
        if left is not None and left == right:
            equal += 1
        elif (left is None and not bare.complete) or (right is None and not kurma.complete):
            unanswered.append(name)
        else:
            differences.append(Difference(name, NO_SUCH_CASE if left is None else left,
                                          NO_SUCH_CASE if right is None else right))
    return Comparison(len(names), equal, differences, unanswered)


LONG_ENOUGH_TO_CUT = 3


def differing_words(bare: str, kurma: str) -> tuple[str, str]:
    """Both answers, with long rows of equal words replaced by an ellipsis."""
    left, right = bare.split(), kurma.split()
    cut_left, cut_right = list[str](), list[str]()
    for what, i1, i2, j1, j2 in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal" and i2 - i1 >= LONG_ENOUGH_TO_CUT:
            cut_left.append("…")
            cut_right.append("…")
        else:
            cut_left += left[i1:i2]
            cut_right += right[j1:j2]
    return " ".join(cut_left), " ".join(cut_right)
