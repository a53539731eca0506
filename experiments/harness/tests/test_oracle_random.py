"""Random cases: what is found, where it goes on, and what is left of a case when it is minimal."""

import contextlib
import io
import itertools
import unittest
from collections.abc import Callable
from unittest import mock

from harness.errors import Status
from harness.oracle import campaign
from harness.oracle.answers import END, Difference
from harness.oracle.campaign import Outcome, Plan, take_in
from harness.oracle.differences import DifferenceList, Entry
from harness.oracle.explain import Explainer, least_mask
from harness.oracle.random_lines import read_details, read_hashes, windows
from harness.oracle.random_run import Report, explain
from harness.oracle.telling import Told, alike
from harness.tests.fake_guest import MUTATIONS, Answer, fake_setup, result_of


class Lines(unittest.TestCase):
    def test_hashes_in_their_order(self) -> None:
        hashes = read_hashes(["hello", "random 5 a1", "random 6 b2", END], 5)
        self.assertEqual((hashes.values, hashes.complete, hashes.wrong, hashes.next_case), (["a1", "b2"], True, None, 7))

    def test_a_case_left_out_or_twice_or_broken_is_wrong(self) -> None:
        for lines in (["random 6 a"], ["random 5 a", "random 5 a"], ["random 5"], [END, "random 5 a"]):
            with self.subTest(lines):
                self.assertIsNotNone(read_hashes(lines, 5).wrong)

    def test_details_are_mutations_and_an_answer(self) -> None:
        details = read_details(["random 5: base 64-bit", "random 5: mutation 0 cr0=0x1", "random 5: mutation 1 rip=0x2", "random 5: answer exit=33",
                                "random 6: mutation 0 cr0=0x1", END])
        self.assertEqual(details[5][0].base, "64-bit")
        self.assertEqual(details[5][0].mutations, {0: "cr0=0x1", 1: "rip=0x2"})
        self.assertEqual((details[5][0].answer, details[6][0].answer), ("exit=33", None))

    def test_a_case_that_is_run_with_several_masks_is_told_several_times(self) -> None:
        details = read_details(["random 5: base 64-bit", "random 5: answer a", "random 5: base 64-bit",
                                "random 5: mutation 0 cr0=0x1", "random 5: answer b"])
        self.assertEqual([(one.mutations, one.answer) for one in details[5]], [({}, "a"), ({0: "cr0=0x1"}, "b")])

    def test_near_cases_share_a_boot(self) -> None:
        self.assertEqual(windows([9, 1, 3, 100], 10), [(1, 9), (100, 1)])
        self.assertEqual(windows([1, 2, 2], 0), [(1, 1), (2, 1)])
        self.assertEqual(windows([], 10), [])

    def test_no_boot_is_shared_across_a_case_that_ends_it(self) -> None:
        self.assertEqual(windows([1, 3, 6], 10, [2]), [(1, 1), (3, 4)])
        self.assertEqual(windows([1, 2], 10, [2]), [(1, 1), (2, 1)])


class Minimising(unittest.TestCase):
    def least(self, differs: Callable[[int], bool]) -> int | None:
        told = [Told(1, "", {}, Difference("random/1", "a", "b" if differs(mask) else "a"))
                for mask in range(1 << MUTATIONS)]
        return least_mask(told, lambda _: True)

    def test_nothing_can_be_left_out_of_what_is_found(self) -> None:
        # Every rule "it differs if all of one of these sets of mutations are there", for one set and for two.
        masks = range(1 << MUTATIONS)
        for sets in itertools.chain.from_iterable(itertools.combinations(masks, size) for size in (1, 2)):
            def differs(mask: int) -> bool:
                return any(mask & needed == needed for needed in sets)
            found = self.least(differs)
            assert found is not None
            self.assertTrue(differs(found))
            self.assertFalse(any(differs(part) for part in masks if part & found == part and part != found))

    def test_what_differs_with_no_set_has_none(self) -> None:
        self.assertIsNone(self.least(lambda mask: False))

    def test_differences_that_do_not_count_are_passed_over(self) -> None:
        told = [Told(1, "", {}, Difference("random/1", "a", answer)) for answer in ("a", "deliberate", "b")]
        self.assertEqual(least_mask(told, lambda difference: difference.kurma != "deliberate"), 2)


class TakingIn(unittest.TestCase):
    def taken(self, bare: list[str], kurma: list[str], status: Status = Status.POWER_OFF) -> tuple[Outcome, object]:
        outcome = Outcome("m")
        rest = take_in(outcome, (0, 3), {"bare": result_of(bare), "kurma": result_of(kurma, status)})
        return outcome, rest

    ALL = ["random 0 a", "random 1 b", "random 2 c", END]

    def test_equal_and_different_hashes(self) -> None:
        outcome, rest = self.taken(self.ALL, ["random 0 a", "random 1 x", "random 2 c", END])
        self.assertEqual((outcome.compared, outcome.mismatches, outcome.accidents, rest), (3, [1], [], None))

    def test_a_death_names_its_case_and_what_is_left(self) -> None:
        outcome, rest = self.taken(self.ALL, ["random 0 a"], Status.L0_PANIC)
        self.assertEqual((outcome.compared, outcome.accidents[0].case, outcome.accidents[0].side), (1, 1, "kurma"))
        self.assertEqual(rest, (2, 1))

    def test_a_side_without_all_its_cases_or_its_end_mark_is_no_success(self) -> None:
        for lines in (self.ALL[:2] + [END], self.ALL[:3], []):
            with self.subTest(lines):
                outcome, _ = self.taken(self.ALL, lines)
                self.assertEqual(outcome.accidents[0].status, Status.TESTS_FAILED)

    def test_more_cases_than_asked_for_or_in_disorder_stop_it(self) -> None:
        for lines in (self.ALL[:3] + ["random 3 d", END], ["random 1 b"]):
            outcome, rest = self.taken(self.ALL, lines)
            self.assertTrue(outcome.problems)
            self.assertIsNone(rest)

    def test_a_refusal_stops_it(self) -> None:
        outcome, rest = self.taken(self.ALL, [], Status.REFUSED)
        self.assertEqual((outcome.problems[0][0], rest), (Status.REFUSED, None))


def report_of(answer: Answer, differences: DifferenceList, count: int = 50) -> Report:
    setup, plan = fake_setup(answer), Plan(7, 0, count, 20, 2)
    with mock.patch("harness.run.POLL_SECONDS", 0), contextlib.redirect_stderr(io.StringIO()):
        report = Report(campaign.run(setup, plan, "m"), plan)
        explain(report, Explainer(setup, plan, "m"), differences)
    return report


class Campaigns(unittest.TestCase):
    def test_equal_sides_are_equal(self) -> None:
        report = report_of(lambda side, case, mutations: f"exit={case}", DifferenceList([]))
        self.assertEqual((report.outcome.compared, report.unexplained, report.statuses()), (50, 0, []))

    def test_a_difference_is_found_and_cut_down(self) -> None:
        def answer(side: str, case: int, mutations: set[int]) -> str:
            return "exit=10" if side == "kurma" and case in (13, 44) and {1, 3} <= mutations else "exit=33"
        report = report_of(answer, DifferenceList([]))
        self.assertEqual(report.outcome.mismatches, [13, 44])
        (minimal, like_it), = report.minimal
        self.assertEqual((minimal.told.case, minimal.mask, like_it), (13, 0b1010, [44]))
        self.assertEqual((minimal.told.difference.bare, minimal.told.difference.kurma), ("exit=33", "exit=10"))
        self.assertIn(Status.DIFFERENT, report.statuses())

    def test_a_panic_names_its_case_and_the_rest_is_run(self) -> None:
        def answer(side: str, case: int, mutations: set[int]) -> str | None:
            return None if side == "kurma" and case in (5, 19) and 2 in mutations else "exit=33"
        report = report_of(answer, DifferenceList([]))
        self.assertEqual([accident.case for accident in report.outcome.accidents], [5, 19])
        self.assertEqual((report.outcome.compared, report.ended), (48, 2))
        (minimal, like_it), = report.minimal
        self.assertEqual((minimal.told.case, minimal.mask, like_it), (5, 0b100, [19]))
        self.assertIn(Status.L0_PANIC, report.statuses())

    def test_what_differs_beside_such_a_case_is_told_by_itself(self) -> None:
        def answer(side: str, case: int, mutations: set[int]) -> str | None:
            if side == "kurma" and case == 5 and 2 in mutations:
                return None
            return "exit=10" if side == "kurma" and case in (4, 6) and 0 in mutations else "exit=33"
        report = report_of(answer, DifferenceList([]))
        self.assertEqual([(one.case, one.difference.kurma) for one in report.told], [(4, "exit=10"), (6, "exit=10")])
        self.assertEqual([(minimal.told.case, minimal.mask) for minimal, _ in report.minimal], [(5, 0b100), (4, 0b1)])

    def test_what_differs_only_behind_another_case_says_so(self) -> None:
        ran: list[tuple[str, int]] = []

        def answer(side: str, case: int, mutations: set[int]) -> str:
            ran.append((side, case))
            behind = ran[-2:-1] == [(side, case - 1)]   # Nothing else leaves a trace that case 13 would see.
            return "exit=10" if side == "kurma" and case == 13 and behind else "exit=33"
        report = report_of(answer, DifferenceList([]))
        (minimal, _), = report.minimal
        self.assertEqual((minimal.told.case, minimal.mask, minimal.behind), (13, None, 1))

    def test_one_defect_at_every_case_ends_it(self) -> None:
        report = report_of(lambda side, case, mutations: None if side == "kurma" else "x", DifferenceList([]), 500)
        self.assertEqual(len(report.outcome.accidents), campaign.MOST_ACCIDENTS)
        self.assertIn(Status.TESTS_FAILED, report.statuses())

    def test_what_the_list_covers_is_deliberate(self) -> None:
        def answer(side: str, case: int, mutations: set[int]) -> str:
            return f"exit={10 if side == 'kurma' and case == 3 else 33}"
        covering = DifferenceList([Entry(("random/*",), ("*",), None, None, "Because.")])
        report = report_of(answer, covering)
        self.assertEqual((len(report.outcome.mismatches), report.unexplained, report.statuses()), (1, 0, []))


class Kinds(unittest.TestCase):
    def told(self, case: int, bare: str, kurma: str) -> Told:
        return Told(case, "", {}, Difference(f"random/{case}", bare, kurma))

    def kinds(self, *answers: tuple[str, str]) -> list[list[int]]:
        return [[one.case for one in kind] for kind in alike(self.told(case, *pair) for case, pair in enumerate(answers))]

    def test_the_same_fields_make_one_kind_whatever_their_values(self) -> None:
        self.assertEqual(self.kinds(("exit reason=1 cs=1", "exit reason=1 cs=2"), ("exit reason=1 ss=1", "exit reason=1"),
                                    ("exit reason=1 cs=3 ss=1", "exit reason=1 cs=4 ss=1")), [[0, 2], [1]])

    def test_outcomes_make_kinds_by_their_values(self) -> None:
        self.assertEqual(self.kinds(("exit reason=1 cs=1", "exit reason=2"), ("exit reason=1 cs=7", "exit reason=2 ss=1"),
                                    ("exit reason=1", "VMfailValid error=7")), [[0, 1], [2]])


if __name__ == "__main__":
    unittest.main()
