"""What each exit costs: single level, Kurma and KVM as L0, and Kurma without each of its optimizations. See question.md."""

from __future__ import annotations

from statistics import geometric_mean

from harness import versus_boots
from harness.costs import Cost, level_of
from harness.exit_cost import (KURMA, Ablated, Side, ablated_figure, ablated_table, beside_table, by_row, count,
                               median, ratio)
from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Readings, Series, Table
from harness.experiment.platform import INSTRUCTIONS
from harness.l0 import L0
from harness.versus_boots import TRAP, boot_of

LINUX, MICRO = "linux-kvm", "micro"
TITLES = {LINUX: "Linux KVM as L1, as its guest sees it", MICRO: "micro as L1"}
COPY = ("vmcs_access=shadow-copy",)
# Each knob that switches an optimization off; those of OFF_MICRO show nothing in the probe's guest.
OFF = ("vmcs_access=trap", "vmcs_access=shadow-copy", "guest_sync=eager", "entry_checks=all", "bitmap_merge=always",
       "host_state=always", "vpid_l2=flush")
OFF_MICRO = ("ept02_prefill=off", "vmcs02_cache=1", "ept02_keep=1", "ept02_large_pages=off")
ALL_OFF = ("vmcs_access=trap", "guest_sync=eager", "entry_checks=all", "bitmap_merge=always", "host_state=always",
           "vpid_l2=flush", "ept02_prefill=off")
ALL = "all of a round's"
ABLATED_ROWS = {MICRO: ("L2 cpuid-3r1w", "L2 cpuid-11r3w", "L2 first-touch-l1-maps", "L2 first-touch-2m-page",
                        "L2 cpuid-other-ept", "L1 vmptrld-alternating"),
                LINUX: ("L2 cpuid", "L2 out-user", "L2 mmio-user", "L2 mov-cr0", "L2 first-touch-l1-maps", "L2 interrupt")}
ABLATED_DRAWN = {MICRO: ("L2 cpuid-3r1w", "L2 cpuid-11r3w", "L2 first-touch-l1-maps"),
                 LINUX: ("L2 cpuid", "L2 out-user", "L2 first-touch-l1-maps")}
DRAWN = {LINUX: ("cpuid", "vmcall", "rdmsr-trapped", "out-user", "mmio-user", "hlt-user", "mov-cr0", "first-touch-l1-maps",
                 "interrupt"),
         MICRO: ("cpuid-3r1w", "cpuid-11r3w", "first-touch-l1-maps", "first-touch-l0-fills", "interrupt")}


def off(l1: str) -> dict[str, tuple[str, ...]]:
    """What is switched off, and by which knobs."""
    return {knob: (knob,) for knob in (*OFF, *(OFF_MICRO if l1 == MICRO else ()))} | {ALL: ALL_OFF}


def boots(quick: bool) -> list[Boot]:
    made = [boot for boot in versus_boots.measured().values() if not quick or boot != boot_of(LINUX, L0.KVM, TRAP)]
    made += [Boot(l1, knobs) for l1 in (MICRO, LINUX) for knobs in off(l1).values()]
    return made if quick else [*made, *versus_boots.counted().values()]


def evaluate(readings: Readings) -> Findings:
    sides = {l1: _sides(readings, l1) for l1 in (LINUX, MICRO)}
    ablated = {l1: _ablated(readings, l1) for l1 in (LINUX, MICRO)}
    tables = [beside_table(TITLES[l1], sides[l1]) for l1 in (LINUX, MICRO)]
    tables += [ways_table(readings, l1) for l1 in (LINUX, MICRO)]
    tables += [table for one in ablated.values() for table in (ablated_table(one), ablated_table(one, as_factors=True))]
    if readings.ticks == INSTRUCTIONS:   # The budget is in these.
        tables.append(budget_table(readings))
    figures = [_kurma_and_kvm(l1, sides[l1]) for l1 in (LINUX, MICRO)]
    figures += [ablated_figure(one, ABLATED_DRAWN[one.l1]) for one in ablated.values()]
    return Findings(sentence(readings, sides[LINUX], ablated[LINUX]), tables, figures, beside(readings))


def _sides(readings: Readings, l1: str) -> Side:
    return Side(l1, *(readings[boot_of(l1, l0)].costs for l0 in (L0.NONE, L0.KURMA, L0.KVM)))


def _ablated(readings: Readings, l1: str) -> Ablated:
    return Ablated(l1, TITLES[l1], ABLATED_ROWS[l1], readings[Boot(l1)].costs,
                   {what: readings[Boot(l1, knobs)].costs for what, knobs in off(l1).items()})


def _in_linux(readings: Readings, boot: Boot, op: str) -> Cost:
    """In the guest of Linux KVM."""
    return readings[boot].cost(level_of(LINUX, boot.l0, "L2"), op)


def ways_table(readings: Readings, l1: str) -> Table:
    """One operation by each way to a VMCS, on both sides."""
    ways = {"direct": readings[Boot(l1)], "copy": readings[Boot(l1, COPY)], "trap": readings[boot_of(l1, L0.KURMA, TRAP)],
            "KVM": readings[boot_of(l1, L0.KVM)]}
    if boot_of(l1, L0.KVM, TRAP) in readings:
        ways["KVM trap"] = readings[boot_of(l1, L0.KVM, TRAP)]
    costs = {way: by_row(reading.costs) for way, reading in ways.items()}
    exits = ("direct", "copy", "trap")
    rows = [[f"{level} {op}", *(median(of_way.get((level, op))) for of_way in costs.values()),
             *(count(costs[way].get((level, op)), "exits") for way in exits)]
            for (level, op), cost in costs["trap"].items() if count(cost, "exits")]
    return Table(f"By Kurma's ways to a VMCS, and KVM's, {TITLES[l1]}", [Column("operation"), *map(Column, ways),
                 *(Column(f"{way}: exits") for way in exits)], rows)


def budget_table(readings: Readings) -> Table:
    """The rows of the budget, with what they may cost."""
    rows = [[row.limit.operation, row.single, row.kvm, row.kurma, row.ratio, row.at_most, row.verdict.value]
            for row in versus_boots.rows(readings)]
    return Table("The rows of the budget",
                 [*map(Column, ("operation", "single level", "KVM", "Kurma", "KVM / Kurma", "at most", "verdict"))], rows)


def _kurma_and_kvm(l1: str, side: Side) -> Bars:
    groups = [op for op in DRAWN[l1] if side.kurma_of("L2", op)]
    series = [Series(label, [median(find("L2", op)) for op in groups])
              for label, find in (("single level", side.single_of), (KURMA, side.kurma_of), ("KVM as L0", side.kvm_of))]
    return Bars(f"kurma-and-kvm-{l1}", f"One operation of L2, {TITLES[l1]}", "instructions", groups, series, log=True)


def sentence(readings: Readings, side: Side, ablated: Ablated) -> str:
    single, kurma, kvm = (_in_linux(readings, boot_of(LINUX, l0), "cpuid") for l0 in (L0.NONE, L0.KURMA, L0.KVM))
    # An exit to L1 and back is two; what L0 answers alone need not exit under KVM at all.
    times = [ratio(of_kvm, cost) for cost in side.costs
             if (count(cost, "exits") or 0) >= 2 and (of_kvm := side.kvm_of(cost.level, cost.op)) is not None]
    most = max((what for what in ablated.off if what != ALL), key=lambda what: ablated.factor(what, "L2 cpuid") or 0)
    return (f"CPUID in a guest of Linux KVM takes {single.median:,} instructions at a single level, {kurma.median:,} "
            f"({ratio(kurma, single):.1f} times) as L2 under Kurma and {kvm.median:,} ({ratio(kvm, single):.1f} times) "
            f"under KVM as L0; over the {len(times)} operations that exit to L1 KVM takes {min(times):.1f} to "
            f"{max(times):.1f} times as many as Kurma, {geometric_mean(times):.1f} in the geometric mean; the one knob that "
            f"costs CPUID most is {most} ({ablated.factor(most, 'L2 cpuid'):.2f} times what it costs by default).")


def beside(readings: Readings) -> list[Beside]:
    """Ratios only: of a nested operation over the same at a single level, or over another one."""
    kurma, kvm = boot_of(LINUX, L0.KURMA), boot_of(LINUX, L0.KVM)
    both = {"Kurma": kurma, "KVM as L0": kvm}

    def over_single(op: str, boot: Boot, what: str, *paper: str, over: tuple[str, str]) -> Beside:
        folder, table, operation, configuration = paper
        ours = ratio(_in_linux(readings, boot, op), _in_linux(readings, boot_of(LINUX, L0.NONE), op))
        return Beside(folder, table, operation, ours, "factor", f"{what}, L2 over single level", configuration, over)

    turtles = ("turtles-osdi-2010", "section 4.3, figure 10", "cpuid",
               "multi-dimensional paging, before direct VMCS access; about")
    ways = {"all of a round's optimizations off": Boot(LINUX, ALL_OFF), "no shadowing": boot_of(LINUX, L0.KURMA, TRAP),
            "shadowing": kurma, "KVM as L0, shadowing": kvm}
    found = [over_single("cpuid", boot, f"CPUID, {how}", *turtles, over=("cpuid", "single level; about"))
             for how, boot in ways.items()]
    dvh = ("dvh-asplos-2020", "table 3", "vmcall", "linux-kvm L2")
    found += [over_single("vmcall", boot, f"VMCALL, {how}", *dvh, over=("vmcall", "none L1")) for how, boot in both.items()]
    fault = ("hyperturtle-atc-2025", "table 2", "ept-fault", "linux-kvm L2 mean")
    found += [over_single("first-touch-l1-maps", boot, f"first touch that L1 maps, {how}", *fault,
                          over=("ept-fault", "none L1 mean")) for how, boot in both.items()]
    series = ("kvm-commits", "cover letter of '[PATCH 00/43] VMX optimizations'", "in-user")
    found += [Beside(*series, ratio(_in_linux(readings, boot, "in-user"), _in_linux(readings, boot, "cpuid")), "factor",
                     f"IN to L1's user space over CPUID, {how}", "after the series", ("cpuid", "after the series"))
              for how, boot in both.items()]
    return found


QUESTION = ("What does one operation that exits cost at a single level, as L2 under Kurma, and under KVM as L0; and what "
            "does each of Kurma's optimizations save?")
EXPERIMENT = Experiment("Exit cost", QUESTION, boots, evaluate)
