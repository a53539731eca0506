"""Where an experiment's boots run: on Bochs, where a tick is an instruction, or in QEMU with KVM, where it is a cycle."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import event, platform_qemu, setups, versions
from ..errors import FrontDoorError
from ..event import Event
from ..payload import Images, boot_plan
from ..platform_bochs import DEFAULT_CPU
from ..platform_qemu import BOCHS, QEMU, Host
from ..run import Request
from ..setups import Setup, timeout_of
from .matrix import Boot

INSTRUCTIONS, CYCLES = "instructions", "cycles"
REMARK = ("cycles are the time-stamp counter's, and the VMX that is used there is KVM's, so these are not the processor's "
          "own costs")
FOLDERS = {BOCHS: "boots", QEMU: "boots-qemu"}   # Apart: no boot of the one is taken for one of the other.


@dataclass(frozen=True)
class Platform:
    """`event`: what Kurma counts, wherever it is L0; `perf`: the host's KVM's exits are recorded beside each boot."""

    name: str = BOCHS
    event: Event | None = None
    perf: bool = False
    host: Host = field(default_factory=Host)

    @property
    def is_qemu(self) -> bool:
        return self.name == QEMU

    @property
    def ticks(self) -> str:
        """What RDTSC counts there."""
        return CYCLES if self.is_qemu else INSTRUCTIONS

    @property
    def folder(self) -> str:
        return FOLDERS[self.name]

    @property
    def jobs(self) -> int:
        """Boots at a time, unless told: cycles are measured on a machine that does nothing else."""
        return 1 if self.is_qemu else os.cpu_count() or 1

    @property
    def words(self) -> str:
        """Of the command line that asks for it."""
        if not self.is_qemu:
            return ""
        counted = f" --event {self.event.name} --event-level {self.event.level}" if self.event else ""
        return f" --platform {QEMU}{counted}{' --perf-kvm' if self.perf else ''}"

    def setup(self, boot: Boot) -> Setup:
        setup = boot.setup
        if self.event is None or not boot.l0.has_kurma:
            return setup
        return replace(setup, knobs=(*setup.knobs, *self.event.boot_words))

    def request(self, boot: Boot, images: Images, directory: Path) -> Request:
        setup = self.setup(boot)
        if self.is_qemu:
            return replace(platform_qemu.request(setup, images, directory), perf=self.perf)
        return Request(setup.name, boot_plan(setup.choice, images), setup.machine, setup.l0, directory, timeout_of(setup))

    def check(self, wanted: dict[str, Sequence[Boot]]) -> None:
        """What can be told before anything is built."""
        if not self.is_qemu:
            return
        for name, boots in wanted.items():
            if models := sorted({boot.cpu for boot in boots} - {DEFAULT_CPU}):
                raise FrontDoorError(f"{name} is about Bochs's processors {', '.join(models)}; with --platform qemu there "
                                     "is this machine's alone: leave that experiment away")

    def images_for(self, boots: Sequence[Boot]) -> Images:
        made = [self.setup(boot) for boot in boots]
        return platform_qemu.images_for(made, self.perf) if self.is_qemu else setups.images_for(made)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides, beside the boot and the images, what a boot says."""
        if not self.is_qemu:
            return {"name": self.name}
        counted = {"event": self.event.full_name, "event_level": self.event.level} if self.event else {}
        return {"name": self.name, "version": versions.qemu(), "processor": self.host.processor(),
                "host_kernel": os.uname().release, **counted, **({"perf_kvm": True} if self.perf else {})}

    def made_with(self) -> dict[str, Any]:
        return {**self.identity, "remark": REMARK} if self.is_qemu else self.identity

    def told(self, found: Any) -> Any:
        """What an experiment found, in words of this platform: an experiment says `instructions` for ticks."""
        if isinstance(found, str):
            return _in_cycles(found) if self.is_qemu else found
        if isinstance(found, dict):
            return {key: self.told(value) for key, value in found.items()}
        return [self.told(one) for one in found] if isinstance(found, list) else found


def _in_cycles(text: str) -> str:
    return re.sub(r"(?<!VMX )\b([Ii])nstruction(s?)\b",
                  lambda word: ("C" if word[1] == "I" else "c") + "ycle" + word[2], text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    platform_qemu.add_arguments(parser)
    event.add_arguments(parser)


def of_arguments(arguments: argparse.Namespace) -> Platform:
    """Refuses in words what this machine cannot measure."""
    platform_qemu.check_perf(arguments)
    if arguments.platform == BOCHS:
        event.refuse(arguments)
        return Platform()
    for option, given, why in (
            ("--verify", arguments.verify is not None, "cycles differ from run to run"),
            ("--readme", arguments.readme, "README's findings are those of Bochs, which everybody can repeat")):
        if given:
            raise FrontDoorError(f"{option} is not for --platform qemu: {why}")
    host = Host()
    platform_qemu.require(host)
    return Platform(QEMU, event.of_arguments(arguments), arguments.perf_kvm, host)
