"""The parts of README.md that a command writes: between two marks, and nothing else."""

from __future__ import annotations

from pathlib import Path

from .errors import FrontDoorError
from .paths import ROOT

README = ROOT / "README.md"


def with_part(readme: str, begin: str, end: str, part: str) -> str:
    before, found, rest = readme.partition(begin)
    _, also_found, after = rest.partition(end)
    if not found or not also_found:
        raise FrontDoorError(f"README.md has no place for this: it needs the lines {begin} and {end}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def write_part(begin: str, end: str, part: str, path: Path = README) -> None:
    path.write_text(with_part(path.read_text(), begin, end, part))
