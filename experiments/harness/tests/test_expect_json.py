"""JSON among a guest's lines."""

import json
import unittest

from harness.expect_json import problem

TURN = {"turn": 3, "reason": "cpuid"}
COUNTERS = {"tsc": 1, "knobs": {"trace": "turns"}, "totals": {"exits": 4}, "turns": [TURN]}


def console(value: object) -> str:
    return f"before\nctl: stats\n{json.dumps(value, indent=1)}\nctl: status 0\n"


class ExpectJson(unittest.TestCase):
    def found(self, value: object) -> str | None:
        return problem("^ctl: stats$", console(value), COUNTERS)

    def test_an_object_with_the_same_members_is_right(self) -> None:
        self.assertIsNone(self.found({**COUNTERS, "tsc": 7, "turns": []}))

    def test_a_member_too_few_is_named(self) -> None:
        self.assertIn("the members are", self.found({"tsc": 1}) or "")
        self.assertIn("the members are", self.found({**COUNTERS, "knobs": {}}) or "")

    def test_a_list_of_turns_is_right_and_an_empty_one_is_not(self) -> None:
        self.assertIsNone(self.found([TURN, TURN]))
        self.assertIsNotNone(self.found([]))
        self.assertIsNotNone(self.found([TURN, {"turn": 4}]))

    def test_what_is_no_json_is_a_problem(self) -> None:
        self.assertIn("no JSON", problem("^ctl: stats$", "ctl: stats\nno\n", COUNTERS) or "")
        self.assertIn("not found", problem("^ctl: turns$", console([]), COUNTERS) or "")
        self.assertIsNotNone(problem("^ctl: stats$", console(COUNTERS), None))


if __name__ == "__main__":
    unittest.main()
