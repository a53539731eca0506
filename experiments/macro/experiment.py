"""Whole workloads on bare Linux, in a Linux guest, and in a Linux L2. The question is told in question.md."""

from __future__ import annotations

from collections.abc import Mapping

from harness.ablation.effect import percent_more
from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Reading, Readings, Series, Table
from harness.l0 import L0
from harness.works import REFLECTED, Work

WORKLOADS = ("compile", "pipes", "server", "gzip")
BARE, SINGLE, KURMA, KVM = "bare", "single level", "L2 on Kurma", "L2 on KVM"
# Where the work is done, and what is below its L1.
PLACES = {BARE: ("here", L0.NONE), SINGLE: ("guest", L0.NONE), KURMA: ("guest", L0.KURMA), KVM: ("guest", L0.KVM)}
TURTLES = "turtles-osdi-2010"
COUNTED = ("exits", REFLECTED, "vmread", "vmwrite")

Ticks = Mapping[str, Mapping[str, int]]   # Place → workload → instructions.


def places(quick: bool) -> list[str]:
    """Linux KVM as L0 boots for several minutes: not with quick."""
    return [place for place in PLACES if not quick or place != KVM]


def boot_of(place: str, quick: bool) -> Boot:
    where, l0 = PLACES[place]
    size = "quick" if quick else "full"
    return Boot("linux-work", (), l0, f"kurma.work={','.join(WORKLOADS)} kurma.where={where} kurma.size={size}")


def boots(quick: bool) -> list[Boot]:
    return [boot_of(place, quick) for place in places(quick)]


def works_of(reading: Reading) -> dict[str, Work]:
    """A workload without its line has failed."""
    return {workload: reading.work(workload) for workload in WORKLOADS}


def evaluate(readings: Readings) -> Findings:
    works = {place: works_of(readings[boot_of(place, readings.quick)]) for place in places(readings.quick)}
    ticks = {place: {workload: work.ticks for workload, work in of_place.items()} for place, of_place in works.items()}
    tables = [instructions(ticks), overheads(ticks), counts(works[KURMA])]
    return Findings(sentence(ticks), tables, [figure(ticks)], beside(ticks))


def instructions(ticks: Ticks) -> Table:
    return Table("Whole workloads", [Column("workload"), *(Column(place, "million instructions") for place in ticks)],
                 [[workload, *(of_place[workload] / 1e6 for of_place in ticks.values())] for workload in WORKLOADS])


def over(ticks: Ticks, place: str, base: str, workload: str) -> float | None:
    return percent_more(ticks[base][workload], ticks[place][workload])


def nested(ticks: Ticks) -> list[str]:
    return [place for place in (KURMA, KVM) if place in ticks]


def overheads(ticks: Ticks) -> Table:
    pairs = [(SINGLE, BARE), *((place, BARE) for place in nested(ticks)), *((place, SINGLE) for place in nested(ticks))]
    return Table("Overhead", [Column("workload"), *(Column(f"{place} over {base}", "percent") for place, base in pairs)],
                 [[workload, *(over(ticks, place, base, workload) for place, base in pairs)] for workload in WORKLOADS])


def counts(works: Mapping[str, Work]) -> Table:
    """`reflected` are the exits of L2 that L1 handles."""
    return Table("What Kurma executes meanwhile", [Column("workload"), *(Column(name) for name in COUNTED)],
                 [[workload, *(work.counts.get(name) for name in COUNTED)] for workload, work in works.items()])


def figure(ticks: Ticks) -> Bars:
    return Bars("overhead", "Overhead of a Linux L2 over the same Linux as guest of a single level", "percent", WORKLOADS,
                [Series(place, [over(ticks, place, SINGLE, workload) for workload in WORKLOADS]) for place in nested(ticks)])


def sentence(ticks: Ticks) -> str:
    parts = []
    for place in nested(ticks):
        told = ", ".join(f"{workload} {_more(over(ticks, place, SINGLE, workload))}" for workload in WORKLOADS)
        parts.append(f"as {place}, against a guest of a single level: {told}")
    single = [over(ticks, SINGLE, BARE, workload) or 0.0 for workload in WORKLOADS]
    return (f"The workloads' instructions {'; '.join(parts)}; "
            f"that guest, against bare Linux: {_more(min(single))} to {_more(max(single))}.")


def _more(percent: float | None) -> str:
    return f"{abs(percent or 0):.1f} % {'fewer' if (percent or 0) < 0 else 'more'}"


def beside(ticks: Ticks) -> list[Beside]:
    rows: list[Beside] = []
    for place in nested(ticks):
        of_place = {workload: over(ticks, place, SINGLE, workload) or 0.0 for workload in WORKLOADS}
        for table, operation, configuration, workload in (
                ("table 2", "kernbench", None, "compile"), ("table 2", "specjbb", None, "server")):
            rows.append(Beside(TURTLES, table, operation, of_place[workload], "percent",
                               f"{workload}, {place} over a single level", configuration))
        for word, choose in (("lowest", min), ("highest", max)):
            rows.append(Beside(TURTLES, "abstract", "common-workloads", choose(of_place.values()), "percent",
                               f"{word} of {len(WORKLOADS)} workloads, {place} over a single level", word))
    return rows


EXPERIMENT = Experiment(
    "Whole workloads",
    "How many more instructions does one workload take in a Linux L2 than in a guest of a single level, and on bare Linux?",
    boots, evaluate)
