"""`./kurma experiment --platform qemu`: what it refuses, what is booted, that nothing is mixed with Bochs's, that cycles are told."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import unittest
from collections.abc import Iterator
from unittest import mock

from harness import event, platform_qemu, qemu
from harness.costs import EVENT
from harness.errors import FrontDoorError, Status
from harness.event import Event
from harness.experiment import Bars, Boot, Column, Experiment, Findings, Readings, Series, Table, catalogue, command, events
from harness.experiment import platform, runner
from harness.experiment.platform import Platform
from harness.experiment.store import RECORD, Store
from harness.l0 import L0
from harness.platform_qemu import QEMU, Host
from harness.tests.test_costs import line
from harness.tests.test_experiment import PLAIN, TRAP, WithImages, result_of

COUNTED = Event(0x300c0, "l1", "hsw::INST_RETIRED:ANY_P", "INST_RETIRED")
BARE = Boot(l0=L0.NONE)


def evaluate(readings: Readings) -> Findings:
    value = readings[PLAIN].cost("L2", "cpuid").ticks["median"]
    return Findings(f"Instructions of one CPUID: {value} instructions.", [
        Table("instructions", [Column("op"), Column("k", "million instructions")], [["cpuid", value]])],
        [Bars("f", "t", "instructions", ["cpuid"], [Series("k", [value])])])


class OnQemu(WithImages):
    """A host that has VMX, as far as /proc and /dev tell."""

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "cpuinfo").write_text("model name\t: Intel(R) Example\nflags\t\t: vmx\n")
        self.host = Host(self.folder / "cpuinfo")
        self.platform = Platform(QEMU, host=self.host)

    @contextlib.contextmanager
    def program(self, script: str) -> Iterator[None]:
        """A stand-in for QEMU, in PATH, that runs in the boot's directory as QEMU does."""
        path = self.folder / "bin" / qemu.PROGRAM
        path.parent.mkdir(exist_ok=True)
        path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version 7.2.0 (Debian)" && exit\n' + script)
        path.chmod(0o755)
        with mock.patch.dict(os.environ, {"PATH": f"{path.parent}:{os.environ['PATH']}"}):
            yield


class ABootThere(OnQemu):
    def test_goes_through_the_door_of_run(self) -> None:
        request = self.platform.request(TRAP, self.images, self.folder / "run")
        self.assertEqual((request.accelerator, request.plan.kernel.cmdline, request.perf), ("kvm", "vmcs_access=trap", False))
        self.assertTrue(Platform(QEMU, perf=True).request(TRAP, self.images, self.folder / "run").perf)
        self.assertIsNone(Platform().request(TRAP, self.images, self.folder / "run").accelerator)

    def test_has_the_event_among_kurmas_words_and_nowhere_else(self) -> None:
        counting = Platform(QEMU, COUNTED)
        self.assertEqual(counting.request(TRAP, self.images, self.folder).plan.kernel.cmdline,
                         "vmcs_access=trap event=0x300c0 event_level=l1")
        self.assertEqual(counting.setup(BARE), BARE.setup)
        self.assertEqual(counting.setup(Boot(l0=L0.KVM)), Boot(l0=L0.KVM).setup)

    def test_is_driven_and_kept_as_one_on_bochs_is(self) -> None:
        store = Store(self.folder / "out", self.images, self.platform)
        told = line("cpuid", 950, exits=2).strip()
        with self.program(f"echo '{told}' > console.log; echo 'kurma: end power-off' > debug.log\n"), \
                contextlib.redirect_stderr(io.StringIO()):
            outcome = runner.run_boots([PLAIN], store, 1, lambda _: None)
        self.assertEqual(outcome.failures, {})
        self.assertEqual(outcome.readings[PLAIN].cost("L2", "cpuid").ticks["median"], 950)
        self.assertIsNone(outcome.readings[PLAIN].instructions, "nobody counts these there")
        self.assertTrue((self.folder / "out" / "boots-qemu" / PLAIN.name / RECORD).is_file())

    def test_that_l0_refuses_is_told_in_l0s_words(self) -> None:
        store = Store(self.folder / "out", self.images, self.platform)
        with self.program("echo 'kurma: refused: event: the counter stands still' > debug.log; echo 'kurma: end refused' >> debug.log\n"), \
                contextlib.redirect_stderr(io.StringIO()):
            outcome = runner.run_boots([PLAIN], store, 1, lambda _: None)
        self.assertEqual(outcome.statuses, [Status.REFUSED])
        self.assertIn("the counter stands still", outcome.failures[PLAIN])


class TheStore(OnQemu):
    def test_never_takes_a_boot_of_another_platform_processor_or_event(self) -> None:
        (self.folder / "another").write_text("model name\t: Intel(R) Another\nflags\t\t: vmx\n")
        places = [Platform(), self.platform, Platform(QEMU, COUNTED, host=self.host), Platform(QEMU, perf=True, host=self.host),
                  Platform(QEMU, host=Host(self.folder / "another"))]
        stores = [Store(self.folder / "out", self.images, place) for place in places]
        for kept in stores:
            for boot in (PLAIN, BARE):   # Kurma's words have the event; on the bare processor only the record does.
                with self.subTest(kept.platform.identity, boot=boot.name):
                    for store in stores:
                        store.forget(boot)
                    kept.keep(boot, result_of(kept.directory_of(boot), "x\n"))
                    self.assertEqual([store.find(boot) is not None for store in stores], [store is kept for store in stores])

    def test_of_bochs_and_of_qemu_are_beside_each_other(self) -> None:
        bochs, there = Store(self.folder / "out", self.images), Store(self.folder / "out", self.images, self.platform)
        for store in (bochs, there):
            store.keep(PLAIN, result_of(store.directory_of(PLAIN), "x\n"))
        self.assertTrue(bochs.find(PLAIN) and there.find(PLAIN))


class InWords(unittest.TestCase):
    def test_a_tick_is_a_cycle_in_all_that_is_told(self) -> None:
        found = {"unit": "million instructions", "rows": [["Instructions", 7, None, "per instruction"]], "log": True}
        self.assertEqual(Platform(QEMU).told(found),
                         {"unit": "million cycles", "rows": [["Cycles", 7, None, "per cycle"]], "log": True})
        self.assertEqual(Platform().told(found), found)

    def test_the_instructions_of_vmx_are_no_ticks(self) -> None:
        self.assertEqual(Platform(QEMU).told("VMX instructions, in instructions"), "VMX instructions, in cycles")

    def test_what_repeats_a_result_has_the_platform_and_the_event(self) -> None:
        self.assertEqual((Platform().words, Platform(QEMU).words), ("", " --platform qemu"))
        self.assertEqual(Platform(QEMU, COUNTED, True).words, " --platform qemu --event INST_RETIRED --event-level l1 --perf-kvm")

    def test_cycles_are_measured_one_boot_at_a_time(self) -> None:
        self.assertEqual(Platform(QEMU).jobs, 1)


class Events(WithImages):
    def test_are_a_table_of_operations_and_one_of_workloads(self) -> None:
        work = Boot("linux-work")
        counted = line("hlt", 7, exits=2).strip()
        with mock.patch.object(Store, "digest", lambda *_: "same"):
            self.keep(PLAIN, f"{counted} {EVENT}=600\n")
            self.keep(TRAP, line("hlt", 7))
            self.keep(work, f"work name=gzip ticks=7 {EVENT}=12\n")
            readings = [reading for boot in (PLAIN, TRAP, work) if (reading := self.store.find(boot)) is not None]
        made = events.tables(COUNTED, readings)
        self.assertEqual([(one.title, [column.name for column in one.columns], one.rows) for one in made], [
            ("hsw::INST_RETIRED:ANY_P in L1: one operation, micro", ["operation", PLAIN.name], [["L2 hlt", 3.0]]),
            ("hsw::INST_RETIRED:ANY_P in L1: a whole workload, linux-work", ["workload", work.name], [["gzip", 12]])])

    def test_that_nobody_counted_are_no_table(self) -> None:
        self.keep(PLAIN, line("hlt", 7))
        found = self.store.find(PLAIN)
        assert found is not None
        self.assertEqual(events.tables(COUNTED, [found]), [])


class TheCommand(OnQemu):
    def setUp(self) -> None:
        super().setUp()
        self.experiments = {"a": Experiment("A", "How many instructions?", lambda quick: [PLAIN], evaluate),
                            "models": Experiment("M", "?", lambda quick: [Boot(cpu="corei7_skylake_x")], evaluate)}
        self.built = 0

    def images_for(self, *_: object) -> object:
        self.built += 1
        return self.images

    def run_it(self, *words: str, has_vmx: bool = True) -> tuple[Status, str]:
        parser, out = argparse.ArgumentParser(), io.StringIO()
        command.add_arguments(parser)
        with mock.patch.object(platform, "Host", lambda: self.host), mock.patch.object(Platform, "images_for", self.images_for), \
                mock.patch.object(Host, "lacks", lambda _: [] if has_vmx else ["the vmx flag in /proc/cpuinfo"]), \
                mock.patch.object(event, "encode", lambda name, level: COUNTED), \
                mock.patch.object(catalogue, "chosen", lambda names: {name: self.experiments[name] for name in names}), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            return command.command(parser.parse_args([*words, "--out", str(self.folder / "out")])), out.getvalue()

    def test_a_machine_without_vmx_is_refused_as_run_refuses_it_before_anything_is_built(self) -> None:
        with self.assertRaisesRegex(FrontDoorError, "needs VMX: this machine lacks the vmx flag in /proc/cpuinfo") as raised:
            self.run_it("a", "--platform", "qemu", has_vmx=False)
        with self.assertRaises(FrontDoorError) as of_run, mock.patch.object(Host, "lacks", lambda _: ["the vmx flag in /proc/cpuinfo"]):
            platform_qemu.require(self.host)
        self.assertEqual((str(raised.exception), raised.exception.status, self.built), (str(of_run.exception), Status.USAGE, 0))

    def test_what_is_bochss_alone_or_qemus_alone_is_refused_in_words(self) -> None:
        for words, why in ((("a", "--event", "INST_RETIRED"), "needs a processor with counters: --platform qemu"),
                           (("a", "--perf-kvm"), "only --platform qemu"),
                           (("a", "--platform", "qemu", "--verify", "x"), "cycles differ from run to run"),
                           (("all", "--platform", "qemu", "--readme"), "are those of Bochs"),
                           (("models", "--platform", "qemu"), "models is about Bochs's processors corei7_skylake_x")):
            self.experiments["all"] = self.experiments["a"]
            with self.subTest(why), self.assertRaisesRegex(FrontDoorError, why):
                self.run_it(*words)
        self.assertEqual(self.built, 0)

    def test_the_same_tables_have_cycles_and_the_result_names_where_and_of_what(self) -> None:
        told = line("cpuid", 950, exits=2).strip()
        with self.program(f"echo '{told} {EVENT}=400' > console.log; echo 'kurma: end power-off' > debug.log\n"):
            status, out = self.run_it("a", "--quick", "--platform", "qemu", "--event", "INST_RETIRED")
        self.assertEqual(status, Status.POWER_OFF)
        result = json.loads((self.folder / "out" / "a" / "result.json").read_text())
        self.assertEqual((result["sentence"], result["question"]), ("Cycles of one CPUID: 950 cycles.", "How many cycles?"))
        self.assertEqual((result["tables"][0]["title"], result["tables"][0]["columns"][1]["unit"], result["figures"][0]["unit"]),
                         ("cycles", "million cycles", "cycles"))
        self.assertEqual(result["tables"][1]["title"], "hsw::INST_RETIRED:ANY_P in L1: one operation, micro")
        made = result["made_with"]
        self.assertEqual((made["platform"]["name"], made["platform"]["version"], made["platform"]["event"], made["cpu"]),
                         ("qemu", "7.2.0 (Debian)", COUNTED.full_name, ["Intel(R) Example"]))
        self.assertEqual(result["repeat"], "./kurma experiment a --quick --platform qemu --event INST_RETIRED --event-level l1")
        self.assertIn("MEASURED in QEMU with KVM on Intel(R) Example: cycles are the time-stamp counter's", out)

    def test_a_result_in_cycles_is_nothing_to_verify(self) -> None:
        with self.program(f"echo '{line('cpuid', 950, exits=2).strip()}' > console.log; echo 'kurma: end power-off' > debug.log\n"):
            self.run_it("a", "--platform", "qemu")
        (self.folder / "out").rename(self.folder / "before")
        with self.assertRaisesRegex(FrontDoorError, "a was measured with --platform qemu, in cycles"):
            self.run_it("a", "--verify", str(self.folder / "before"))


if __name__ == "__main__":
    unittest.main()
