"""Boots with these or those knobs: what they run, and what of them counts as measured."""

import contextlib
import io
import tempfile
import unittest
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest import mock

from harness import setups
from harness.costs import Cost
from harness.errors import FrontDoorError, Status
from harness.l0log import L0Log
from harness.payload import Images
from harness.platform_bochs import Ending, LastWords
from harness.run import Result, Run
from harness.setups import Setup, measure
from harness.tests.test_costs import line

GOOD = line("cpuid", 24, exits=400).encode()


class Measuring(unittest.TestCase):
    def measure(self, status: Status, console: bytes) -> list[Cost]:
        def drive(runs: Iterable[Run], _at_once: int, each_round: Callable[[list[Run]], None]) -> None:
            for run in runs:
                run.result = Result(status, "why it ended", 1.0, LastWords(Ending.SHUTDOWN_PORT, 1, ""), L0Log(), console,
                                    run.request.directory)
                each_round([])
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()), \
                mock.patch.object(setups, "drive", drive), mock.patch.object(setups, "boot_plan", lambda *_: None):
            return measure([Setup("one")], Images(Path(folder)), Path(folder))["one"]

    def test_a_boot_that_ended_well_gives_its_costs(self) -> None:
        self.assertEqual([cost.op for cost in self.measure(Status.POWER_OFF, GOOD)], ["cpuid"])

    def test_a_boot_that_did_not_end_well_has_measured_nothing_whatever_it_printed(self) -> None:
        with self.assertRaisesRegex(FrontDoorError, "one: why it ended") as raised:
            self.measure(Status.L1_DEATH, GOOD)
        self.assertEqual(raised.exception.status, Status.L1_DEATH)

    def test_neither_has_one_without_cost_lines_or_with_a_broken_one_or_with_an_error(self) -> None:
        for console in (b"micro: done\n", GOOD[:-9] + b"x\r\n", GOOD + b"micro: ERROR: VMCLEAR failed\r\n"):
            with self.subTest(console), self.assertRaises(FrontDoorError) as raised:
                self.measure(Status.POWER_OFF, console)
            self.assertEqual(raised.exception.status, Status.TESTS_FAILED)


class Boots(unittest.TestCase):
    def test_each_l1_is_told_to_print_its_costs(self) -> None:
        self.assertEqual(Setup("a").choice.cmdline, "mode=costs")
        self.assertEqual(Setup("a", "linux-kvm", ("trace=off",)).choice.cmdline, "kurma.mode=probe")
        self.assertEqual(Setup("a", "linux-kvm", ("trace=off",)).choice.knobs, ["trace=off"])


if __name__ == "__main__":
    unittest.main()
