"""The tables of papers/: how they are read, and what is wrong with one that breaks the rules of README.md."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, fields
from pathlib import Path

PAPERS = Path(__file__).resolve().parent
OPERATIONS = PAPERS / "operations.csv"

CERTAINTIES = ("read at the source", "quoted by others", "from memory", "counted by us", "measured by us")
LEVELS = ("native", "L1", "L2", "L3")
L1S = ("micro", "linux-kvm", "vmware-server", "haxm", "hyper-v", "arm-kvm", "pvm", "cki", "janus", "none", "not stated")
UNITS = ("instructions", "cycles", "ns", "us", "s", "percent", "factor", "Mb/s", "exits", "world switches", "fields",
         "VMREAD", "VMWRITE", "VMPTRLD", "VMCLEAR")
NO_EXPERIMENT_YET = "none yet"
NOT_ON_BOCHS = "not on Bochs"
OPERATION_COLUMNS = ("operation", "cost_line", "meaning")


@dataclass(frozen=True)
class Row:
    """One figure. The names are the columns, in their order."""

    source_table: str
    operation: str
    l1: str
    level: str
    configuration: str
    value: str
    unit: str
    processor: str
    certainty: str
    reproduced_by: str

    @property
    def number(self) -> float:
        return float(self.value)


COLUMNS = tuple(field.name for field in fields(Row))


class TableError(ValueError):
    """A file that is not a table of figures at all."""


def table_files(papers: Path = PAPERS) -> list[Path]:
    return sorted(papers.glob("*/*.csv"))


def source_folders(papers: Path = PAPERS) -> list[Path]:
    """Every folder here but those of code and of caches."""
    return sorted(path for path in papers.iterdir()
                  if path.is_dir() and path.name != "tests" and path.name[0] not in "._")


def read(path: Path) -> list[Row]:
    """The figures of one table. Raises TableError when its columns or the shape of a row are not as they must be."""
    lines = _lines(path)
    if not lines or tuple(lines[0]) != COLUMNS:
        raise TableError(f"{path}: the first line is not {','.join(COLUMNS)}")
    for count, line in enumerate(lines[1:], start=2):
        if len(line) != len(COLUMNS):
            raise TableError(f"{path}, row {count}: {len(line)} columns instead of {len(COLUMNS)}")
    if len(lines) == 1:
        raise TableError(f"{path}: no figure in it")
    return [Row(*line) for line in lines[1:]]


def read_operations(path: Path = OPERATIONS) -> dict[str, bool]:
    """Every name that a table may use, and whether our guests print cost lines with it."""
    lines = _lines(path)
    if not lines or tuple(lines[0]) != OPERATION_COLUMNS:
        raise TableError(f"{path}: the first line is not {','.join(OPERATION_COLUMNS)}")
    names: dict[str, bool] = {}
    for line in lines[1:]:
        if len(line) != len(OPERATION_COLUMNS) or line[0] in names or line[1] not in ("yes", "no") or not line[2]:
            raise TableError(f"{path}: broken row {line}")
        names[line[0]] = line[1] == "yes"
    return names


def experiments(repository: Path = PAPERS.parent) -> set[str]:
    """What `reproduced_by` may name: the folders of experiments/ that have an experiment.py."""
    return {path.parent.name for path in (repository / "experiments").glob("*/experiment.py")}


def problems(row: Row, operations: dict[str, bool], known_experiments: set[str]) -> list[str]:
    """What is wrong with one figure; an empty list when nothing is."""
    found = [f"nothing stands under {name}" for name in COLUMNS if not getattr(row, name).strip()]
    for name, known in (("operation", operations), ("l1", L1S), ("level", LEVELS), ("unit", UNITS),
                        ("certainty", CERTAINTIES),
                        ("reproduced_by", known_experiments | {NO_EXPERIMENT_YET, NOT_ON_BOCHS})):
        if getattr(row, name) not in known:
            found.append(f"{name} {getattr(row, name)!r} is not known")
    if not _is_number(row.value):
        found.append(f"value {row.value!r} is not a finite number above 0")
    emulated = row.processor.startswith("Bochs")
    if emulated != (row.unit == "instructions"):
        found.append("instructions are counted on Bochs and nowhere else; Bochs has no other unit of time")
    if emulated != (row.certainty == "measured by us"):
        found.append("what we measure here is measured on Bochs, and nobody else's figures are")
    return found


def _is_number(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and value > 0


def _lines(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, strict=True))
