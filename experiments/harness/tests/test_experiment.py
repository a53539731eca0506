"""`./kurma experiment` without machines: what is booted, what is kept, when two runs are equal."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import unittest
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from harness.errors import FrontDoorError, Status
from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Lines, Readings, Series, Table
from harness.experiment import beside, catalogue, command, runner
from harness.experiment.findings import FindingsError
from harness.experiment.platform import Platform
from harness.experiment.runner import Outcome, Progress
from harness.experiment.store import Store, plan_digest
from harness.image import BootFile, BootPlan
from harness.l0 import L0
from harness.l0log import L0Log
from harness.payload import Images
from harness.platform_bochs import Ending, LastWords
from harness.run import Request, Result, Run
from harness.tests.test_costs import line

PLAIN, TRAP = Boot(), Boot(knobs=("vmcs_access=trap",))


def result_of(directory: Path, console: str, status: Status = Status.POWER_OFF, counters: str | None = '{"exits": 7}') -> Result:
    log = L0Log()
    log.json_text = counters
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "console.log").write_text(console)
    return Result(status, "why", 1.0, LastWords(Ending.SHUTDOWN_PORT, 1234, ""), log, console.encode(), directory)


class WithImages(unittest.TestCase):
    """A build directory with images that nobody boots, and a place for results."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.images = Images(self.folder / "build")
        for path in (self.images.kurma, self.images.own("micro")):
            path.parent.mkdir(parents=True)
            path.write_bytes(b"image")
        self.store = Store(self.folder / "out", self.images)

    def keep(self, boot: Boot, console: str = "x\n", **more: object) -> None:
        self.store.keep(boot, result_of(self.store.directory_of(boot), console, **more))  # type: ignore[arg-type]


class ABoot(unittest.TestCase):
    def test_has_a_name_of_its_own_that_can_be_a_directory(self) -> None:
        boots = [PLAIN, TRAP, Boot(l0=L0.NONE), Boot("linux-kvm"), Boot("linux-work", (), L0.KVM, "kurma.work=compile,gzip a/b"),
                 Boot(cpu="corei7_skylake_x"), Boot(cmdline="x" * 300), Boot(cmdline="x" * 301)]
        names = [boot.name for boot in boots]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(names[4], "linux-work-kvm-work=compile,gzip-a-b")
        for name in names:
            self.assertNotIn("/", name)
            self.assertLess(len(name), 100)


class TheStore(WithImages):
    def test_has_no_boot_that_was_cut_off(self) -> None:
        result_of(self.store.directory_of(PLAIN), "half a con")
        self.assertIsNone(self.store.find(PLAIN))

    def test_has_what_it_kept(self) -> None:
        self.keep(PLAIN, line("cpuid", 24) + "\n")
        found = self.store.find(PLAIN)
        assert found is not None
        self.assertEqual((found.cost("L2", "cpuid").median, found.instructions, found.counters), (24, 1234, {"exits": 7}))
        self.assertIsNone(self.store.find(TRAP))

    def test_does_not_take_a_boot_of_other_images(self) -> None:
        self.keep(PLAIN)
        self.images.own("micro").write_bytes(b"another image")
        self.assertIsNone(self.store.find(PLAIN))

    def test_forgets(self) -> None:
        self.keep(PLAIN)
        self.store.forget(PLAIN)
        self.assertIsNone(self.store.find(PLAIN))

    def test_a_digest_depends_on_words_and_on_what_is_added_to_the_root(self) -> None:
        kernel = BootFile(self.images.kurma, "a")
        plans = [BootPlan("linux", kernel), BootPlan("multiboot", kernel), BootPlan("linux", BootFile(self.images.kurma, "b")),
                 BootPlan("linux", kernel, [kernel]), BootPlan("linux", kernel, [], {"f": "text"})]
        self.assertEqual(len({plan_digest(plan) for plan in plans}), len(plans))


class AReading(WithImages):
    def test_names_the_boot_and_what_is_there_where_a_row_is_missing(self) -> None:
        self.keep(PLAIN, line("cpuid", 24) + "\n")
        with self.assertRaisesRegex(FrontDoorError, "micro-kurma: no cost line with level=L1 op=hlt; there are: L2 cpuid"):
            self.store.find(PLAIN).cost("L1", "hlt")  # type: ignore[union-attr]

    def test_has_the_words_of_a_workloads_lines(self) -> None:
        self.keep(PLAIN, "work name=compile ticks=7\r\nworkshop name=no\r\nwork name=gzip ticks=8\r\n")
        self.assertEqual([found["name"] for found in self.store.find(PLAIN).lines("work")], ["compile", "gzip"])  # type: ignore


class Findings_(unittest.TestCase):
    def test_that_do_not_fit_together_are_refused(self) -> None:
        column, table = Column("a"), Table("t", [Column("a")], [["x"]])
        bars = Bars("b", "t", "u", ["g"], [Series("s", [1])])
        for made in (lambda: Table("t", [column], [["x", "y"]]), lambda: Table("t", [], []),
                     lambda: Bars("b", "t", "u", ["g"], [Series("s", [1, 2])]), lambda: Bars("B/", "t", "u", ["g"], [Series("s", [1])]),
                     lambda: Bars("b", "t", "u", ["g"], [Series("s", [1])], log=True, stacked=True),
                     lambda: Lines("b", "t", "x", [1, 2], "u", [Series("s", [1])]),
                     lambda: Findings("", [table]), lambda: Findings("s", []), lambda: Findings("s", [table], [bars, bars])):
            with self.subTest(), self.assertRaises(FindingsError):
                made()


class BesideAPaper(unittest.TestCase):
    FIGURE = ("turtles-osdi-2010", "section 4.3, figure 10", "cpuid")

    def test_a_ratio_of_cycles_may_stand_beside_a_ratio_of_instructions(self) -> None:
        found = beside.as_json(Beside(*self.FIGURE, 49.0, "factor", "CPUID", "multi-dim", ("cpuid", "single")))
        self.assertAlmostEqual(found["theirs"], 58000 / 2600, 3)
        self.assertEqual((found["unit"], found["ours"], found["certainty"]), ("factor", 49.0, "quoted by others"))

    def test_cycles_never_stand_beside_instructions(self) -> None:
        with self.assertRaisesRegex(FindingsError, "cycles never stand beside instructions"):
            beside.as_json(Beside(*self.FIGURE, 95, "instructions", "CPUID", "single"))


def evaluate(readings: Readings) -> Findings:
    value = readings[PLAIN].cost("L2", "cpuid").median
    return Findings(f"It costs {value}.", [Table("t", [Column("op"), Column("k", "instructions")], [["cpuid", value]])])


class TheCommand(WithImages):
    """With boots that a function makes up."""

    def setUp(self) -> None:
        super().setUp()
        self.booted: list[Boot] = []
        self.says: dict[Boot, str] = {PLAIN: line("cpuid", 24) + "\n", TRAP: "x\n"}
        self.experiments = {"a": Experiment("A", "Why?", lambda quick: [PLAIN] if quick else [PLAIN, TRAP], evaluate),
                            "b": Experiment("B", "And?", lambda quick: [PLAIN, PLAIN], evaluate)}

    def boots(self, boots: Sequence[Boot], store: Store, jobs: int, on_reading: Callable[[Outcome], None]) -> Outcome:
        outcome = Outcome()
        for boot in boots:
            if (reading := store.find(boot)) is None:
                self.booted.append(boot)
                if self.says[boot] == "dies":
                    outcome.failures[boot] = "it died"
                    outcome.statuses.append(Status.L1_DEATH)
                    continue
                reading = store.keep(boot, result_of(store.directory_of(boot), self.says[boot]))
            outcome.readings[boot] = reading
            on_reading(outcome)
        return outcome

    def run_it(self, *words: str) -> tuple[Status, str, str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.object(command, "run_boots", self.boots), mock.patch.object(Platform, "images_for", lambda *_: self.images), \
                mock.patch.object(catalogue, "chosen", lambda names: {n: e for n, e in self.experiments.items() if n in names or "all" in names}), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            arguments = parser.parse_args([*words] if "--out" in words else [*words, "--out", str(self.store.directory)])
            return command.command(arguments), out.getvalue(), err.getvalue()

    def test_boots_once_what_two_experiments_want(self) -> None:
        status, out, _ = self.run_it("all")
        self.assertEqual((status, self.booted), (Status.POWER_OFF, [PLAIN, TRAP]))
        self.assertEqual(out, "b: It costs 24.\na: It costs 24.\n")
        result = json.loads((self.store.directory / "a" / "result.json").read_text())
        self.assertEqual((result["repeat"], set(result["boots"])), ("./kurma experiment a", {PLAIN.name, TRAP.name}))

    def test_quick_boots_fewer_and_one_alone_shows_its_table(self) -> None:
        _, out, _ = self.run_it("a", "--quick")
        self.assertEqual(self.booted, [PLAIN])
        self.assertIn("cpuid  24", out)

    def test_resume_boots_only_what_is_not_there(self) -> None:
        self.run_it("all", "--quick")
        self.run_it("all", "--resume")
        self.assertEqual(self.booted, [PLAIN, TRAP])
        self.run_it("all")
        self.assertEqual(self.booted, [PLAIN, TRAP, PLAIN, TRAP])

    def test_two_equal_runs_are_said_to_be_equal(self) -> None:
        self.run_it("all")
        status, _, err = self.run_it("all", "--verify", str(self.store.directory), "--out", str(self.folder / "again"))
        self.assertEqual(status, Status.POWER_OFF)
        self.assertIn("2 of 2 experiments are equal", err)

    def test_two_that_differ_are_told_apart_by_place(self) -> None:
        self.run_it("all", "--quick")
        self.says[PLAIN] = line("cpuid", 25) + "\n"
        status, _, err = self.run_it("a", "--verify", str(self.store.directory), "--out", str(self.folder / "again"))
        self.assertEqual(status, Status.DIFFERENT)
        self.assertIn("tables/0/rows/0/1: 24 before, 25 now", err)
        self.assertEqual(self.booted, [PLAIN, PLAIN], "as quick as what it is compared with")

    def test_a_console_that_differs_is_a_difference_even_where_no_table_shows_it(self) -> None:
        self.run_it("b")
        self.says[PLAIN] += "another line\n"
        status, _, err = self.run_it("b", "--verify", str(self.store.directory), "--out", str(self.folder / "again"))
        self.assertEqual(status, Status.DIFFERENT)
        self.assertIn("boots/micro-kurma/console", err)

    def test_a_boot_that_dies_ends_its_experiment_alone(self) -> None:
        self.says[TRAP] = "dies"
        status, out, err = self.run_it("all")
        self.assertEqual((status, out), (Status.L1_DEATH, "b: It costs 24.\n"))
        self.assertIn("it died", err)
        self.assertIn("without result: a", err)

    def test_a_console_without_the_row_ends_its_experiment_alone(self) -> None:
        self.says[PLAIN] = "nothing\n"
        status, out, err = self.run_it("all")
        self.assertEqual((status, out), (Status.TESTS_FAILED, ""))
        self.assertIn("a: its boots are there, but not what it looks for in them: boot micro-kurma: no cost line", err)

    def test_a_figure_that_cannot_be_computed_ends_its_experiment_alone(self) -> None:
        def divides(readings: Readings) -> Findings:
            return Findings(str(1 / (readings[PLAIN].cost("L2", "cpuid").ticks["median"] - 24)), [])

        def expects(_: Readings) -> Findings:
            raise AssertionError

        for wrong, why in ((divides, "division by zero"), (expects, "AssertionError")):
            self.experiments["a"] = Experiment("A", "Why?", lambda quick: [PLAIN], wrong)
            with self.subTest(why):
                status, out, err = self.run_it("all")
                self.assertEqual((status, out), (Status.TESTS_FAILED, "b: It costs 24.\n"))
                self.assertIn(f"not what it looks for in them: {why}", err)

    def test_readme_has_the_sentences_of_all_and_of_nothing_less(self) -> None:
        written: list[str] = []
        with mock.patch.object(command, "write_part", lambda begin, end, part: written.append(part)):
            self.run_it("all", "--quick", "--readme")
            self.assertIn("| `a` | It costs 24. |\n| `b` | It costs 24. |\n\nMade by `./kurma experiment all --quick` with ", written[0])
            self.says[PLAIN] = "nothing\n"
            self.run_it("all", "--quick", "--readme")
            self.assertEqual(len(written), 1, "a run without every result writes nothing")
        with self.assertRaisesRegex(FrontDoorError, "experiment all --readme"):
            self.run_it("a", "--readme")

    def test_refuses_to_compare_what_is_not_there_or_with_itself(self) -> None:
        for words, said in ((("a", "--verify", str(self.folder / "none")), "is not there"),
                            (("a", "--verify", str(self.store.directory)), "the same directory"), (("a", "--jobs", "0"), "at least 1")):
            with self.subTest(words), self.assertRaisesRegex(FrontDoorError, said):
                self.run_it(*words)

    def test_refuses_to_compare_a_quick_run_with_a_whole_one(self) -> None:
        self.run_it("a")
        with self.assertRaisesRegex(FrontDoorError, "were not --quick"):
            self.run_it("a", "--quick", "--verify", str(self.store.directory), "--out", str(self.folder / "again"))


@dataclass
class FakeRun(Run):
    """Ends at its first step, as it was told to."""

    made: Result | None = None

    def start(self) -> None:
        self.console = None  # type: ignore[assignment]

    def step(self) -> None:
        self.result = self.made

    def close(self) -> None:
        pass


class TheRunner(WithImages):
    def run_them(self, boots: Sequence[Boot], dying: Sequence[Boot] = (), counters: str | None = None,
                 console: str = "x\n") -> tuple[Outcome, list[Boot], str]:
        started: list[Boot] = []

        def prepared(boot: Boot, store: Store) -> Run:
            started.append(boot)
            status = Status.TIME_OUT if boot in dying else Status.POWER_OFF
            request = Request(boot.name, None, boot.setup.machine, boot.l0, store.directory_of(boot))  # type: ignore[arg-type]
            return FakeRun(request, made=result_of(store.directory_of(boot), console, status, counters))

        err = io.StringIO()
        with mock.patch.object(runner, "_prepared", prepared), contextlib.redirect_stderr(err):
            return runner.run_boots(boots, self.store, 2, lambda _: None), started, err.getvalue()

    def test_begins_with_what_takes_longest_and_leaves_out_what_is_there(self) -> None:
        self.keep(TRAP)
        slow = Boot(l0=L0.KVM)
        with mock.patch.object(Store, "digest", lambda *_: "same"):
            self.keep(TRAP)
            outcome, started, said = self.run_them([PLAIN, TRAP, slow])
        self.assertEqual((started, set(outcome.readings)), ([slow, PLAIN], {PLAIN, TRAP, slow}))
        self.assertIn("1 of 3 boots are there already", said)
        self.assertIn("2 of 2: micro-kurma:", said)

    def test_goes_on_after_a_boot_that_fails(self) -> None:
        outcome, _, said = self.run_them([PLAIN, TRAP], dying=[TRAP])
        self.assertEqual((list(outcome.readings), list(outcome.failures), outcome.statuses), ([PLAIN], [TRAP], [Status.TIME_OUT]))
        self.assertIn("FAILED: why", said)

    def test_one_whose_guest_says_that_something_is_wrong_has_measured_nothing(self) -> None:
        outcome, _, said = self.run_them([PLAIN], console="cost l1=micro\r\nwork: ERROR: no clock\r\n")
        self.assertEqual((outcome.readings, outcome.statuses), ({}, [Status.TESTS_FAILED]))
        self.assertIn("FAILED: work: ERROR: no clock; 1 s", said)

    def test_counters_that_are_no_json_are_a_failure(self) -> None:
        outcome, _, _ = self.run_them([PLAIN], counters="{broken")
        self.assertEqual((outcome.readings, outcome.statuses), ({}, [Status.L0_PANIC]))


class TheCatalogue(unittest.TestCase):
    def test_every_experiment_of_the_house_can_be_loaded_and_has_its_question(self) -> None:
        for name, experiment in catalogue.chosen([catalogue.ALL]).items():
            with self.subTest(name):
                self.assertTrue((catalogue.FOLDER / name / "question.md").is_file())
                quick, whole = (set(experiment.boots(quick)) for quick in (True, False))
                self.assertTrue(quick)
                self.assertLessEqual(len(quick), len(whole))

    def test_an_unknown_name_is_refused_with_the_nearest(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "exit-cost").mkdir()
            (Path(folder) / "exit-cost" / "experiment.py").write_text("")
            with self.assertRaisesRegex(FrontDoorError, "did you mean exit-cost"):
                catalogue.chosen(["exit-costs"], Path(folder))
            with self.assertRaisesRegex(FrontDoorError, "defines no EXPERIMENT"):
                catalogue.chosen(["all"], Path(folder))


class WhatIsLeft(unittest.TestCase):
    def test_is_told_from_what_was_needed_so_far(self) -> None:
        self.assertIsNone(Progress(100).minutes_left(5))
        self.assertEqual(Progress(100, 25).minutes_left(60), 3)
        self.assertEqual(Progress(100, 100).minutes_left(60), 0)


if __name__ == "__main__":
    unittest.main()
