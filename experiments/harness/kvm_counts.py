"""What Linux KVM as L0 executes in a shadowed round, counted by Kurma below it.

KVM counts neither its exits nor its VMCS accesses. On Kurma, which gives it vmcs_access=trap, each of them is an exit that
Kurma counts. Two boots differ in nothing but how many rounds micro does; so does what they counted, but for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .l0 import L0
from .setups import Setup

FEW, MANY = 400, 2400
NAMES = {FEW: "micro-counted-few", MANY: "micro-counted-many"}
# The exits by which Kurma sees them: an entry of KVM's stands for the exit that it follows.
SEEN_AS = {"vmread": ("vmread",), "vmwrite": ("vmwrite",), "vmptrld": ("vmptrld",), "vmclear": ("vmclear",),
           "exits": ("vmlaunch", "vmresume")}
L1_ROOM = "emulate"   # Not what micro executes, whose instructions Kurma reflects to KVM.


def setups_for(cpu: str, parameters: Iterable[str]) -> list[Setup]:
    knobs = ("vmcs_access=trap", *parameters)
    return [Setup(NAMES[rounds], "micro", knobs, cpu, L0.KVM_ON_KURMA, f"mode=rounds n={rounds}") for rounds in (MANY, FEW)]


def per_round(counters: Mapping[str, Any]) -> dict[str, float]:
    """From Kurma's counters of both boots, by their names."""
    few, many = (_totals(counters[NAMES[rounds]]) for rounds in (FEW, MANY))
    return {name: (many[name] - few[name]) / (MANY - FEW) for name in SEEN_AS}


def _totals(counters: Any) -> dict[str, int]:
    rows = [row for row in counters["exits"] if row["room"] == L1_ROOM]
    return {name: sum(row["count"] for row in rows if row["reason"] in reasons) for name, reasons in SEEN_AS.items()}
