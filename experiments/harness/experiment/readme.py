"""README.md's table of findings: every result's sentence, as the run that made it says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BEGIN, END = "<!-- experiments: begin -->", "<!-- experiments: end -->"


def markdown(found: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| experiment | its finding |", "|---|---|"]
    lines += [f"| `{one['experiment']}` | {one['sentence'].replace('|', chr(92) + '|')} |" for one in found]
    return "\n".join([*lines, "", _made_with(found)])


def _made_with(found: Sequence[Mapping[str, Any]]) -> str:
    """One line for all: they are made in one go."""
    words = "./kurma experiment all" + (" --quick" if any(one["quick"] for one in found) else "")
    packages: dict[str, str] = {}
    for one in found:
        made = one["made_with"]
        packages |= {name: version for name, version in made["host"]["packages"].items() if name == "bochs"}
        for guest in made["guests"].values():
            packages |= guest
    return f"Made by `{words}` with " + ", ".join(f"{name} {version}" for name, version in sorted(packages.items())) + "."
