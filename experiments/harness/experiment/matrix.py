"""The matrix of an experiment: which machines it boots."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..l0 import L0
from ..platform_bochs import DEFAULT_CPU
from ..setups import Setup
from .findings import Findings

if TYPE_CHECKING:
    from .readings import Readings

LONGEST_NAME = 96
# Seconds on a quiet machine: for the order of boots (the longest first) and for what is said to be left, nothing else.
# A Linux as L0 is booted itself first, and makes L1 slower.
USUAL_SECONDS = {"micro": 6.0, "conformance": 60.0, "linux-kvm": 30.0, "linux-work": 115.0}
L0_SECONDS = {L0.NONE: 0.0, L0.KURMA: 0.0, L0.KVM: 24.0, L0.KVM_ON_KURMA: 60.0}
SLOWER_ABOVE = {L0.NONE: 0.85, L0.KURMA: 1.0, L0.KVM: 1.6, L0.KVM_ON_KURMA: 3.0}


@dataclass(frozen=True)
class Boot:
    """One boot: all that decides what it measures. Equal boots are booted once, whoever wants them. Without a
    `cmdline` L1 prints its costs."""

    l1: str = "micro"
    knobs: tuple[str, ...] = ()
    l0: L0 = L0.KURMA
    cmdline: str = ""
    cpu: str = DEFAULT_CPU

    @property
    def name(self) -> str:
        """Also its directory's: readable, and different for different boots."""
        words = [self.l1, self.l0.value, *self.knobs, *self.cmdline.split()]
        words += [self.cpu] if self.cpu != DEFAULT_CPU else []
        name = re.sub(r"[^\w=.,-]", "-", "-".join(words)).replace("kurma.", "")
        if len(name) <= LONGEST_NAME:
            return name
        return f"{name[:LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    @property
    def setup(self) -> Setup:
        return Setup(self.name, self.l1, self.knobs, self.cpu, self.l0, self.cmdline)

    @property
    def usual_seconds(self) -> float:
        return L0_SECONDS[self.l0] + USUAL_SECONDS.get(self.l1, 60.0) * SLOWER_ABOVE[self.l0]

    def as_json(self) -> dict[str, object]:
        return {"l1": self.l1, "l0": self.l0.value, "knobs": list(self.knobs), "cmdline": self.cmdline, "cpu": self.cpu}


@dataclass(frozen=True)
class Experiment:
    """A question, the boots that answer it (fewer with `quick`), and what their readings say. Its name is its folder's."""

    title: str
    question: str
    boots: Callable[[bool], Sequence[Boot]]
    evaluate: Callable[[Readings], Findings]
