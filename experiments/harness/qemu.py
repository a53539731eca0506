"""One QEMU as the machine: its command line, its process, and what its end says. In Bochs's place for a Run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import FrontDoorError
from .image import ROOT_ARCHIVE, BootFile, BootPlan, with_root_archive
from .platform_bochs import Ending, LastWords, Machine, die_with_parent

PROGRAM = "qemu-system-x86_64"
KVM, TCG = "kvm", "tcg"
# Without the bit that announces a hypervisor: L1 is to take this for the processor, as it does Bochs's, and not to think
# that it is itself a guest where there is no L0.
PROCESSOR = "host,hypervisor=off"
DEBUG_LOG = "debug.log"     # Port 0xE9: L0's words and the guest's.
PERF = "perf"
PERF_RECORD = [PERF, "kvm", "stat", "record"]
PERF_REPORT = [PERF, "kvm", "stat", "report"]
PERF_FILE = "perf-kvm.txt"
# QEMU hands a Multiboot module its file's name as its first word. Linux takes this one for the boot loader's and drops it.
L1_LINK = "BOOT_IMAGE=l1"
INITRD = "initrd"           # A Linux's archives, where it is given more than one.
ARCHIVE_ALIGNMENT = 4       # Where the next one begins: Linux Documentation/driver-api/early-userspace/buffer-format.rst.


def check_programs(perf: bool) -> None:
    for program, package in ((PROGRAM, "qemu-system-x86 seabios"), *(((PERF, "linux-perf"),) if perf else ())):
        if shutil.which(program) is None:
            raise FrontDoorError(f"{program} is missing: apt-get install -y --no-install-recommends {package}")


def words(plan: BootPlan, machine: Machine, com1: str, accelerator: str) -> list[str]:
    """QEMU's command line, to be used in the run's directory. `com1` is as Bochs is told of it."""
    device = com1.partition("dev=")[2]
    console = f"file,id=com1,path={device},append=on" if "mode=file" in com1 else f"serial,id=com1,path={device}"
    called = [PROGRAM, "-accel", accelerator, *(["-cpu", PROCESSOR] if accelerator == KVM else []),
              "-m", str(machine.memory_mib), "-smp", str(machine.processors), "-display", "none",
              "-nodefaults", "-no-user-config", "-no-reboot",
              "-chardev", console, "-serial", "chardev:com1", "-debugcon", f"file:{DEBUG_LOG}",
              "-kernel", str(plan.kernel.path.absolute()), "-append", plan.kernel.cmdline]
    if not plan.modules:
        return called
    if plan.loader == "linux":
        return [*called, "-initrd", str(plan.modules[0].path.absolute())]
    return [*called, "-initrd", ",".join(_module(number, module) for number, module in enumerate(plan.modules))]


def _module(number: int, module: BootFile) -> str:
    """A comma in a module's own words would end them, so it is doubled."""
    return f"{_link_name(number)} {module.cmdline}".rstrip().replace(",", ",,")


def _link_name(number: int) -> str:
    return L1_LINK if number == 0 else f"module-{number}"


def one_initrd(plan: BootPlan, directory: Path) -> BootPlan:
    """QEMU hands a Linux one file; several modules' archives, one behind the other, are one, as GRUB gives them to it."""
    if plan.loader != "linux" or len(plan.modules) < 2:
        return plan
    initrd = directory / INITRD
    with initrd.open("wb") as whole:
        for module in plan.modules:
            whole.write(bytes(-whole.tell() % ARCHIVE_ALIGNMENT))
            with module.path.open("rb") as file:
                shutil.copyfileobj(file, whole)
    return BootPlan(plan.loader, plan.kernel, [BootFile(initrd)])


class Qemu:
    """`stop` ends it, whatever state it is in; it never outlives this process. With `perf`, perf records KVM's exits."""

    def __init__(self, directory: Path, plan: BootPlan, machine: Machine, com1: str, accelerator: str,
                 perf: bool = False) -> None:
        self.directory, self._perf = directory, perf
        plan = one_initrd(with_root_archive(plan, directory), directory)
        if plan.loader == "multiboot":
            for number, module in enumerate(plan.modules):
                (directory / _link_name(number)).symlink_to(module.path.absolute())
        (directory / DEBUG_LOG).touch()
        self._output = (directory / DEBUG_LOG).open("rb")
        command = [*(PERF_RECORD if perf else []), *words(plan, machine, com1, accelerator)]
        (directory / "qemu.command").write_text(_shell(command))
        with (directory / "qemu.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent)

    def running(self) -> bool:
        return self.process.poll() is None

    def read_output(self) -> bytes:
        """What came on port 0xE9 since the last call."""
        return self._output.read()

    def watch(self) -> Ending | None:
        """Nothing ends a guest that QEMU itself goes on after."""
        return None

    def stop(self) -> None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if not self.running():
                break
            try:
                os.killpg(self.process.pid, sent)
                self.process.wait(timeout=2)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.process.wait()

    def close(self) -> None:
        self.stop()
        self._output.close()
        for archive in (ROOT_ARCHIVE, INITRD):
            (self.directory / archive).unlink(missing_ok=True)
        if self._perf and not (self.directory / PERF_FILE).exists():
            self._report()

    def last_words(self) -> LastWords:
        """With -no-reboot QEMU ends at a reset as it does when it is switched off: with status 0."""
        said = (self.directory / "qemu.log").read_text(errors="replace").strip().splitlines()
        if self.process.returncode == 0:
            return LastWords(Ending.SOFT_OFF, None, "QEMU ended, so the guest switched the machine off or reset it")
        return LastWords(Ending.NEVER_STARTED, None, said[-1] if said else f"QEMU's status is {self.process.returncode}")

    def _report(self) -> None:
        with (self.directory / PERF_FILE).open("wb") as out:
            subprocess.run(PERF_REPORT, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)


def _shell(command: Sequence[str]) -> str:
    return "# Run it again, by hand, in this directory:\n" + " ".join(f"'{word}'" if set(word) & set(" ,=*") else word
                                                                       for word in command) + "\n"
