"""One image twice: on the bare platform and on Kurma, which is how anything is compared here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import Status
from .l0 import L0
from .payload import Choice, Images, boot_plan
from .platform_bochs import Machine
from .run import Request, Result, Run

SIDES = {"bare": "the bare platform", "kurma": "Kurma"}
# Which of several bad endings a command's exit status tells: the worst.
WORST_FIRST = (Status.L0_PANIC, Status.L1_DEATH, Status.TIME_OUT, Status.RESET, Status.REFUSED, Status.USAGE,
               Status.DIFFERENT, Status.TESTS_FAILED)


@dataclass(frozen=True)
class Limits:
    """When a boot is stopped: after so long in all, after so long without a word, at a line."""

    timeout: float | None = None
    silence: float | None = None
    until: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Pair:
    """The two boots; both have their result once they were driven."""

    name: str
    machine: Machine
    bare: Run
    kurma: Run

    @property
    def runs(self) -> list[Run]:
        return [self.bare, self.kurma]

    def run_of(self, side: str) -> Run:
        return self.bare if side == "bare" else self.kurma

    @property
    def results(self) -> dict[str, Result]:
        """Of those sides that have run."""
        return {side: result for side in SIDES if (result := self.run_of(side).result) is not None}


def make_pair(name: str, choice: Choice, machine: Machine, images: Images, parent: Path, limits: Limits) -> Pair:
    """`choice` is that of the side on Kurma; the other is the same without Kurma and its knobs. Each has a directory of
    its own below `parent`."""
    def run(side: str, of: Choice) -> Run:
        return Run(Request(f"{name} {side}", boot_plan(of, images), machine, of.l0, parent / f"{name}-{side}",
                           limits.timeout, silence=limits.silence, until=limits.until))
    return Pair(name, machine, run("bare", replace(choice, l0=L0.NONE, knobs=[])), run("kurma", choice))


def worst(statuses: list[Status]) -> Status:
    """What a command that saw all of these ends with."""
    return next((status for status in WORST_FIRST if status in statuses), Status.POWER_OFF)
