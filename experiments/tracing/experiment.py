"""What Kurma writes down of its turns. See question.md."""

from __future__ import annotations

from dataclasses import replace

from harness.ablation import MICRO, Ablation, Measured, Value
from harness.experiment import Bars, Column, Experiment, Findings, Readings, Series, Table
from harness.experiment.findings import Cell

OFF, COUNTERS, TURNS = "off", "counters", "turns"
ABLATION = Ablation([
    Value(COUNTERS), Value(OFF, ("trace=off",), quick_l1s=(MICRO,)), Value(TURNS, ("trace=turns",))])
LEVELS = {"an exit of L1": "L1 cpuid", "an exit of L2 that L0 answers": "L2 rdmsr-l0-answers",
          "an exit of L2 that reaches L1": "L2 cpuid-3r1w"}


def turns_of(micro: Measured, row: str) -> float:
    """Turns of L0 that one operation takes: each begins with an exit."""
    exits = micro.count(OFF, row, "exits")
    assert exits, f"{row} is a row that exits"
    return exits


def added(micro: Measured, label: str, row: str) -> float:
    """Instructions that tracing adds to one turn."""
    return (micro.median(label, row) - micro.median(OFF, row)) / turns_of(micro, row)


def levels_table(micro: Measured) -> Table:
    columns = [Column("level"), Column("operation"), Column("turns of L0"),
               *(Column(label, "instructions") for label in (OFF, COUNTERS, TURNS)),
               *(Column(f"+ {label}", "instructions") for label in (COUNTERS, TURNS)),
               *(Column(f"VMREAD, {label}") for label in (OFF, TURNS))]
    rows: list[list[Cell]] = []
    for level, row in LEVELS.items():
        turns = turns_of(micro, row)
        rows.append([level, row, turns, *(micro.median(label, row) for label in (OFF, COUNTERS, TURNS)),
                     *(added(micro, label, row) for label in (COUNTERS, TURNS)),
                     *((micro.count(label, row, "vmread") or 0) / turns for label in (OFF, TURNS))])
    return Table(f"by level; +: one turn more than {OFF}; VMREAD: of one turn, as L0 counts them", columns, rows)


def levels_figure(micro: Measured) -> Bars:
    return Bars("turn", "what tracing adds to one turn of L0", f"instructions more than {OFF}", list(LEVELS), [
        Series(label, [added(micro, label, row) for row in LEVELS.values()]) for label in (COUNTERS, TURNS)])


def evaluate(readings: Readings) -> Findings:
    found, micro = ABLATION.evaluate(readings), ABLATION.measured(readings)[0]
    told = ", ".join(f"{added(micro, COUNTERS, row):.0f} and {added(micro, TURNS, row):.0f} for {level}"
                     for level, row in LEVELS.items())
    sentence = f"{found.sentence.removesuffix('.')}; counters and the record add to one turn of L0, in instructions: {told}."
    return replace(found, sentence=sentence, tables=[levels_table(micro), *found.tables],
                   figures=[levels_figure(micro), *found.figures])


EXPERIMENT = Experiment(
    "What Kurma's own tracing costs", "What do counters, and a record of each turn, cost an exit at each level?",
    ABLATION.boots, evaluate)
