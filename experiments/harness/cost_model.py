"""Modelled cycles: what L0 executed for one operation, times what others published of a processor.

Never measured: every figure that comes out of here is to be shown under the word *model*, with the certainty of its weakest
term.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import FrontDoorError
from .paths import ROOT, shown

FOLDER = ROOT / "experiments" / "cost-model"
COLUMNS = ("processor", "operation", "cycles", "source", "where", "certainty", "used", "note")
# From the best to the worst; the names are those of papers/README.md.
CERTAINTIES = ("read at the source", "quoted by others", "from memory", "none known")
ROUND_TRIP = "round-trip"   # An exit and the entry after it, where a source has no more than their sum.
# What a count of L0's is charged with.
OPERATION_OF = {"exits": "exit", "vmresume": "vmresume", "vmlaunch": "vmlaunch", "vmread": "vmread", "vmwrite": "vmwrite",
                "vmptrld": "vmptrld", "vmclear": "vmclear", "invept": "invept", "invvpid": "invvpid"}
OPERATIONS = (*OPERATION_OF.values(), ROUND_TRIP)
STRAY = 0.05   # Less than one in twenty operations: it fell into them, as a timer's interrupt does, and is not theirs.


@dataclass(frozen=True)
class Range:
    """Cycles between the lowest and the highest that is known."""

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def times(self, count: float) -> Range:
        """A negative count is a saving: the ends change places."""
        return Range(*sorted((self.low * count, self.high * count)))

    def __str__(self) -> str:
        low, high = (f"{end:,.0f}".replace("-", "−") for end in (self.low, self.high))
        return low if low == high else f"{low} to {high}" if self.low < 0 else f"{low}–{high}"


@dataclass(frozen=True)
class Figure:
    """One row of costs.csv."""

    processor: str
    operation: str
    cycles: float | None
    source: str
    where: str
    certainty: str
    used: bool
    note: str


@dataclass(frozen=True)
class Price:
    cycles: Range
    certainty: str


@dataclass(frozen=True)
class Processor:
    name: str
    year: int
    vmcs_shadowing: bool
    prices: Mapping[str, Price]
    unknown: tuple[str, ...]   # Operations for which nobody's figure is known.

    def may(self, vmcs_access: str) -> bool:
        return self.vmcs_shadowing or not vmcs_access.startswith("shadow")


@dataclass(frozen=True)
class Modelled:
    """Cycles of one operation, and what the sum has not got."""

    cycles: Range
    certainty: str
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ("≥ " if self.left_out else "") + str(self.cycles)


def figures(path: Path = FOLDER / "costs.csv") -> list[Figure]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise FrontDoorError(f"{shown(path)}: its columns must be {', '.join(COLUMNS)}")
        return [Figure(row["processor"], row["operation"], float(row["cycles"]) if row["cycles"] else None, row["source"],
                       row["where"], row["certainty"], row["used"] == "yes", row["note"]) for row in reader]


def processors(folder: Path = FOLDER) -> dict[str, Processor]:
    known = figures(folder / "costs.csv")
    with (folder / "processors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["processor"]: _processor(row, [figure for figure in known if figure.processor == row["processor"]])
            for row in rows}


def _processor(row: Mapping[str, str], known: list[Figure]) -> Processor:
    prices = {}
    for operation in OPERATIONS:
        used = [figure for figure in known if figure.operation == operation and figure.used and figure.cycles is not None]
        if used:
            values = [figure.cycles for figure in used if figure.cycles is not None]
            prices[operation] = Price(Range(min(values), max(values)), weakest(figure.certainty for figure in used))
    unknown = tuple(operation for operation in OPERATION_OF.values() if operation not in prices)
    return Processor(row["processor"], int(row["year"]), row["vmcs_shadowing"] == "yes", prices, unknown)


def weakest(certainties: object) -> str:
    found = list(certainties)   # type: ignore[call-overload]
    return max(found, key=CERTAINTIES.index) if found else CERTAINTIES[-1]


def terms(processor: Processor, counts: Mapping[str, float]) -> tuple[dict[str, Modelled], tuple[str, ...]]:
    """What each count costs, and the names of those operations that are counted but have no price."""
    priced: dict[str, Modelled] = {}
    missing = []
    whole = processor.prices.get(ROUND_TRIP) if "exit" not in processor.prices else None
    for count, operation in OPERATION_OF.items():
        number = counts.get(count, 0)
        if not number:
            continue
        price = processor.prices.get(operation)
        if whole is not None and operation == "exit":
            price = whole
        elif whole is not None and operation == "vmresume":
            continue   # It is in the round trip.
        if price is None and number > STRAY:
            missing.append(f"{number:g} × {operation.upper()}")
        elif price is not None:
            priced[count] = Modelled(price.cycles.times(number), price.certainty)
    return priced, tuple(missing)


def model(processor: Processor, counts: Mapping[str, float]) -> Modelled:
    """The sum. `counts` are those of one operation, by the names of a cost line."""
    priced, missing = terms(processor, counts)
    cycles = Range()
    for term in priced.values():
        cycles += term.cycles
    return Modelled(cycles, weakest(term.certainty for term in priced.values()), missing)


@dataclass(frozen=True)
class Verdict:
    """shadow-direct against another way to a VMCS, for one operation: does what it adds eat what it saves?"""

    spends: Range      # VMCLEAR, VMPTRLD, and what a VMLAUNCH costs more than a VMRESUME.
    saves: Range       # All else: exits, VMREADs, VMWRITEs.
    net: Range         # Below zero: it is cheaper.
    break_even: float | None   # How many times their published cost a VMCLEAR with its VMLAUNCH may be before it is no gain.
    certainty: str


def verdict(processor: Processor, direct: Mapping[str, float], other: Mapping[str, float]) -> Verdict | None:
    """Nothing where a term has no price: half a sum would answer wrongly."""
    change = {count: direct.get(count, 0) - other.get(count, 0) for count in OPERATION_OF}
    # A VMLAUNCH in a VMRESUME's place: the difference is what shadow-direct adds, the rest is an entry like any other.
    swapped = max(0.0, change["vmlaunch"])
    needed = [OPERATION_OF[count] for count, number in change.items() if number]
    if swapped:
        needed += ["vmresume"]
    if any(operation not in processor.prices for operation in needed):
        return None
    price = {operation: processor.prices[operation].cycles for operation in needed}
    spends = Range()
    if swapped:
        spends += price["vmlaunch"].times(swapped) + price["vmresume"].times(-swapped)
        change["vmresume"] += swapped
        change["vmlaunch"] -= swapped
    saves = Range()
    for count, number in change.items():
        if not number:
            continue
        cost = price[OPERATION_OF[count]].times(number)
        if count in ("vmclear", "vmptrld") and number > 0:
            spends += cost
        else:
            saves += cost.times(-1)
    middle_spent, middle_saved = (spends.low + spends.high) / 2, (saves.low + saves.high) / 2
    return Verdict(spends, saves, spends + saves.times(-1), middle_saved / middle_spent if middle_spent > 0 else None,
                   weakest(processor.prices[operation].certainty for operation in needed))
