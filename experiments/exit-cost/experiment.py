"""What each exit costs: a single level, Kurma and KVM as L0, and Kurma without each of its optimizations. See question.md."""

from __future__ import annotations


from harness import versus_boots
from harness.costs import Cost
from harness.exit_cost import KURMA, Ablated, Side, ablated_figure, ablated_table, beside_table, geometric_mean, ratio
from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Readings, Series, Table
from harness.l0 import L0
from harness.versus import as_markdown
from harness.versus_boots import SHADOW, TRAP, boot_of

LINUX, MICRO = "linux-kvm", "micro"
TITLES = {LINUX: "Linux KVM as L1, as its guest sees it", MICRO: "micro as L1"}
COPY = ("vmcs_access=shadow-copy",)
# What is switched off, for all of L1's to see, and what only one of them shows.
# Each knob that switches an optimization off; those of OFF_MICRO show nothing in the probe's guest.
OFF = ("vmcs_access=trap", "vmcs_access=shadow-copy", "guest_sync=eager", "entry_checks=all", "bitmap_merge=always",
       "host_state=always", "vpid_l2=flush")
OFF_MICRO = ("ept02_prefill=off", "vmcs02_cache=1", "ept02_keep=1", "ept02_large_pages=off")
ALL_OFF = ("vmcs_access=trap", "guest_sync=eager", "entry_checks=all", "bitmap_merge=always", "host_state=always",
           "vpid_l2=flush", "ept02_prefill=off")
ALL = "all of a round's"
ABLATED_ROWS = {MICRO: ("L2 cpuid-3r1w", "L2 cpuid-11r3w", "L2 first-touch-l1-maps", "L2 first-touch-2m-page", "L2 cpuid-other-ept",
                        "L1 vmptrld-alternating"),
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
    ablated = {l1: Ablated(l1, TITLES[l1], ABLATED_ROWS[l1], readings[Boot(l1)].costs,
                           {what: readings[Boot(l1, knobs)].costs for what, knobs in off(l1).items()}) for l1 in (LINUX, MICRO)}
    tables = [beside_table(TITLES[l1], sides[l1]) for l1 in (LINUX, MICRO)]
    tables += [ways_table(readings, l1) for l1 in (LINUX, MICRO)]
    tables += [table for one in ablated.values() for table in (ablated_table(one), ablated_table(one, as_factors=True))]
    tables.append(budget_table(readings))
    figures = [_kurma_and_kvm(l1, sides[l1]) for l1 in (LINUX, MICRO)]
    figures += [ablated_figure(one, ABLATED_DRAWN[one.l1]) for one in ablated.values()]
    return Findings(sentence(sides[LINUX], ablated[LINUX]), tables, figures, beside(sides[LINUX], readings))


def results_table(readings: Readings) -> str:
    """The table of README, as Markdown; `./kurma versus --from DIR --readme` writes the same."""
    return as_markdown(versus_boots.rows(readings))


def _sides(readings: Readings, l1: str) -> Side:
    return Side(l1, *(readings[boot_of(l1, l0)].costs for l0 in (L0.NONE, L0.KURMA, L0.KVM)))


def ways_table(readings: Readings, l1: str) -> Table:
    """One operation by each way to a VMCS, on both sides."""
    ways = {"direct": readings[Boot(l1)], "copy": readings[Boot(l1, COPY)], "trap": readings[boot_of(l1, L0.KURMA, TRAP)],
            "KVM": readings[boot_of(l1, L0.KVM)]}
    if boot_of(l1, L0.KVM, TRAP) in readings:
        ways["KVM trap"] = readings[boot_of(l1, L0.KVM, TRAP)]
    costs = {way: {(cost.level, cost.op): cost for cost in reading.costs} for way, reading in ways.items()}
    exits = ("direct", "copy", "trap")
    rows = [[f"{level} {op}", *(_median(of_way.get((level, op))) for of_way in costs.values()),
             *(_exits(costs[way].get((level, op))) for way in exits)]
            for (level, op), cost in costs["trap"].items() if _exits(cost)]
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
    series = [Series(label, [_positive(_median(find("L2", op))) for op in groups])
              for label, find in (("single level", side.single_of), (KURMA, side.kurma_of), ("KVM as L0", side.kvm_of))]
    return Bars(f"kurma-and-kvm-{l1}", f"One operation of L2, {TITLES[l1]}", "instructions", groups, series, log=True)


def sentence(side: Side, ablated: Ablated) -> str:
    kurma, kvm, single = (find("L2", "cpuid") for find in (side.kurma_of, side.kvm_of, side.single_of))
    assert kurma and kvm and single
    # An exit to L1 and back is two; what L0 answers alone need not exit under KVM at all.
    times = [ratio(of_kvm, cost) for cost in side.costs
             if (_exits(cost) or 0) >= 2 and (of_kvm := side.kvm_of(cost.level, cost.op)) is not None]
    most = max((what for what in ablated.off if what != ALL), key=lambda what: ablated.factor(what, "L2 cpuid") or 0)
    return (f"CPUID in a guest of Linux KVM takes {single.median:,} instructions at a single level, "
            f"{kurma.median:,} ({ratio(kurma, single):.1f} times) as L2 under Kurma and {kvm.median:,} "
            f"({ratio(kvm, single):.1f} times) under KVM as L0; over the {len(times)} operations that exit to L1 KVM takes "
            f"{min(times):.1f} to {max(times):.1f} times as many as Kurma, {geometric_mean(times):.1f} in the geometric mean; "
            f"the one knob that costs CPUID most is {most} ({ablated.factor(most, 'L2 cpuid'):.2f} times what it costs by default).")


def beside(side: Side, readings: Readings) -> list[Beside]:
    """Ratios only: of a nested operation over the same at a single level, or over another one."""
    trap = {cost.op: cost for cost in readings[boot_of(LINUX, L0.KURMA, TRAP)].costs}
    slow = {cost.op: cost for cost in readings[Boot(LINUX, ALL_OFF)].costs}

    def over_single(op: str, cost: Cost | None, what: str, *paper: str, over: tuple[str, str | None]) -> Beside:
        single = side.single_of("L2", op)
        assert cost and single
        folder, table, operation, configuration = paper
        return Beside(folder, table, operation, ratio(cost, single), "factor", f"{what}, L2 over single level", configuration, over)

    turtles = ("turtles-osdi-2010", "section 4.3, figure 10", "cpuid", "multi-dimensional paging, before direct VMCS access; about")
    ways = {"all of a round's optimizations off": slow["cpuid"], "no shadowing": trap["cpuid"],
            "shadowing": side.kurma_of("L2", "cpuid"), "KVM as L0, shadowing": side.kvm_of("L2", "cpuid")}
    found = [over_single("cpuid", cost, f"CPUID, {how}", *turtles, over=("cpuid", "single level; about")) for how, cost in ways.items()]
    dvh = ("dvh-asplos-2020", "table 3", "vmcall", "linux-kvm L2")
    for how, cost in (("Kurma", side.kurma_of("L2", "vmcall")), ("KVM as L0", side.kvm_of("L2", "vmcall"))):
        found.append(over_single("vmcall", cost, f"VMCALL, {how}", *dvh, over=("vmcall", "none L1")))
    fault = ("hyperturtle-atc-2025", "table 2", "ept-fault", "linux-kvm L2 mean")
    for how, find in (("Kurma", side.kurma_of), ("KVM as L0", side.kvm_of)):
        cost = find("L2", "first-touch-l1-maps")
        found.append(over_single("first-touch-l1-maps", cost, f"first touch that L1 maps, {how}", *fault,
                                 over=("ept-fault", "none L1 mean")))
    for how, find in (("Kurma", side.kurma_of), ("KVM as L0", side.kvm_of)):
        port, cpuid = find("L2", "in-user"), find("L2", "cpuid")
        assert port and cpuid
        found.append(Beside("kvm-commits", "cover letter of '[PATCH 00/43] VMX optimizations'", "in-user", ratio(port, cpuid),
                            "factor", f"IN to L1's user space over CPUID, {how}", "after the series", ("cpuid", "after the series")))
    return found


def _median(cost: Cost | None) -> int | None:
    return None if cost is None else cost.median


def _positive(value: int | None) -> int | None:
    return value or None   # A logarithmic axis has no zero.


def _exits(cost: Cost | None) -> float | None:
    exits = None if cost is None else cost.per_operation("exits")
    return None if exits is None else round(exits, 1)


QUESTION = ("What does one operation that exits cost at a single level, as L2 under Kurma, and under KVM as L0; and what does each of "
            "Kurma's optimizations save?")
EXPERIMENT = Experiment("Exit cost", QUESTION, boots, evaluate)
