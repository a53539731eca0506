"""The budget, experiments/versus/budget.toml: which operations are compared with Linux KVM as L0, and what each may cost."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from .costs import COUNTS
from .errors import FrontDoorError
from .l0 import L0
from .paths import ROOT, shown
from .setups import COSTS_CMDLINE

FILE = ROOT / "experiments" / "versus" / "budget.toml"
ACCESSES = ("shadow", "trap")
# What makes each side give L1 its VMCS so.
KNOBS = {(L0.KURMA, "shadow"): (), (L0.KURMA, "trap"): ("vmcs_access=trap",),
         (L0.KVM, "shadow"): ("enable_shadow_vmcs=1",), (L0.KVM, "trap"): ("enable_shadow_vmcs=0",)}


@dataclass(frozen=True)
class Limit:
    """One row of the table; what its fields mean stands at the head of the file."""

    operation: str
    l1: str
    level: str
    op: str
    kurma: str = "shadow"
    kvm: str = "shadow"
    count: str = ""
    at_most: float | None = None
    part_of_kvm: float | None = None
    aim: float | None = None

    def __post_init__(self) -> None:
        for what, value, known in (("l1", self.l1, tuple(COSTS_CMDLINE)), ("kurma", self.kurma, ACCESSES),
                                   ("kvm", self.kvm, ACCESSES), ("count", self.count, ("", *COUNTS))):
            if value not in known:
                raise ValueError(f"{what} = {value!r}: one of {', '.join(filter(None, known))}")
        for name in ("at_most", "part_of_kvm", "aim"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float)) and value > 0):
                raise ValueError(f"{name} = {value!r}: a number above zero")


def read(path: Path = FILE) -> list[Limit]:
    try:
        table = tomllib.loads(path.read_text())
        return [Limit(**row) for row in table["row"]]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise FrontDoorError(f"{shown(path)} is no budget: {error}") from None
