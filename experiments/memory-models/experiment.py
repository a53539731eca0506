"""The memory models of nesting on a workload that does little but fault; see question.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Reading, Readings, Series, Table
from harness.l0 import L0

PHASES = {"cold": "new memory, a page", "warm": "used memory, a page", "fork": "copy on write, a fault",
          "switch": "change of process"}
PREFIX = "faults-"   # Of each phase's line; that of all together has it not.
EMPTY = "nothing"   # The phase that does nothing: its exits are those of measuring.
# L1 backs its guest by pages of 4 KiB, as Turtles' did: with larger ones next to nothing of a guest's memory is new.
WORDS = "kurma.work=faults kurma.where={where} kurma.size={size} transparent_hugepage=never"
SHADOWED_BY_L1 = "kurma.kvm_args=ept=0"

BARE, EPT, SHADOW = "bare Linux", "single level, EPT", "single level, shadow paging"
MULTI, SHADOW_ON_EPT = "Kurma, multi-dimensional", "Kurma, shadow-on-EPT"
KVM_MULTI, KVM_SHADOW_ON_EPT = "KVM as L0, multi-dimensional", "KVM as L0, shadow-on-EPT"


@dataclass(frozen=True)
class Phase:
    """`n` faults or changes; what they took, and L0's exits meanwhile, less those of measuring (None: nobody counts)."""

    n: int
    ticks: int
    exits: int | None

    @property
    def ticks_of_one(self) -> float:
        return self.ticks / self.n

    @property
    def exits_of_one(self) -> float | None:
        return None if self.exits is None else self.exits / self.n


Phases = Mapping[str, Phase]


def configurations(quick: bool) -> dict[str, Boot]:
    def linux(l0: L0, more: str = "", knobs: tuple[str, ...] = (), where: str = "guest") -> Boot:
        words = WORDS.format(where=where, size="quick" if quick else "full")
        return Boot("linux-work", knobs, l0, f"{words} {more}".rstrip())

    made = {BARE: linux(L0.NONE, where="here"), EPT: linux(L0.NONE), SHADOW: linux(L0.NONE, SHADOWED_BY_L1),
            MULTI: linux(L0.KURMA), SHADOW_ON_EPT: linux(L0.KURMA, knobs=("offer.ept=off",))}
    return made if quick else {**made, KVM_MULTI: linux(L0.KVM), KVM_SHADOW_ON_EPT: linux(L0.KVM, SHADOWED_BY_L1)}


def phases_of(reading: Reading) -> Phases:
    """All phases: anything else ends the experiment."""
    found = {name.removeprefix(PREFIX): Phase(work.counts.get("n", 0), work.ticks, work.counts.get("exits"))
             for name, work in reading.works.items() if name.startswith(PREFIX)}
    if unknown := [name for name in found if name not in (EMPTY, *PHASES)]:
        raise reading.problem(f"phases of faults that are unknown: {', '.join(unknown)}")
    missing = [name for name in (EMPTY, *PHASES) if name not in found or found[name].n <= 0]
    if missing:
        raise reading.problem(f"no proper lines of faults for {', '.join(missing)}")
    return {name: _without(found[name], found[EMPTY]) for name in PHASES}


def _without(phase: Phase, empty: Phase) -> Phase:
    counted = phase.exits is not None and empty.exits is not None
    return Phase(phase.n, phase.ticks, max(0, phase.exits - empty.exits) if counted else None)  # type: ignore[operator]


def evaluate(readings: Readings) -> Findings:
    found = {label: phases_of(readings[boot]) for label, boot in configurations(readings.quick).items() if boot in readings}
    return Findings(sentence(found), tables(found), figures(found), besides(found))


def tables(found: Mapping[str, Phases]) -> list[Table]:
    def columns(unit: str) -> list[Column]:
        return [Column("memory model"), *(Column(what, unit) for what in PHASES.values())]

    counted = _counted(found)
    made = [Table("What one takes", columns("instructions"),
                  [[label, *(phases[name].ticks_of_one for name in PHASES)] for label, phases in found.items()]),
            Table("... over the single level with EPT", columns("factor"),
                  [[label, *(over(phases, found[EPT], name) for name in PHASES)] for label, phases in found.items()])]
    if counted:
        made.append(Table("Hardware exits of one", columns("exits"),
                          [[label, *(phases[name].exits_of_one for name in PHASES)] for label, phases in counted.items()]))
    return made


def _counted(found: Mapping[str, Phases]) -> Mapping[str, Phases]:
    return {label: phases for label, phases in found.items() if all(phase.exits is not None for phase in phases.values())}


def figures(found: Mapping[str, Phases]) -> list[Bars]:
    groups, counted = list(PHASES.values()), _counted(found)
    ticks = [Series(label, [phases[name].ticks_of_one for name in PHASES]) for label, phases in found.items()]
    exits = [Series(label, [phases[name].exits_of_one for name in PHASES]) for label, phases in counted.items()]
    made = [Bars("faults", "Faults and changes of process by memory model", "instructions", groups, ticks, log=True)]
    return [*made, Bars("exits", "Hardware exits of one fault or change", "exits", groups, exits)] if counted else made


def over(these: Phases, those: Phases, name: str) -> float:
    return these[name].ticks_of_one / those[name].ticks_of_one


def sentence(found: Mapping[str, Phases]) -> str:
    def factors(above: str, below: str) -> str:
        values = [f"{over(found[above], found[below], name):.1f}" for name in PHASES]
        return f"{', '.join(values[:-1])} and {values[-1]}"

    text = (f"Where L1 has no EPT and shadows page tables on Kurma, a page of new memory, a page of used memory, a "
            f"copy-on-write fault and a change of process take {factors(SHADOW_ON_EPT, MULTI)} times what they take with "
            f"multi-dimensional paging, which takes {factors(MULTI, EPT)} times the single level")
    if KVM_MULTI in found and KVM_SHADOW_ON_EPT in found:
        text += f"; with KVM as L0 shadowing takes {factors(KVM_SHADOW_ON_EPT, KVM_MULTI)} times multi-dimensional paging"
    return text + "."


def besides(found: Mapping[str, Phases]) -> list[Beside]:
    return [Beside("turtles-osdi-2010", "section 4.2.3", "page-fault-heavy-runs",
                   over(found[SHADOW_ON_EPT], found[MULTI], name), "factor",
                   f"shadow-on-EPT over multi-dimensional paging on Kurma: {what}") for name, what in PHASES.items()]


EXPERIMENT = Experiment(
    "Memory models: multi-dimensional paging and shadow-on-EPT",
    "What does a page fault of L2 cost where L1 has an EPT that L0 composes with its own (multi-dimensional paging), and "
    "where L1 has none and shadows L2's page tables; for memory that L2 never had and for memory that it had before?",
    lambda quick: list(configurations(quick).values()), evaluate)
