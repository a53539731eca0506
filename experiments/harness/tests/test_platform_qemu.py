"""QEMU with KVM as the platform: what it needs, how QEMU is called, and how each end is read, with a stand-in for QEMU."""

import argparse
import contextlib
import os
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from harness import platform_qemu, qemu, run_command
from harness.costs import parse
from harness.errors import FrontDoorError, Status
from harness.image import BootFile, BootPlan, with_root_archive
from harness.model_command import measured_table
from harness.payload import Images
from harness.platform_bochs import Machine
from harness.platform_qemu import Host, boot, require
from harness.qemu import one_initrd, words
from harness.run import Result
from harness.setups import Setup, costs_of
from harness.tests.test_costs import line

SETUP = Setup("micro-trap", knobs=("vmcs_access=trap", "trace=off"))


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
    def words(self, plan: BootPlan, com1: str = "mode=file, dev=console.log", accelerator: str = "kvm") -> list[str]:
        return words(plan, Machine(memory_mib=512), com1, accelerator)

    def after(self, called: list[str], option: str) -> str:
        return called[called.index(option) + 1]

    def test_knobs_are_l0s_command_line_and_each_module_has_its_own(self) -> None:
        called = self.words(BootPlan("multiboot", BootFile(Path("/b/kurma.elf"), "vmcs_access=trap trace=off"), [
            BootFile(Path("/b/vmlinuz"), "console=ttyS0,115200 quiet"), BootFile(Path("/b/initrd"))]))
        self.assertEqual(self.after(called, "-kernel"), "/b/kurma.elf")
        self.assertEqual(self.after(called, "-append"), "vmcs_access=trap trace=off")
        self.assertEqual(self.after(called, "-initrd"), "BOOT_IMAGE=l1 console=ttyS0,,115200 quiet,module-1")
        self.assertEqual(self.after(called, "-cpu"), "host,hypervisor=off")
        self.assertEqual(self.after(called, "-m"), "512")

    def test_without_an_l0_a_linux_gets_its_initrd_and_a_multiboot_image_its_words(self) -> None:
        linux = self.words(BootPlan("linux", BootFile(Path("/b/vmlinuz"), "quiet"), [BootFile(Path("/b/initrd"))]))
        self.assertEqual((self.after(linux, "-append"), self.after(linux, "-initrd")), ("quiet", "/b/initrd"))
        self.assertNotIn("-initrd", self.words(BootPlan("multiboot", BootFile(Path("/b/micro.elf"), "mode=costs"))))

    def test_a_terminal_is_com1_where_there_is_one(self) -> None:
        plan = BootPlan("multiboot", BootFile(Path("/b/micro.elf")))
        self.assertEqual(self.after(self.words(plan, "mode=term, dev=/dev/pts/9"), "-chardev"), "serial,id=com1,path=/dev/pts/9")
        self.assertEqual(self.after(self.words(plan), "-chardev"), "file,id=com1,path=console.log,append=on")

    def test_software_emulation_has_its_own_processor(self) -> None:
        self.assertNotIn("-cpu", self.words(BootPlan("multiboot", BootFile(Path("/b/micro.elf"))), accelerator="tcg"))

    def test_a_linuxs_archives_are_one_file_each_at_a_multiple_of_four(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            first, second = Path(folder) / "a", Path(folder) / "b"
            first.write_bytes(b"12345")
            second.write_bytes(b"67")
            plan = BootPlan("linux", BootFile(Path("/b/v"), "quiet"), [BootFile(first), BootFile(second)])
            module, = one_initrd(plan, Path(folder)).modules
            self.assertEqual(module.path.read_bytes(), b"12345\0\0\x0067")

    def test_the_files_of_kvm_as_l0_are_before_its_own_archive_and_under_kurma_behind_its_kernel(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files: dict[str, str | Path] = {"l1/qemu": "-m\n"}
            alone = with_root_archive(BootPlan("linux", BootFile(Path("/b/v")), [BootFile(Path("/b/i"))], files), Path(folder))
            below = with_root_archive(BootPlan("multiboot", BootFile(Path("/b/kurma.elf")), [
                BootFile(Path("/b/v"), "quiet"), BootFile(Path("/b/i"))], files), Path(folder))
            self.assertEqual([file.path.name for file in alone.modules], ["root.cpio", "i"])
            self.assertEqual([file.path.name for file in below.modules], ["v", "root.cpio", "i"])
            self.assertIn(b"l1/qemu", (Path(folder) / "root.cpio").read_bytes())


class Options(unittest.TestCase):
    def check(self, *told: str) -> None:
        parser = argparse.ArgumentParser()
        run_command.add_arguments(parser)
        run_command.check_arguments(parser.parse_args(["micro", *told]))

    def test_what_qemu_cannot_do_is_said_beforehand(self) -> None:
        for told, why in ((["--perf-kvm"], "only --platform qemu"), (["--platform", "qemu", "--cpu", "corei7_skylake_x"], "Bochs's models")):
            with self.subTest(why), self.assertRaisesRegex(FrontDoorError, why):
                self.check(*told)
        for l0 in ("none", "kvm", "kvm-on-kurma"):
            self.check("--platform", "qemu", "--perf-kvm", "--l0", l0)


class TheRealQemu(unittest.TestCase):
    """As far as one without KVM goes."""

    def test_takes_the_processors_words(self) -> None:
        _, _, features = qemu.PROCESSOR.partition(",")
        for words_, status in ((features, 0), ("nosuch=off", 1)):
            done = subprocess.run([qemu.PROGRAM, "-accel", qemu.TCG, "-cpu", f"qemu64,{words_}", "-display", "none", "-nodefaults",
                                   "-S", "-monitor", "stdio"], input="quit\n", capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)


class Ends(unittest.TestCase):
    @contextlib.contextmanager
    def program(self, script: str, name: str = qemu.PROGRAM) -> Iterator[Path]:
        """A stand-in for QEMU, in PATH, that runs in the run's directory as QEMU does."""
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            for image in ("l0/kurma.elf", "guests/l1-hypervisors/micro/micro.elf"):
                (base / image).parent.mkdir(parents=True)
                (base / image).touch()
            self.write(base / name, script)
            with mock.patch.dict(os.environ, {"PATH": f"{folder}:{os.environ['PATH']}"}):
                yield base

    def write(self, path: Path, script: str) -> None:
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def boot(self, base: Path, perf: bool = False) -> Result:
        return boot(SETUP, Images(base), base / "run", perf=perf)

    def test_a_boot_that_switched_itself_off_gives_its_console_and_its_log(self) -> None:
        with self.program("echo 'cost l1=micro level=L2 op=hlt n=2 min=900 median=950 max=990' > console.log; "
                          "test -L BOOT_IMAGE=l1 && echo 'kurma: end power-off' > debug.log\n") as base:
            result = self.boot(base)
            cost, = costs_of("micro", result)
            self.assertEqual(cost.median, 950)
            self.assertEqual((base / "run" / "l0.log").read_text(), "kurma: end power-off\n")
            self.assertIsNone(result.words.tick)

    def test_l0s_refusal_is_told_in_its_words(self) -> None:
        with self.program("echo 'kurma: refused: this processor has no VMX' > debug.log; "
                          "echo 'kurma: end refused' >> debug.log\n") as base:
            with self.assertRaisesRegex(FrontDoorError, "refused: this processor has no VMX") as raised:
                self.boot(base)
        self.assertEqual(raised.exception.status, Status.REFUSED)

    def test_a_qemu_that_does_not_start_is_told_with_its_last_line(self) -> None:
        with self.program("echo 'Could not access KVM kernel module' >&2; exit 1\n") as base:
            with self.assertRaisesRegex(FrontDoorError, "did not start: Could not access KVM") as raised:
                self.boot(base)
        self.assertEqual(raised.exception.status, Status.USAGE)

    def test_one_that_ends_without_a_word_of_l0s_is_l1s_death(self) -> None:
        with self.program("exit 0\n") as base, self.assertRaisesRegex(FrontDoorError, "without L0's word") as raised:
            self.boot(base)
        self.assertEqual(raised.exception.status, Status.L1_DEATH)

    def test_a_boot_without_an_end_is_stopped(self) -> None:
        with self.program("exec sleep 60\n") as base, mock.patch.object(platform_qemu, "timeout_of", lambda _: 0.3):
            with self.assertRaises(FrontDoorError) as raised:
                self.boot(base)
        self.assertEqual(raised.exception.status, Status.TIME_OUT)

    def test_perf_is_around_qemu_and_its_report_is_kept(self) -> None:
        with self.program("echo 'kurma: end power-off' > debug.log\n") as base:
            self.write(base / "perf", 'echo "$@" >> called; case "$3" in record) shift 3; exec "$@";; '
                                      'report) echo "VM-EXIT Samples";; esac\n')
            self.boot(base, perf=True)
            self.assertEqual((base / "run" / qemu.PERF_FILE).read_text(), "VM-EXIT Samples\n")
            record, report = (base / "run" / "called").read_text().splitlines()
            self.assertTrue(record.startswith(f"kvm stat record {qemu.PROGRAM} -accel kvm"), record)
            self.assertEqual(report, "kvm stat report")

    def test_a_missing_perf_is_told_with_its_package(self) -> None:
        with self.program("exit 0\n") as base, mock.patch.object(
                qemu.shutil, "which", lambda name: None if name == "perf" else name):
            with self.assertRaisesRegex(FrontDoorError, "perf is missing: .* linux-perf"):
                self.boot(base, perf=True)


class Table(unittest.TestCase):
    def test_says_that_it_was_measured_where_and_of_what(self) -> None:
        text = measured_table("Intel(R) Example", {"trap": parse(line("cpuid", 1950).encode()),
                                                   "shadow-direct": parse(line("hlt", 7).encode())})
        self.assertIn("MEASURED, Intel(R) Example, cycles", text)
        self.assertRegex(text, r"L2 cpuid +1,950 \(1,949\) +–")
        self.assertIn("the VMX that Kurma uses there is KVM's", text)
        self.assertNotIn("event", text)

    def test_has_a_column_for_the_event_where_one_was_counted(self) -> None:
        text = measured_table("Intel(R) Example", {"trap": parse((line("hlt", 7, exits=2).strip() + " event=600\n").encode()),
                                                   "shadow-direct": parse(line("hlt", 7).encode())})
        self.assertRegex(text, r"trap: event\n")
        self.assertRegex(text, r"L2 hlt .* 3\n")


if __name__ == "__main__":
    unittest.main()
