"""QEMU with KVM as the platform, for cycles that are measured: the same images as on Bochs, by `qemu -kernel`.

Only where the processor has VMX and the host's KVM hands it on. What is measured there is KVM's VMX (an exit of Kurma's
L1 is an exit to the host first), not the processor's own.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import packages
from .doctor import has_vmx, nested_parameter
from .errors import FrontDoorError, Status
from .paths import build_dir
from .payload import Images, boot_plan, check_choice
from .platform_bochs import DEFAULT_CPU
from .progress import Ticker
from .qemu import KVM, PERF_FILE, check_programs
from .run import Request, Result, Run, drive
from .setups import Setup, build_images, timeout_of

BOCHS, QEMU = PLATFORMS = ("bochs", "qemu")


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", choices=PLATFORMS, default=BOCHS,
                        help="the machine: Bochs, or QEMU with KVM, whose ticks are cycles, which needs VMX with nesting")
    parser.add_argument("--perf-kvm", action="store_true",
                        help=f"with --platform qemu: `perf kvm stat` of the host's KVM beside it, in the run's {PERF_FILE}")


def check_perf(arguments: argparse.Namespace) -> None:
    if arguments.perf_kvm and arguments.platform == BOCHS:
        raise FrontDoorError("--perf-kvm looks at the host's KVM, which only --platform qemu uses")


def check_arguments(arguments: argparse.Namespace) -> None:
    check_perf(arguments)
    if arguments.platform == QEMU and arguments.cpu != DEFAULT_CPU:
        raise FrontDoorError("--cpu is one of Bochs's models; with --platform qemu the processor is this machine's")


def require(host: Host) -> None:
    if lacking := host.lacks():
        raise FrontDoorError(f"--platform qemu measures cycles, and needs VMX: this machine lacks {', '.join(lacking)} "
                             "(./kurma doctor says more). Without the option: Bochs, where a tick is an instruction")


def images_for(setups: Sequence[Setup], perf: bool) -> Images:
    """Installs and builds what these boots need."""
    for setup in setups:
        check_choice(setup.choice)
    packages.ensure(packages.BUILD | packages.QEMU | (packages.PERF if perf else {}))
    check_programs(perf)
    build_images(setups)
    return Images(build_dir("metal"))


def request(setup: Setup, images: Images, directory: Path, accelerator: str = KVM) -> Request:
    """One boot as `drive` takes it, beside those on Bochs."""
    return Request(setup.name, boot_plan(setup.choice, images), setup.machine, setup.l0, directory, timeout_of(setup),
                   accelerator=accelerator)


def boot(setup: Setup, images: Images, directory: Path, accelerator: str = KVM, perf: bool = False) -> Result:
    """One boot that ended well; every other end is an error with L0's own word for it."""
    check_programs(perf)
    run, ticker = Run(replace(request(setup, images, directory, accelerator), perf=perf)), Ticker()
    drive([run], each_round=lambda _: ticker.tick(f"QEMU runs {setup.name}"))
    ticker.quiet()
    result = run.result
    assert result is not None
    if result.status is not Status.POWER_OFF:
        raise FrontDoorError(f"{setup.name}: {result.why}; see {directory}/", result.status)
    return result
