"""QEMU with KVM as the platform: what it needs, how QEMU is called, and how each end is read, with a stand-in for QEMU."""

import contextlib
import os
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from harness import platform_qemu
from harness.costs import parse
from harness.errors import FrontDoorError, Status
from harness.model_command import measured_table
from harness.payload import Images
from harness.platform_qemu import Host, boot, require, words
from harness.setups import Setup
from harness.tests.test_costs import line

SETUP = Setup("micro-trap", knobs=("vmcs_access=trap", "trace=off"))
QEMU = """#!/bin/sh
for word; do case "$word" in file:*console.log) console=${word#file:};; file:*l0.log) l0=${word#file:};; esac; done
"""


class Needs(unittest.TestCase):
    def host(self, folder: str, flags: str, device: bool, nested: str | None) -> Host:
        base = Path(folder)
        (base / "cpuinfo").write_text(f"model name\t: Intel(R) Example\nflags\t\t: {flags}\n")
        if device:
            (base / "kvm").touch()
        if nested is not None:
            (base / "nested").write_text(nested)
        return Host(base / "cpuinfo", base / "kvm", base / "nested")

    def test_a_machine_without_vmx_is_refused_with_what_it_lacks(self) -> None:
        for flags, device, nested, lacking in (("fpu", True, None, "the vmx flag in /proc/cpuinfo, kvm_intel with nested=1"),
                                               ("fpu vmx", False, "Y", ".*kvm "), ("fpu vmx", True, "N", "kvm_intel with nested=1")):
            with self.subTest(lacking), tempfile.TemporaryDirectory() as folder:
                with self.assertRaisesRegex(FrontDoorError, f"needs VMX: this machine lacks {lacking}") as raised:
                    require(self.host(folder, flags, device, nested))
                self.assertEqual(raised.exception.status, Status.USAGE)

    def test_a_machine_with_all_of_it_is_not(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            host = self.host(folder, "fpu vmx", True, "Y\n")
            require(host)
            self.assertEqual(host.processor(), "Intel(R) Example")


class Calling(unittest.TestCase):
    def test_knobs_are_l0s_command_line_and_the_module_has_its_own(self) -> None:
        called = words(SETUP, Images(Path("/b")), Path("/r"), "kvm")
        self.assertEqual(called[called.index("-append") + 1], "vmcs_access=trap trace=off")
        self.assertEqual(called[called.index("-initrd") + 1], "/b/guests/l1-hypervisors/micro/micro.elf mode=costs")
        self.assertIn("host", called)


class Ends(unittest.TestCase):
    @contextlib.contextmanager
    def qemu(self, script: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / platform_qemu.PROGRAM
            program.write_text(QEMU + script)
            program.chmod(0o755)
            with mock.patch.dict(os.environ, {"PATH": f"{folder}:{os.environ['PATH']}"}):
                yield Path(folder) / "run"

    def test_a_boot_that_switched_itself_off_gives_its_console(self) -> None:
        with self.qemu("echo 'cost l1=micro level=L2 op=hlt n=2 min=900 median=950 max=990' > $console; "
                       "echo 'kurma: end power-off' > $l0\n") as directory:
            cost, = parse(boot(SETUP, Images(Path("/b")), directory))
        self.assertEqual(cost.ticks["median"], 950)

    def test_l0s_refusal_is_told_in_its_words(self) -> None:
        with self.qemu("echo 'kurma: refused: this processor has no VMX' > $l0; echo 'kurma: end refused' >> $l0\n") as directory:
            with self.assertRaisesRegex(FrontDoorError, "refused: this processor has no VMX") as raised:
                boot(SETUP, Images(Path("/b")), directory)
        self.assertEqual(raised.exception.status, Status.REFUSED)

    def test_a_qemu_that_does_not_start_is_told_with_its_last_line(self) -> None:
        with self.qemu("echo 'Could not access KVM kernel module' >&2; exit 1\n") as directory:
            with self.assertRaisesRegex(FrontDoorError, "no word of L0.*Could not access KVM"):
                boot(SETUP, Images(Path("/b")), directory)

    def test_a_boot_without_an_end_is_stopped(self) -> None:
        with self.qemu("exec sleep 60\n") as directory, mock.patch.dict(platform_qemu.TIMEOUT_SECONDS, {"micro": 0.3}):
            with self.assertRaises(FrontDoorError) as raised:
                boot(SETUP, Images(Path("/b")), directory)
        self.assertEqual(raised.exception.status, Status.TIME_OUT)


class Table(unittest.TestCase):
    def test_says_that_it_was_measured_where_and_of_what(self) -> None:
        text = measured_table("Intel(R) Example", {"trap": parse(line("cpuid", 1950).encode()),
                                                   "shadow-direct": parse(line("hlt", 7).encode())})
        self.assertIn("MEASURED, Intel(R) Example, cycles", text)
        self.assertRegex(text, r"L2 cpuid +1,950 \(1,949\) +–")
        self.assertIn("the VMX that Kurma uses there is KVM's", text)


if __name__ == "__main__":
    unittest.main()
