"""How L1 reaches its VMCS: by exits, through a copy, or in vmcs02 itself. See question.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.ablation import (COMPILE, MICRO, MICRO_ROWS, Ablation, Measured, Value, compile_boot, costs, factors_figure,
                              in_words, instructions_table, percent_more)
from harness.experiment import Beside, Boot, Column, Experiment, Findings, Readings, Table
from harness.l0 import L0

DIRECT, TRAP = "shadow-direct", "trap"
ABLATION = Ablation([
    Value(DIRECT), Value("shadow-copy", ("vmcs_access=shadow-copy",)), Value(TRAP, ("vmcs_access=trap",))])
KVM_WITH, KVM_WITHOUT = "KVM with shadowing", "KVM without"
KVM = {KVM_WITH: Boot(MICRO, ("enable_shadow_vmcs=1",), L0.KVM), KVM_WITHOUT: Boot(MICRO, ("enable_shadow_vmcs=0",), L0.KVM)}
KVMS_ROW = "L2 cpuid-11r3w"   # The handler with most accesses.


def boots(quick: bool) -> Sequence[Boot]:
    return [*ABLATION.boots(quick), *KVM.values(), compile_boot((), quick, L0.NONE)]


def overheads(readings: Readings) -> dict[str, float]:
    """Of the compile in a Linux L2, in percent of the same at a single level."""
    single = readings[compile_boot((), readings.quick, L0.NONE)].work(COMPILE).ticks
    found = {label: percent_more(single, nested.ticks) for label, nested in ABLATION.compiles(readings).items()}
    return {label: more for label, more in found.items() if more is not None}


def evaluate(readings: Readings) -> Findings:
    found, over = ABLATION.evaluate(readings), overheads(readings)
    kvm = Measured("micro's operations under Linux KVM as L0", MICRO, MICRO_ROWS,
                   {label: costs(readings, boot, MICRO_ROWS) for label, boot in KVM.items()})
    columns = [Column("value"), Column("instructions more", "percent")]
    compiles = Table("the compile in a Linux L2, over a single level", columns,
                     [[label, more] for label, more in over.items()])
    return replace(found, sentence=f"{found.sentence.removesuffix('.')}; {_more(kvm, over)}",
                   tables=[*found.tables, compiles, instructions_table(kvm)],
                   figures=[*found.figures, factors_figure(kvm, "rows-micro-kvm")], beside=_beside(over))


def _more(kvm: Measured, over: Mapping[str, float]) -> str:
    times = kvm.factor(KVM_WITHOUT, KVMS_ROW)
    assert times is not None
    told = ", ".join(f"{in_words(1 + more / 100)} with {label}" for label, more in over.items())
    return (f"with KVM as L0, an exit of L2 takes {in_words(times)} without shadowing (micro's {KVMS_ROW}); "
            f"over a single level the compile takes {told}.")


def _beside(over: Mapping[str, float]) -> list[Beside]:
    """Turtles had no shadowing; it changed L1 to reach its VMCS in memory, which spares the same exits."""
    def figure(table: str, configuration: str, label: str) -> Beside:
        return Beside("turtles-osdi-2010", table, "kernbench", over[label], "percent",
                      f"compile in a Linux L2 with {label}: instructions more than at a single level", configuration)
    return [figure("table 2", "linux-kvm L2 overhead over a single level", TRAP),
            figure("section 4.2", "direct VMCS access", DIRECT)]


EXPERIMENT = Experiment(
    "What VMCS shadowing saves",
    "What does an exit of L2 cost with and without VMCS shadowing, and what does a compile make of it?", boots, evaluate)
