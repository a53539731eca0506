"""One decision of L0's taken otherwise, all else being the same: its boots, and what their costs say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..costs import Cost
from ..experiment import Bars, Boot, Findings, Readings, Table
from ..works import Work
from .compile import COMPILE, compile_boot, compile_figure, compile_tables
from .effect import Change, factor, greatest, in_words
from .tables import Measured, counts_table, factors_figure, instructions_table

MICRO, LINUX = "micro", "linux-kvm"
MICRO_ROWS = ("L1 cpuid", "L1 vmread", "L1 vmwrite", "L1 vmwrite-control", "L1 vmptrld-alternating", "L1 vmclear",
              "L2 cpuid-3r1w", "L2 cpuid-11r3w", "L2 out", "L2 interrupt", "L2 first-touch-l1-maps", "L2 cpuid-other-ept",
              "L2 rdmsr-l0-answers", "L2 first-touch-l0-fills")
LINUX_ROWS = ("L2 cpuid", "L2 rdmsr-trapped", "L2 out-user", "L2 mmio-user", "L2 hlt-user", "L2 mov-cr0", "L2 mov-cr3",
              "L2 xsetbv", "L2 interrupt", "L2 first-touch-l1-maps", "L2 first-touch-l0-fills")
ROWS = {MICRO: MICRO_ROWS, LINUX: LINUX_ROWS}
WHO = {MICRO: "micro's", LINUX: "Linux KVM's"}


@dataclass(frozen=True)
class Value:
    """What is decided, in a word or two, the knobs that make it so, and which L1s show it: `quick_l1s` are booted with
    --quick, too."""

    label: str
    knobs: tuple[str, ...] = ()
    l1s: tuple[str, ...] = (MICRO, LINUX)
    quick_l1s: tuple[str, ...] = (MICRO, LINUX)

    def on(self, l1: str, quick: bool) -> bool:
        return l1 in self.l1s and (not quick or l1 in self.quick_l1s)


@dataclass(frozen=True)
class Ablation:
    """`values`: the usual one first. It needs no knobs, so that its boots are everybody's."""

    values: Sequence[Value]

    @property
    def usual(self) -> Value:
        return self.values[0]

    def boots(self, quick: bool) -> list[Boot]:
        costs = [Boot(l1, value.knobs) for l1 in ROWS for value in self.measured_on(l1, quick)]
        return [*costs, *(compile_boot(value.knobs, quick) for value in self.values)]

    def measured_on(self, l1: str, quick: bool) -> list[Value]:
        """None, where it would be the usual value alone: there is nothing to compare it with."""
        values = [value for value in self.values if value.on(l1, quick)]
        return values if self.usual in values and len(values) > 1 else []

    def evaluate(self, readings: Readings) -> Findings:
        return Findings(self.sentence(readings), self.tables(readings), self.figures(readings))

    def measured(self, readings: Readings) -> list[Measured]:
        found = []
        for l1, rows in ROWS.items():
            values = self.measured_on(l1, readings.quick)
            if values:
                found.append(Measured(f"{WHO[l1]} operations", l1, rows, {
                    value.label: costs(readings, Boot(l1, value.knobs), rows) for value in values}))
        return found

    def compiles(self, readings: Readings) -> dict[str, Work]:
        return {value.label: readings[compile_boot(value.knobs, readings.quick)].work(COMPILE) for value in self.values}

    def tables(self, readings: Readings) -> list[Table]:
        pairs = [(instructions_table(one), counts_table(one)) for one in self.measured(readings)]
        return [*(table for pair in pairs for table in pair if table), *compile_tables(self.compiles(readings))]

    def figures(self, readings: Readings) -> list[Bars]:
        return [*(factors_figure(one) for one in self.measured(readings)), compile_figure(self.compiles(readings))]

    def sentence(self, readings: Readings) -> str:
        compiles = self.compiles(readings)
        told = "; ".join(f"with {' '.join(value.knobs)} {self._operations(value, readings)}, "
                         f"and the compile {self._compile(value, compiles)}" for value in self.values[1:])
        return f"Against the default, {told}."

    def _operations(self, value: Value, readings: Readings) -> str:
        """Of what L2 does: L1's own instructions are parts of that."""
        usual = self.usual.label
        most = greatest(Change(f"{WHO[one.l1]} {row}", one.median(usual, row), one.median(value.label, row))
                        for one in self.measured(readings) if value.label in one.costs
                        for row in one.rows if row.startswith("L2 "))
        if most is None:
            return "every operation of L2 takes just as many instructions"
        return f"an operation of L2 takes up to {in_words(most.times)} ({most.row})"

    def _compile(self, value: Value, compiles: Mapping[str, Work]) -> str:
        times = factor(compiles[self.usual.label].ticks, compiles[value.label].ticks)
        assert times is not None
        return in_words(times)


def costs(readings: Readings, boot: Boot, rows: Sequence[str]) -> dict[str, Cost]:
    """By row, as `L2 cpuid`; one that the boot did not print is an error."""
    return {row: readings[boot].cost(*row.split(" ", 1)) for row in rows}
