"""The boot tests' helper must fail when it should: its checks, on results made by hand."""

import argparse
import unittest
from pathlib import Path

from harness.boottest import check, check_equal, check_same_lines, parser
from harness.errors import Status
from harness.l0log import L0Log
from harness.platform_bochs import Ending, LastWords
from harness.run import Result


def result(console: str = "L1: hello\r\nL1: bye\r\n", l0: str = "kurma: up\n", status: Status = Status.POWER_OFF,
           tick: int | None = 7) -> Result:
    log = L0Log()
    log.feed(l0.encode())
    return Result(status, "why", 1.0, LastWords(Ending.SHUTDOWN_PORT, tick, ""), log, console.encode(), Path("d"))


def options(*words: str) -> argparse.Namespace:
    return parser().parse_args(["--name", "n", "--images", "i", *words])


class Checks(unittest.TestCase):
    def test_what_is_right_passes(self) -> None:
        self.assertEqual(check(options("--expect-console", "^L1: hello$", "--expect-l0", "^kurma: up$",
                                       "--reject-console", "ERROR"), result()), [])

    def test_each_kind_of_wrong_fails(self) -> None:
        for words in (["--expect-console", "^hello"], ["--reject-console", "bye"], ["--expect-l0", "down"],
                      ["--reject-l0", "up"], ["--expect-status", "4"]):
            with self.subTest(words):
                self.assertEqual(len(check(options(*words), result())), 1)

    def test_success_is_expected_unless_told(self) -> None:
        self.assertEqual(len(check(options(), result(status=Status.TIME_OUT))), 1)

    def test_runs_must_be_equal_to_the_tick(self) -> None:
        self.assertEqual(check_equal([result(), result()]), [])
        for other in (result(console="L1\n"), result(l0="kurma: other\n"), result(tick=8)):
            self.assertEqual(len(check_equal([result(), other])), 1)
        self.assertEqual(len(check_equal([result(tick=None), result(tick=None)])), 1)

    def test_bare_lines_must_be_the_same_and_be_there(self) -> None:
        self.assertEqual(check_same_lines("^L1", result(), result()), [])
        self.assertEqual(len(check_same_lines("^L1", result(), result(console="L1: hello\nL1: no\n"))), 1)
        self.assertEqual(len(check_same_lines("^L1", result(), result(console="L1: hello\n"))), 1)
        self.assertEqual(len(check_same_lines("^case", result(), result())), 1)
        self.assertEqual(len(check_same_lines("^L1", result(), result(status=Status.L1_DEATH))), 1)


if __name__ == "__main__":
    unittest.main()
