"""Where things are in the repository."""

from __future__ import annotations

import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
GUESTS = ROOT / "guests" / "l1-hypervisors"
L0_GUESTS = ROOT / "guests" / "l0-hypervisors"
RESULTS = ROOT / "results"


def build_dir(preset: str) -> Path:
    return ROOT / "build" / preset


def new_run_dir(name: str, parent: Path = RESULTS) -> Path:
    """A fresh directory results/<timestamp>-<name>; a suffix keeps two of one second apart."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name) or "run"
    parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1000):
        path = parent / (f"{stamp}-{safe}" + (f"-{attempt}" if attempt else ""))
        try:
            path.mkdir()
            return path
        except FileExistsError:
            continue
    raise FileExistsError(f"no free name below {parent} for {stamp}-{safe}")


def shown(path: Path) -> str:
    """The path as a person in the repository would type it."""
    path = path.absolute()
    for base in (Path.cwd(), ROOT):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
