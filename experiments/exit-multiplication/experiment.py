"""How many further exits one exit of L2 causes, and of what kinds. The question is told in question.md."""

from __future__ import annotations

from collections.abc import Mapping

from harness import versus_boots
from harness.exit_kinds import PARTS, READS, WRITES, Exits, by_operation, of_kvm_as_l0
from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Readings, Series, Table
from harness.kvm_counts import FEW, MANY, NAMES

MODES = {"trap": ("vmcs_access=trap",), "shadow-copy": ("vmcs_access=shadow-copy",), "shadow-direct": ()}
L1S = {"linux-kvm": "Linux KVM", "micro": "micro"}
KVM_AS_L0 = {"trap": versus_boots.TRAP, "shadowing": versus_boots.SHADOW}
TURTLES = "turtles-osdi-2010"
# What is drawn, of each L1.
DRAWN = {"linux-kvm": ("cpuid", "out-user", "mmio-user", "first-touch-l1-maps"), "micro": ("cpuid-3r1w", "cpuid-11r3w")}

Operations = Mapping[str, Exits]


def boots(quick: bool) -> list[Boot]:
    made = [Boot(l1, knobs) for l1 in L1S for knobs in MODES.values()]
    if not quick:
        made += [boot for access in KVM_AS_L0.values() for boot in versus_boots.counted(access).values()]
    return made


def evaluate(readings: Readings) -> Findings:
    found = {(l1, mode): by_operation(readings[Boot(l1, knobs)].lines("kinds"))
             for l1 in L1S for mode, knobs in MODES.items()}
    kvm = {} if readings.quick else {mode: _counted(readings, access) for mode, access in KVM_AS_L0.items()}
    tables = [how_many({mode: found[l1, mode] for mode in MODES}, l1) for l1 in L1S]
    tables += [of_what({mode: found[l1, mode] for mode in MODES}, l1) for l1 in L1S]
    if kvm:
        tables.append(under_kvm(kvm, found["micro", "trap"], found["micro", "shadow-direct"]))
    return Findings(sentence(found["linux-kvm", "trap"], found["linux-kvm", "shadow-direct"]), tables,
                    [figure(found)], beside(found["linux-kvm", "trap"], found["linux-kvm", "shadow-direct"]))


def _counted(readings: Readings, access: str) -> Exits:
    boots_of = versus_boots.counted(access)
    return of_kvm_as_l0(*(readings[boots_of[NAMES[rounds]]].counters for rounds in (FEW, MANY)))


def reaching_l1(operations: Operations) -> list[str]:
    return [op for op, exits in operations.items() if exits.reaches_l1]


def how_many(modes: Mapping[str, Operations], l1: str) -> Table:
    """All operations whose exit L1 handles; the reason is the same in each mode."""
    first = next(iter(modes.values()))
    rows = [[op, first[op].reason, *(_further(operations, op) for operations in modes.values())]
            for op in reaching_l1(first)]
    return Table(f"Further exits for one exit of L2, {L1S[l1]} as L1",
                 [Column("operation"), Column("reason"), *(Column(mode, "exits") for mode in modes)], rows)


def of_what(modes: Mapping[str, Operations], l1: str) -> Table:
    """The parts of the operations that are drawn; a part that none of them has is left out."""
    chosen = [(op, mode, operations[op].parts())
              for op in DRAWN[l1] for mode, operations in modes.items() if op in operations]
    parts = [part for part in PARTS if any(found[part] >= 0.05 for _, _, found in chosen)]
    return Table(f"... and of what kinds they are, {L1S[l1]} as L1", [Column("operation"), Column("mode"),
                 *(Column(part, "exits") for part in parts)],
                 [[op, mode, *(_tidy(found[part]) for part in parts)] for op, mode, found in chosen])


def under_kvm(kvm: Mapping[str, Exits], trap: Operations, shadowing: Operations) -> Table:
    """The same round, micro's CPUID with 3 reads and 1 write, under both L0s."""
    pairs = [("trap", "Kurma", trap["cpuid-3r1w"]), ("trap", "KVM", kvm["trap"]),
             ("shadowing", "Kurma", shadowing["cpuid-3r1w"]), ("shadowing", "KVM", kvm["shadowing"])]
    parts = [part for part in PARTS if any(exits.parts()[part] >= 0.05 for _, _, exits in pairs)]
    columns = [Column("mode"), Column("L0"), Column("all", "exits"), *(Column(part, "exits") for part in parts)]
    return Table("cpuid-3r1w of micro under both L0s, further exits", columns,
                 [[mode, l0, _tidy(exits.further), *(_tidy(exits.parts()[part]) for part in parts)]
                  for mode, l0, exits in pairs])


def figure(found: Mapping[tuple[str, str], Operations]) -> Bars:
    bars = [(f"{L1S[l1]} {op}, {mode}", found[l1, mode][op].parts())
            for l1, ops in DRAWN.items() for op in ops for mode in MODES if op in found[l1, mode]]
    parts = [part for part in PARTS if any(of_one[part] >= 0.05 for _, of_one in bars)]
    return Bars("further-exits", "Further exits for one exit of L2", "exits", [name for name, _ in bars],
                [Series(part, [_tidy(of_one[part]) for _, of_one in bars]) for part in parts], stacked=True)


def sentence(trap: Operations, direct: Operations) -> str:
    port, same = trap["out-user"], direct["out-user"]
    parts = port.parts()
    accesses = parts[READS] + parts[WRITES]
    fewest, most = (choose(reaching_l1(trap), key=lambda op: trap[op].further) for choose in (min, max))
    return (f"With an exit for each VMCS access, one port access of L2 that Linux KVM's user space answers causes "
            f"{port.further:.1f} further exits, {accesses:.1f} of them VMREADs and VMWRITEs; with VMCS shadowing it causes "
            f"{same.further:.1f}; over all operations it is {trap[fewest].further:.1f} ({fewest}) to "
            f"{trap[most].further:.1f} ({most}) without shadowing, and {_range(direct)} with it.")


def _range(operations: Operations) -> str:
    further = [operations[op].further for op in reaching_l1(operations)]
    return f"{min(further):.1f} to {max(further):.1f}"


def beside(trap: Operations, direct: Operations) -> list[Beside]:
    rows = [Beside(TURTLES, "section 4.1", "exit-multiplication", exits["out-user"].further, "exits",
                   f"OUT answered by L1's user space, Linux KVM as L1, {how}", "one port access handled by L1")
            for exits, how in ((trap, "no shadowing, as theirs"), (direct, "VMCS shadowing"))]
    rows.append(Beside("neve", "not known", "exit-multiplication", direct["vmcall"].all, "exits",
                       "VMCALL of L2, all exits, VMCS shadowing", "x86, traps of one hypercall"))
    accesses = [(trap[op].of_l1.get("vmread", 0.0), trap[op].of_l1.get("vmwrite", 0.0)) for op in reaching_l1(trap)]
    for choose, word in ((min, "lowest"), (max, "highest")):
        for index, unit in enumerate(("VMREAD", "VMWRITE")):
            ours = choose(pair[index] for pair in accesses)
            rows.append(Beside("haxm-pr-130", "description of the pull request", "round", ours, unit,
                               f"{word} of all operations, Linux KVM as L1",
                               f"linux-kvm L2 accesses of L1 for one exit; {word} {unit}"))
    return rows


def _further(operations: Operations, op: str) -> float | None:
    return _tidy(operations[op].further) if op in operations and operations[op].reaches_l1 else None


def _tidy(value: float) -> float:
    """Timer ticks of L1's that fall into 200 operations are a hundredth each."""
    return round(value, 1)


QUESTION = "How many further exits does one exit of L2 cause, by reason and by L1, and of what kinds are they?"
EXPERIMENT = Experiment("Exit multiplication", QUESTION, boots, evaluate)
