"""What the oracle makes of two sides' lines."""

import unittest

from harness.oracle.answers import END, NO_SUCH_CASE, Difference, compare, differing_words, read
from harness.oracle.sweep import unreached_topics


def lines(*cases: str, end: bool = True) -> list[str]:
    return [*(f"case {case}" for case in cases), *([END] if end else [])]


class Reading(unittest.TestCase):
    def test_cases_in_their_order_and_other_lines_passed_over(self) -> None:
        answers = read(["hello", *lines("a/x: 1 2", "a/y:", "b/x: 3: 4")])
        self.assertEqual(answers.by_case, {"a/x": "1 2", "a/y": "", "b/x": "3: 4"})
        self.assertTrue(answers.trustworthy)

    def test_without_the_end_mark_it_is_not_complete(self) -> None:
        answers = read(lines("a/x: 1", end=False))
        self.assertFalse(answers.complete)
        self.assertEqual(answers.last, "a/x")

    def test_what_makes_a_side_unfit_is_told(self) -> None:
        for wrong, word in ((lines("a/x: 1", "a/x: 1"), "twice"), (lines(), "not a single case"),
                            (lines("without-a-topic: 1"), "no `case"), (lines("a/x 1"), "no `case"),
                            ([*lines("a/x: 1"), "case a/y: 1"], "behind the end mark")):
            with self.subTest(word):
                answers = read(wrong)
                self.assertFalse(answers.trustworthy)
                self.assertIn(word, answers.wrong[0])


class Comparing(unittest.TestCase):
    def test_equal_answers_are_counted_and_others_kept(self) -> None:
        result = compare(read(lines("a/x: 1", "a/y: 2")), read(lines("a/x: 1", "a/y: 3")))
        self.assertEqual((result.cases, result.equal, result.unanswered), (2, 1, []))
        self.assertEqual(result.differences, [Difference("a/y", "2", "3")])

    def test_a_case_of_one_side_only_is_a_difference(self) -> None:
        result = compare(read(lines("a/x: 1")), read(lines("a/x: 1", "a/y: 3")))
        self.assertEqual(result.differences, [Difference("a/y", NO_SUCH_CASE, "3")])
        self.assertEqual(result.cases, 2)

    def test_what_a_dead_side_never_reached_is_no_difference_but_counted(self) -> None:
        result = compare(read(lines("a/x: 1", "a/y: 2", "a/z: 3")), read(lines("a/x: 2", end=False)))
        self.assertEqual(result.differences, [Difference("a/x", "1", "2")])
        self.assertEqual(result.unanswered, ["a/y", "a/z"])

    def test_an_empty_answer_is_an_answer(self) -> None:
        self.assertEqual(compare(read(lines("a/x:")), read(lines("a/x:"))).equal, 1)


class GoingOn(unittest.TestCase):
    def test_topics_that_a_dead_side_has_not_begun_are_those_behind_its_end(self) -> None:
        whole = read(lines("a/x: 1", "b/x: 1", "b/y: 1", "c/x: 1"))
        dead = read(lines("a/x: 1", "b/x: 1", end=False))
        self.assertEqual(unreached_topics(dead, whole), ["c"])
        self.assertEqual(unreached_topics(whole, dead), [])


class Showing(unittest.TestCase):
    def test_long_rows_of_equal_words_are_left_out(self) -> None:
        self.assertEqual(differing_words("a b c d=1 e", "a b c d=2 e"), ("… d=1 e", "… d=2 e"))

    def test_words_of_one_side_only_stay(self) -> None:
        self.assertEqual(differing_words("exit", "exit x=1"), ("exit", "exit x=1"))


if __name__ == "__main__":
    unittest.main()
