"""How L1 reaches its VMCS: by exits, through a copy, or in vmcs02 itself. See question.md."""

from __future__ import annotations

from collections.abc import Sequence

from harness.ablation import MICRO, MICRO_ROWS, Ablation, Measured, Value, compile_boot, compile_of, costs, instructions_table, percent_more
from harness.experiment import Beside, Boot, Experiment, Findings, Readings
from harness.l0 import L0

ABLATION = Ablation("how L1 reaches its VMCS", [
    Value("shadow-direct"), Value("shadow-copy", ("vmcs_access=shadow-copy",)), Value("trap", ("vmcs_access=trap",))])
KVM = {"KVM with shadowing": Boot("micro", ("enable_shadow_vmcs=1",), L0.KVM),
       "KVM without": Boot("micro", ("enable_shadow_vmcs=0",), L0.KVM)}


def boots(quick: bool) -> Sequence[Boot]:
    return [*ABLATION.boots(quick), *KVM.values(), compile_boot((), quick, L0.NONE)]


def evaluate(readings: Readings) -> Findings:
    found = ABLATION.evaluate(readings)
    kvm = Measured("micro's operations under Linux KVM as L0", MICRO, MICRO_ROWS,
                   {label: costs(readings, boot, MICRO_ROWS) for label, boot in KVM.items()})
    return Findings(found.sentence, [*found.tables, instructions_table(kvm)], found.figures, _beside(readings))


def _beside(readings: Readings) -> list[Beside]:
    """Turtles had no shadowing; it changed L1 to reach its VMCS in memory, which spares the same exits."""
    single = compile_of(readings[compile_boot((), readings.quick, L0.NONE)]).ticks
    nested = ABLATION.compiles(readings)

    def figure(table: str, configuration: str, label: str) -> Beside:
        overhead = percent_more(single, nested[label].ticks)
        assert overhead is not None
        return Beside("turtles-osdi-2010", table, "kernbench", overhead, "percent",
                      f"compile in a Linux L2 with {label}: instructions more than at a single level", configuration)
    return [figure("table 2", "linux-kvm L2 overhead over a single level", "trap"),
            figure("section 4.2", "direct VMCS access", "shadow-direct")]


EXPERIMENT = Experiment(
    "What VMCS shadowing saves", "What does an exit of L2 cost with and without VMCS shadowing, and what does a compile make of it?",
    boots, evaluate)
