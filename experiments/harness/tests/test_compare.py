"""`./kurma compare`: equal is what says the same and ends the same, and nothing else."""

import random
import re
import unittest
from pathlib import Path

from harness.compare_command import compare_streams, verdict
from harness.errors import Status
from harness.l0log import L0Log
from harness.linediff import compare_lines
from harness.platform_bochs import Ending, LastWords
from harness.run import Result

NAMES = ("bare", "Kurma")


def side(console: str = "", guest: str = "", status: Status = Status.POWER_OFF) -> Result:
    return Result(status, "why", 1.0, LastWords(Ending.SHUTDOWN_PORT, 1, ""), L0Log(), console.encode(), Path("d"),
                  guest.splitlines())


def judged(bare: Result, kurma: Result, *ignore: str, until: str | None = None) -> Status:
    diffs = compare_streams(bare, kurma, [re.compile(text) for text in ignore], None if until is None else re.compile(until))
    return verdict(bare, kurma, diffs)[0]


class Lines(unittest.TestCase):
    def test_equal_texts_have_no_diff(self) -> None:
        found = compare_lines(["a", "b"], ["a", "b"], NAMES)
        self.assertEqual((found.equal, found.different, found.diff), (2, 0, []))

    def test_a_changed_line_stands_with_its_surroundings_and_its_number(self) -> None:
        left = [str(number) for number in range(100)]
        found = compare_lines(left, ["x" if line == "50" else line for line in left], NAMES)
        self.assertEqual((found.equal, found.different), (99, 2))
        self.assertEqual(found.diff, ["--- bare", "+++ Kurma", "@@ -48,7 +48,7 @@", " 47", " 48", " 49", "-50", "+x", " 51",
                                      " 52", " 53"])

    def test_one_side_may_be_empty(self) -> None:
        self.assertEqual(compare_lines([], ["a"], NAMES).different, 1)
        self.assertEqual(compare_lines(["a", "a"], ["a"], NAMES).different, 1)

    def test_ignored_lines_count_for_neither_side(self) -> None:
        found = compare_lines(["a", "time 1"], ["time 2", "a"], NAMES, [re.compile("^time")])
        self.assertEqual((found.equal, found.different, found.ignored), (1, 0, 2))

    def test_counts_are_right_for_any_texts(self) -> None:
        # Whatever is called equal must be there on both sides; the rest is different; the diff holds all of it.
        rows = random.Random(7)
        for _ in range(300):
            left = [rows.choice("abc") for _ in range(rows.randrange(12))]
            right = [rows.choice("abc") for _ in range(rows.randrange(12))]
            found = compare_lines(left, right, NAMES)
            self.assertEqual(found.equal * 2 + found.different, len(left) + len(right))
            self.assertEqual(found.same, left == right)
            changed = [line for line in found.diff[2:] if line[0] in "+-"]
            self.assertEqual(len(changed), found.different)


class Verdicts(unittest.TestCase):
    def test_the_same_words_and_the_same_end_are_equal(self) -> None:
        self.assertEqual(judged(side("a\r\n"), side("a\r\n")), Status.POWER_OFF)
        self.assertEqual(judged(side("a", status=Status.L1_DEATH), side("a", status=Status.L1_DEATH)), Status.POWER_OFF)

    def test_either_stream_may_differ(self) -> None:
        self.assertEqual(judged(side("a"), side("b")), Status.DIFFERENT)
        self.assertEqual(judged(side("a", "x"), side("a", "y")), Status.DIFFERENT)
        self.assertEqual(judged(side("a", "x"), side("a")), Status.DIFFERENT)
        self.assertEqual(judged(side("a 1"), side("a 2"), "^a"), Status.POWER_OFF)

    def test_a_side_that_ends_otherwise_gives_its_status(self) -> None:
        for status in (Status.TIME_OUT, Status.L1_DEATH, Status.L0_PANIC, Status.REFUSED, Status.RESET):
            with self.subTest(status):
                self.assertEqual(judged(side("a"), side("a", status=status)), status)
                self.assertEqual(judged(side("a", status=status), side("a")), status)

    def test_two_that_were_stopped_are_compared_as_far_as_both_came(self) -> None:
        stopped = side("a\nb\nc\nd", status=Status.TIME_OUT)
        self.assertEqual(judged(stopped, side("a\nb\nc", status=Status.TIME_OUT)), Status.TIME_OUT)
        self.assertEqual(judged(stopped, side("a\nx\nc", status=Status.TIME_OUT)), Status.DIFFERENT)

    def test_what_is_said_behind_the_line_that_was_waited_for_is_not_compared(self) -> None:
        self.assertEqual(judged(side("a\nSUMMARY\nb"), side("a\nSUMMARY"), until="^SUM"), Status.POWER_OFF)
        self.assertEqual(judged(side("a\nSUMMARY\nb"), side("x\nSUMMARY"), until="^SUM"), Status.DIFFERENT)
        self.assertEqual(judged(side("a\nb\nc"), side("a"), until="^SUM"), Status.DIFFERENT)

    def test_silence_on_both_sides_is_no_equality(self) -> None:
        self.assertEqual(judged(side(), side()), Status.DIFFERENT)


if __name__ == "__main__":
    unittest.main()
