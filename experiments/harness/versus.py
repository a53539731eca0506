"""Kurma beside Linux KVM as L0: from two sides' cost lines to rows with a verdict, and these as text, Markdown, JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .budget import Limit
from .costs import Cost, level_of, number
from .l0 import L0
from .texttable import table

Costs = Mapping[str, Sequence[Cost]]   # By the boot's name; see boot_name.
HEADING = ["operation", "KVM", "Kurma", "ratio", "at most", "aim", ""]
SINGLE_LEVEL = "single level"


class Verdict(Enum):
    AIM = "aim reached"
    WITHIN = "within"
    OVER = "OVER"
    NO_LIMIT = ""
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Row:
    """One operation as both sides executed it, and alone. None: that side was not booted, or does not count this."""

    limit: Limit
    kvm: float | None
    kurma: float | None
    single: float | None

    @property
    def at_most(self) -> float | None:
        limit = self.limit
        if limit.part_of_kvm is not None:
            return None if self.kvm is None else int(self.kvm * limit.part_of_kvm)
        return limit.at_most

    @property
    def ratio(self) -> float | None:
        return self.kvm / self.kurma if self.kvm is not None and self.kurma else None

    @property
    def verdict(self) -> Verdict:
        if self.limit.at_most is None and self.limit.part_of_kvm is None:
            return Verdict.NO_LIMIT
        if self.kurma is None or self.at_most is None:
            return Verdict.NOT_MEASURED
        if self.kurma > self.at_most:
            return Verdict.OVER
        return Verdict.AIM if self.limit.aim is not None and self.kurma <= self.limit.aim else Verdict.WITHIN

    def as_json(self) -> dict[str, Any]:
        limit = self.limit
        return {"operation": limit.operation, "l1": limit.l1, "level": limit.level, "op": limit.op,
                "unit": limit.count or "instructions", "kurma_access": limit.kurma, "kvm_access": limit.kvm,
                "kvm": self.kvm, "kurma": self.kurma, "single_level": self.single, "ratio": self.ratio,
                "at_most": self.at_most, "aim": limit.aim, "verdict": self.verdict.value}


def boot_name(l1: str, l0: str, access: str = "") -> str:
    return "-".join(filter(None, (l1, l0, access)))


def rows_of(limits: Sequence[Limit], costs: Costs, kvm_counts: Mapping[str, float]) -> list[Row]:
    """Each row that at least Kurma's side was booted for; an operation that a booted side did not print is an error.
    `kvm_counts` are what KVM executed in a shadowed round, if that was counted."""
    made = []
    for limit in limits:
        kurma = _figure(costs, boot_name(limit.l1, "kurma", limit.kurma), limit.level, limit)
        kvm = (kvm_counts.get(limit.count) if limit.count else
               _figure(costs, boot_name(limit.l1, "kvm", limit.kvm), limit.level, limit))
        alone = level_of(limit.l1, L0.NONE, limit.level)
        single = None if limit.count else _figure(costs, boot_name(limit.l1, "none"), alone, limit)
        made.append(Row(limit, kvm, kurma, single))
    return made


class MissingRow(ValueError):
    """A boot that should have printed a cost line, and did not."""


def _figure(costs: Costs, boot: str, level: str, limit: Limit) -> float | None:
    if boot not in costs:
        return None
    found = next((cost for cost in costs[boot] if (cost.level, cost.op) == (level, limit.op)), None)
    if found is None:
        raise MissingRow(f"{boot} printed no cost line with level={level} op={limit.op}")
    if not limit.count:
        return found.median
    value = found.per_operation(limit.count)
    if value is None:
        raise MissingRow(f"{boot} printed no count {limit.count} of {limit.op}")
    return round(value, 2)


def as_text(rows: Sequence[Row]) -> str:
    return table(HEADING, [_cells(row) for row in rows])


def as_markdown(rows: Sequence[Row]) -> str:
    """With the column of the single level, and without the verdict, which belongs to a run."""
    heading = ["operation", SINGLE_LEVEL, "KVM as L0", "**Kurma**", "ratio", "at most", "aim"]
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    for row in rows:
        operation, kvm, kurma, ratio, at_most, aim, _ = _cells(row)
        cells = [operation, _number(row.single), kvm, f"**{kurma}**", ratio, at_most, aim]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    return [row.limit.operation, _number(row.kvm), _number(row.kurma), _factor(row.ratio), _number(row.at_most),
            _number(row.limit.aim), row.verdict.value]


def _number(value: float | None) -> str:
    return "–" if value is None else number(round(value, 1))


def _factor(ratio: float | None) -> str:
    """Where KVM takes less, a decimal would say next to nothing."""
    return "–" if ratio is None else f"{ratio:,.1f}" if ratio >= 1 else f"{ratio:.2g}"
