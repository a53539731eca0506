"""Readings of boots that never were: an experiment's evaluation without a machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.experiment import Boot, Reading, Readings


def reading(console: str, boot: Boot = Boot(), counters: Any = None) -> Reading:
    made = Reading(boot, Path("somewhere"))
    # Where cached_property would put what it reads from the files.
    made.__dict__.update(console=console.replace("\r", ""), record={"counters": counters})
    return made


def readings(consoles: Mapping[Boot, str], quick: bool = True, counters: Mapping[Boot, Any] | None = None) -> Readings:
    return Readings(quick, {boot: reading(console, boot, (counters or {}).get(boot)) for boot, console in consoles.items()})
