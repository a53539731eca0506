"""Boots of one L1 with these or those knobs, and the cost lines that each prints: what counts, model and knobs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import build, packages
from .costs import Cost, CostError, parse
from .errors import FrontDoorError, Status
from .l0 import L0
from .l0_kvm import OWN_MEMORY_MIB
from .paths import build_dir, shown
from .payload import Choice, Images, boot_plan, check_choice
from .platform_bochs import DEFAULT_CPU, DEFAULT_MEMORY_MIB, Machine, check_machine
from .progress import Ticker, say
from .run import Request, Result, Run, drive

AT_ONCE = 2
TIMEOUT_SECONDS = {"micro": 180.0, "linux-kvm": 600.0, "linux-work": 1200.0}
KVM_IS_SLOWER = 3   # Its Linux boots first.
COSTS_CMDLINE = {"micro": "mode=costs", "linux-kvm": "kurma.mode=probe",   # What makes each print its costs.
                 "linux-work": "kurma.work=compile kurma.where=guest kurma.size=quick"}


@dataclass(frozen=True)
class Setup:
    """One boot. Its name is also that of its directory."""

    name: str
    l1: str = "micro"
    knobs: tuple[str, ...] = ()
    cpu: str = DEFAULT_CPU
    l0: L0 = L0.KURMA
    cmdline: str = ""   # L1's; without one it prints its costs.

    @property
    def choice(self) -> Choice:
        return Choice(self.l1, self.l0, self.cmdline or COSTS_CMDLINE[self.l1], knobs=list(self.knobs))

    @property
    def machine(self) -> Machine:
        return Machine(self.cpu, memory_mib=DEFAULT_MEMORY_MIB + (OWN_MEMORY_MIB if self.l0.has_kvm else 0))


def images_for(setups: Sequence[Setup]) -> Images:
    """Installs and builds what these boots need."""
    for setup in setups:
        check_choice(setup.choice)
    packages.ensure(packages.BUILD | packages.RUN)
    for setup in setups:
        check_machine(setup.machine)
    build_images(setups)
    return Images(build_dir("metal"))


def build_images(setups: Sequence[Setup]) -> None:
    names = {setup.l1 for setup in setups} | {layer for setup in setups for layer in setup.l0.layers}
    build.images("metal", sorted(names))


def measure(setups: Sequence[Setup], images: Images, directory: Path, at_once: int = AT_ONCE) -> dict[str, list[Cost]]:
    """Boots them all. A boot that does not end well, or prints no costs, ends the command: there is nothing to compare."""
    return {name: costs_of(name, result) for name, result in boot(setups, images, directory, at_once).items()}


def boot(setups: Sequence[Setup], images: Images, directory: Path, at_once: int = AT_ONCE) -> dict[str, Result]:
    """Boots them all; the first that does not end well ends the command."""
    ticker = Ticker()
    runs = {setup.name: _run(setup, images, directory) for setup in setups}
    ended: list[str] = []

    def each_round(active: list[Run]) -> None:
        for name, run in runs.items():
            if run.result is not None and name not in ended:
                ended.append(name)
                ticker.quiet()
                _say_end(name, run.result)
        at_work = ", ".join(run.request.name for run in active)
        ticker.tick(f"boots {len(ended) + 1} to {len(ended) + len(active)} of {len(runs)}: {at_work}")

    drive(runs.values(), at_once, each_round)
    ticker.quiet()
    return {name: run.result for name, run in runs.items() if run.result is not None}


def _say_end(name: str, result: Result) -> None:
    if result.status is not Status.POWER_OFF:
        raise FrontDoorError(f"{name}: {result.why}; its console and logs: {shown(result.directory)}/", result.status)
    ticks = f", {result.words.tick:,} instructions" if result.words.tick is not None else ""
    say(f"{name}: {result.why} ({result.seconds:.0f} s{ticks})")


def _run(setup: Setup, images: Images, directory: Path) -> Run:
    return Run(Request(setup.name, boot_plan(setup.choice, images), setup.machine, setup.l0, directory / setup.name,
                       timeout_of(setup)))


def timeout_of(setup: Setup) -> float:
    return TIMEOUT_SECONDS[setup.l1] * (KVM_IS_SLOWER if setup.l0.has_kvm else 1)


def costs_of(name: str, result: Result) -> list[Cost]:
    if result.complaint is not None:
        raise FrontDoorError(f"{name}: {result.complaint}; see {shown(result.directory)}/console.log", Status.TESTS_FAILED)
    try:
        costs = parse(result.console)
    except CostError as error:
        raise FrontDoorError(f"{name}: {error}", Status.TESTS_FAILED) from None
    if not costs:
        raise FrontDoorError(f"{name}: no cost lines on its console; see {shown(result.directory)}/console.log",
                             Status.TESTS_FAILED)
    return costs
