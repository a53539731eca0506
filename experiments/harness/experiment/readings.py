"""What boots said, as an experiment reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import costs, works
from ..costs import Cost
from ..errors import FrontDoorError, Status
from ..paths import shown
from ..works import Work
from .matrix import Boot
from .platform import INSTRUCTIONS


@dataclass(frozen=True)
class Reading:
    """One boot that ended well, read from its directory."""

    boot: Boot
    directory: Path

    @cached_property
    def record(self) -> dict[str, Any]:
        return json.loads((self.directory / "boot.json").read_text())

    @cached_property
    def console(self) -> str:
        return (self.directory / "console.log").read_bytes().decode("utf-8", "replace").replace("\r", "")

    @cached_property
    def costs(self) -> list[Cost]:
        try:
            return costs.parse(self.console.encode())
        except costs.CostError as error:
            raise self.problem(str(error)) from None

    @cached_property
    def works(self) -> dict[str, Work]:
        """Workloads and phases by name."""
        try:
            return works.parse(self.lines("work"))
        except works.WorkError as error:
            raise self.problem(str(error)) from None

    @property
    def counters(self) -> Any:
        """L0's own, as Kurma prints them at the end; None without Kurma."""
        return self.record["counters"]

    @property
    def instructions(self) -> int | None:
        """Of the whole boot."""
        return self.record["instructions"]

    def cost(self, level: str, op: str) -> Cost:
        found = [cost for cost in self.costs if (cost.level, cost.op) == (level, op)]
        if not found:
            there = ", ".join(f"{cost.level} {cost.op}" for cost in self.costs) or "none at all"
            raise self.problem(f"no cost line with level={level} op={op}; there are: {there}")
        return found[0]

    def work(self, name: str) -> Work:
        if name not in self.works:
            raise self.problem(f"no line `work name={name}`; there are: {', '.join(self.works) or 'none at all'}")
        return self.works[name]

    def lines(self, word: str) -> list[dict[str, str]]:
        """The console's lines `word name=value ...`, in their order."""
        return [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in self.console.split("\n") if line.startswith(word + " ")]

    def problem(self, what: str) -> FrontDoorError:
        return FrontDoorError(f"boot {self.boot.name}: {what}; see {shown(self.directory)}/console.log", Status.TESTS_FAILED)


@dataclass(frozen=True)
class Readings:
    """Of all boots that an experiment asked for; `quick` as it was told. `ticks`: what a tick is where they ran, an
    instruction unless told. The findings say `instructions` in any case; the words of another platform are put in later."""

    quick: bool
    by_boot: Mapping[Boot, Reading]
    ticks: str = INSTRUCTIONS

    def __getitem__(self, boot: Boot) -> Reading:
        return self.by_boot[boot]

    def __contains__(self, boot: Boot) -> bool:
        return boot in self.by_boot
