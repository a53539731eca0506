"""The exits of one operation by who caused and who handled them, and by reason: from the `kinds` lines that guests print
beside their cost lines under Kurma, or, where KVM is L0 above Kurma, from Kurma's counters of two boots."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .kvm_counts import FEW, MANY
from .paths import ROOT

REASONS = ROOT / "vmx-emul" / "include" / "vmx" / "reasons.def"
# What the parts of a sum are called, and the exits of L1 by the reason's name. Whatever else L1 does is `other`.
READS, WRITES, ENTRIES = "VMREAD", "VMWRITE", "VMLAUNCH, VMRESUME"
XSETBV, INVALIDATIONS = "XSETBV", "INVEPT, INVVPID"
OTHER, KEPT = "other exits of L1", "exits of L2 that L0 keeps"
PART_OF = {"vmread": READS, "vmwrite": WRITES, "vmlaunch": ENTRIES, "vmresume": ENTRIES, "xsetbv": XSETBV,
           "invept": INVALIDATIONS, "invvpid": INVALIDATIONS}
PARTS = (READS, WRITES, ENTRIES, XSETBV, INVALIDATIONS, OTHER, KEPT)


@dataclass(frozen=True)
class Exits:
    """Of one operation of L2, on average; each mapping is reason → exits."""

    of_l1: Mapping[str, float]
    kept: Mapping[str, float]        # Of L2, handled by L0 alone.
    reflected: Mapping[str, float]   # Of L2, handled by L1.

    @property
    def all(self) -> float:
        return sum(sum(kind.values()) for kind in (self.of_l1, self.kept, self.reflected))

    @property
    def reaches_l1(self) -> bool:
        return sum(self.reflected.values()) >= 0.5

    @property
    def reason(self) -> str:
        """The one that is reflected most."""
        return max(self.reflected, key=lambda name: self.reflected[name]) if self.reflected else ""

    def parts(self) -> dict[str, float]:
        """What one reflected exit of L2 causes beside itself. A second one that is reflected counts among `other`."""
        per_exit = sum(self.reflected.values())
        found = dict.fromkeys(PARTS, 0.0)
        for reason, count in self.of_l1.items():
            found[PART_OF.get(reason, OTHER)] += count / per_exit
        found[KEPT] = sum(self.kept.values()) / per_exit
        return found

    @property
    def further(self) -> float:
        return sum(self.parts().values())


@cache
def reason_names() -> dict[int, str]:
    """The table that L0 itself is made of."""
    return {int(number): name for name, number in re.findall(r"^R\((\w+), (\d+)\)", REASONS.read_text(), re.MULTILINE)}


def of_line(words: Mapping[str, str]) -> Exits:
    """One `kinds` line, as Reading.lines() gives it: `l1.24=200` are 200 VMRESUMEs of L1 in all n operations."""
    n = int(words["n"])
    kinds: dict[str, dict[str, float]] = {"l1": {}, "kept": {}, "reflected": {}}
    for word, count in words.items():
        kind, dot, number = word.partition(".")
        if dot and kind in kinds:
            kinds[kind][reason_names().get(int(number), f"reason {number}")] = int(count) / n
    return Exits(kinds["l1"], kinds["kept"], kinds["reflected"])


def by_operation(lines: Iterable[Mapping[str, str]], level: str = "L2") -> dict[str, Exits]:
    return {words["op"]: of_line(words) for words in lines if words["level"] == level}


def of_kvm_as_l0(few: Any, many: Any) -> Exits:
    """A round of micro above KVM above Kurma, from Kurma's counters of the boots with few and with many rounds. Kurma hands
    KVM, its L1, the exits of everything that KVM runs: of micro, whose reasons are those of a hypervisor, and of micro's L2,
    which does nothing but CPUID. What Kurma keeps to itself (its own fills) is not KVM's to count."""
    before, after = (_reflected(counters) for counters in (few, many))
    per_round = {reason: (count - before.get(reason, 0)) / (MANY - FEW) for reason, count in after.items()}
    moved = {reason: count for reason, count in per_round.items() if abs(count) >= 0.005}
    return Exits({reason: count for reason, count in moved.items() if reason != "cpuid"}, {},
                 {"cpuid": moved.get("cpuid", 0.0)})


def _reflected(counters: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in counters["exits"]:
        if row["room"] == "reflect":
            found[row["reason"]] = found.get(row["reason"], 0) + row["count"]
    return found
