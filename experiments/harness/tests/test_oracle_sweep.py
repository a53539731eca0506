"""The verdict of a whole sweep: 0 only if nothing at all is wrong."""

import contextlib
import io
import json
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness.errors import Status
from harness.oracle import sweep
from harness.oracle.answers import END
from harness.oracle.differences import DifferenceList, Entry
from harness.payload import Images
from harness.tests.fake_guest import FakeSweep, Script

ENTRY = Entry(("a/x",), ("*",), re.compile("1"), re.compile("2"), "Because.")
Lines = dict[str, list[str]]


def script(lines: Lines, **ends: tuple[Status, str]) -> Script:
    """The same on every model; lines by side, or by side and topic; a side's end by its name."""
    def answer(side: str, _: str, topic: str) -> tuple[list[str], Status, str]:
        status, why = ends.get(side, (Status.POWER_OFF, "off")) if not topic else (Status.POWER_OFF, "off")
        return lines.get(f"{side} {topic}" if topic else side, []), status, why
    return answer


def cases(*answers: str, end: bool = True) -> list[str]:
    return [*(f"case {answer}" for answer in answers), *([END] if end else [])]


class Verdicts(unittest.TestCase):
    def swept(self, answer: Script, differences: DifferenceList | None = None, models: list[str] | None = None,
              topics: list[str] | None = None) -> Status:
        out, err = io.StringIO(), io.StringIO()
        with (tempfile.TemporaryDirectory() as name, mock.patch("harness.run.POLL_SECONDS", 0),
              contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)):
            setup = FakeSweep("conformance", models or ["m"], [], Images(Path(name)), Path(name), script=answer)
            status = sweep.run(setup, topics or [], differences or DifferenceList([]), None)
            self.document = json.loads(Path(name, "oracle.json").read_text())
        self.said = out.getvalue() + err.getvalue()
        return status

    EQUAL = {"bare": cases("a/x: 1", "b/x: 2"), "kurma": cases("a/x: 1", "b/x: 2")}
    DIFFERENT = {"bare": cases("a/x: 1", "b/x: 2"), "kurma": cases("a/x: 2", "b/x: 2")}

    def test_equal_sides_are_a_success(self) -> None:
        self.assertEqual(self.swept(script(self.EQUAL), models=["m", "n"]), Status.POWER_OFF)
        self.assertEqual([model["equal"] for model in self.document["models"]], [2, 2])

    def test_an_unexplained_difference_is_shown_and_has_its_own_status(self) -> None:
        self.assertEqual(self.swept(script(self.DIFFERENT)), Status.DIFFERENT)
        self.assertIn("a/x  (m)\n    bare   1\n    Kurma  2\n", self.said)

    def test_a_written_difference_is_a_success_that_is_counted(self) -> None:
        self.assertEqual(self.swept(script(self.DIFFERENT), DifferenceList([ENTRY])), Status.POWER_OFF)
        self.assertEqual(self.document["models"][0]["deliberate"], 1)

    def test_an_entry_that_a_full_run_does_not_need_is_to_be_deleted(self) -> None:
        status = self.swept(script(self.EQUAL), DifferenceList([ENTRY]), sweep.DEFAULT_MODELS)
        self.assertEqual(status, Status.TESTS_FAILED)
        self.assertIn("delete it", self.said)

    def test_a_part_of_the_run_says_nothing_about_entries(self) -> None:
        self.assertEqual(self.swept(script(self.EQUAL), DifferenceList([ENTRY])), Status.POWER_OFF)
        by_topic = {f"{side} {topic}": cases(f"{topic}/x: 1") for side in ("bare", "kurma") for topic in "ab"}
        self.assertEqual(self.swept(script(by_topic), DifferenceList([ENTRY]), sweep.DEFAULT_MODELS, ["a", "b"]),
                         Status.POWER_OFF)
        self.assertEqual(self.document["models"][0]["cases"], 2)

    def test_a_side_without_its_end_mark_or_with_a_case_twice_is_no_success(self) -> None:
        for lines in (cases("a/x: 1", "b/x: 2", end=False), cases("a/x: 1", "a/x: 1", "b/x: 2")):
            with self.subTest(lines):
                self.assertEqual(self.swept(script({**self.EQUAL, "kurma": lines})), Status.TESTS_FAILED)

    def test_each_bad_end_has_its_status_and_its_words(self) -> None:
        for status in (Status.REFUSED, Status.L0_PANIC, Status.L1_DEATH, Status.TIME_OUT, Status.RESET):
            with self.subTest(status):
                ended = script({**self.EQUAL, "kurma": [], "kurma a": cases("a/x: 1"), "kurma b": cases("b/x: 2")},
                               kurma=(status, "refused: no unrestricted guest"))
                self.assertEqual(self.swept(ended), status)
                self.assertIn("m: Kurma: refused: no unrestricted guest", self.said)

    def test_a_refused_model_is_not_asked_again(self) -> None:
        asked = []

        def answer(side: str, model: str, topic: str) -> tuple[list[str], Status, str]:
            asked.append(topic)
            return (self.EQUAL["bare"], Status.POWER_OFF, "off") if side == "bare" else ([], Status.REFUSED, "refused")
        self.assertEqual(self.swept(answer), Status.REFUSED)
        self.assertEqual(asked, ["", ""])

    def test_a_death_does_not_hide_the_topics_behind_it(self) -> None:
        lines = {"bare": cases("a/x: 1", "b/x: 2", "b/y: 2", "c/x: 3"), "kurma": cases("a/x: 1", "b/x: 2", end=False),
                 "kurma c": cases("c/x: 4")}
        self.assertEqual(self.swept(script(lines, kurma=(Status.L0_PANIC, "L0 panicked"))), Status.L0_PANIC)
        self.assertEqual([one["case"] for one in self.document["models"][0]["differences"]], ["c/x"])
        self.assertEqual(self.document["models"][0]["not_reached"], 1)
        self.assertIn("after case b/x", self.said)


if __name__ == "__main__":
    unittest.main()
