"""QEMU with KVM as the machine, for cycles that are measured: L0's image and one module by `qemu -kernel`.

Only where the processor has VMX and the host's KVM hands it on. What is measured there is KVM's VMX (an exit of Kurma's L1 is
an exit to the host first), not the processor's own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .doctor import has_vmx, nested_parameter
from .errors import FrontDoorError, Status
from .l0log import L0Log
from .payload import Images
from .progress import Ticker
from .setups import COSTS_CMDLINE, TIMEOUT_SECONDS, Setup

PROGRAM = "qemu-system-x86_64"
MEMORY_MIB = 1024


@dataclass(frozen=True)
class Host:
    """What of this machine decides whether Kurma can run in QEMU with KVM."""

    cpuinfo: Path = Path("/proc/cpuinfo")
    device: Path = Path("/dev/kvm")
    nested: Path = Path("/sys/module/kvm_intel/parameters/nested")

    def lacks(self) -> list[str]:
        there = {"the vmx flag in /proc/cpuinfo": has_vmx(self.cpuinfo), str(self.device): self.device.exists(),
                 "kvm_intel with nested=1": nested_parameter(self.nested) == "on"}
        return [what for what, is_there in there.items() if not is_there]

    def processor(self) -> str:
        match = re.search(r"^model name\s*:\s*(.+)$", self.cpuinfo.read_text(), re.MULTILINE)
        return match[1] if match else "a processor without a name"


def require(host: Host) -> None:
    if lacking := host.lacks():
        raise FrontDoorError(f"--platform qemu measures cycles, and needs VMX: this machine lacks {', '.join(lacking)} "
                             "(./kurma doctor says more). Without the option: cycles by the model")


def words(setup: Setup, images: Images, directory: Path, accelerator: str) -> list[str]:
    """QEMU's command line. A comma in the module's own words would end them, so it is doubled."""
    module = f"{images.own(setup.l1)} {COSTS_CMDLINE[setup.l1]}".replace(",", ",,")
    return [PROGRAM, "-accel", accelerator, *(["-cpu", "host"] if accelerator == "kvm" else []), "-m", str(MEMORY_MIB),
            "-display", "none", "-nodefaults", "-no-reboot", "-kernel", str(images.kurma), "-append", " ".join(setup.knobs),
            "-initrd", module, "-serial", f"file:{directory / 'console.log'}", "-debugcon", f"file:{directory / 'l0.log'}"]


def boot(setup: Setup, images: Images, directory: Path, accelerator: str = "kvm") -> bytes:
    """The console of one boot that ended well; every other end is an error with L0's own word for it."""
    if shutil.which(PROGRAM) is None:
        raise FrontDoorError(f"{PROGRAM} is missing: apt-get install -y --no-install-recommends qemu-system-x86 seabios")
    directory.mkdir(parents=True)
    ticker, end = Ticker(), time.monotonic() + TIMEOUT_SECONDS[setup.l1]
    with (directory / "qemu.log").open("wb") as log:
        process = subprocess.Popen(words(setup, images, directory, accelerator), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        try:
            while process.poll() is None and time.monotonic() < end:
                ticker.tick(f"QEMU runs {setup.name}")
                time.sleep(0.05)
        finally:
            ticker.quiet()
            timed_out = process.poll() is None
            if timed_out:
                process.kill()
                process.wait()
    return _console(setup, directory, timed_out)


def _console(setup: Setup, directory: Path, timed_out: bool) -> bytes:
    l0 = L0Log()
    if (directory / "l0.log").is_file():
        l0.feed((directory / "l0.log").read_bytes())
    l0.close()
    where = f"see {directory}/"
    if timed_out:
        raise FrontDoorError(f"{setup.name}: time-out in QEMU; {where}", Status.TIME_OUT)
    if l0.cause == "refused":
        why = l0.refusals[-1].removeprefix("kurma: ") if l0.refusals else "refused by L0"
        raise FrontDoorError(f"{setup.name}: {why}; {where}", Status.REFUSED)
    if l0.cause != "power-off":
        said = (directory / "qemu.log").read_text(errors="replace").strip().splitlines()[-1:]
        raise FrontDoorError(f"{setup.name}: ended with {l0.cause or 'no word of L0'} in QEMU {said}; {where}", Status.L1_DEATH)
    return (directory / "console.log").read_bytes()
