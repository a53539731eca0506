"""The boots that the comparison with KVM is made of, as `./kurma experiment` keeps them: its rows without booting again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import budget, kvm_counts
from .errors import FrontDoorError
from .experiment import Boot, Reading, Readings
from .experiment.store import RECORD
from .l0 import L0
from .paths import shown
from .platform_bochs import DEFAULT_CPU
from .setups import Setup
from .versus import Row, boot_name, rows_of

SHADOW, TRAP = budget.ACCESSES
L1S = ("micro", "linux-kvm")


def boot_of(l1: str, l0: L0, access: str = SHADOW) -> Boot:
    return Boot(l1, budget.KNOBS.get((l0, access), ()), l0)


def measured() -> dict[str, Boot]:
    """All whose costs stand in the table, by the names that versus.py looks for."""
    made = {}
    for l1 in L1S:
        made |= {boot_name(l1, l0.value, access): boot_of(l1, l0, access) for l0, access in budget.KNOBS}
        made[boot_name(l1, L0.NONE.value)] = boot_of(l1, L0.NONE)
    return made


def counted(access: str = SHADOW) -> dict[str, Boot]:
    """KVM as L0 above Kurma, which counts: many rounds, and few."""
    return {setup.name: _boot(setup) for setup in kvm_counts.setups_for(DEFAULT_CPU, budget.KNOBS[L0.KVM, access])}


def _boot(setup: Setup) -> Boot:
    return Boot(setup.l1, setup.knobs, setup.l0, setup.cmdline)


def rows(readings: Readings) -> list[Row]:
    """Every row of the budget that these readings fill at least on Kurma's side."""
    costs = {name: readings[boot].costs for name, boot in measured().items() if boot in readings}
    limits = [limit for limit in budget.read() if boot_name(limit.l1, L0.KURMA.value, limit.kurma) in costs]
    counting = {name: readings[boot] for name, boot in counted().items() if boot in readings}
    return rows_of(limits, costs, _kvm_counts(counting))


def document(directory: Path) -> dict[str, Any]:
    """What `./kurma versus --json` would have written, from a directory of `./kurma experiment`."""
    costs = {name: _there(directory, boot) for name, boot in measured().items()}
    counts = {name: _there(directory, boot) for name, boot in counted().items()}
    missing = [boot.name for name, boot in {**measured(), **counted()}.items() if ({**costs, **counts})[name] is None]
    if missing:
        raise FrontDoorError(f"{shown(directory)}: boots are missing there: {', '.join(missing)}; "
                             f"./kurma experiment exit-cost --out {shown(directory)} makes them")
    boots = {name: {"l1": reading.boot.l1, "l0": reading.boot.l0.value, "knobs": list(reading.boot.knobs),
                    "costs": [cost.as_json() for cost in reading.costs]}
             for name, reading in costs.items() if reading is not None}
    return {"what": f"the boots of ./kurma experiment in {shown(directory)}", "cpu": DEFAULT_CPU, "boots": boots,
            "kvm_counts": _kvm_counts({name: reading for name, reading in counts.items() if reading is not None})}


def _there(directory: Path, boot: Boot) -> Reading | None:
    reading = Reading(boot, directory.absolute() / "boots" / boot.name)
    return reading if (reading.directory / RECORD).is_file() else None


def _kvm_counts(readings: Mapping[str, Reading]) -> dict[str, float]:
    if set(readings) != set(counted()):
        return {}
    return kvm_counts.per_round({name: reading.counters for name, reading in readings.items()})
