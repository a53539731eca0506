"""What Kurma writes down of its turns. See question.md."""

from __future__ import annotations

from harness.ablation import Ablation, Value
from harness.experiment import Experiment

ABLATION = Ablation("what L0 writes down", [
    Value("counters"), Value("off", ("trace=off",)), Value("turns", ("trace=turns",))])

EXPERIMENT = Experiment("What Kurma's own tracing costs", "What do counters, and a record of each turn, cost an exit at each level?", ABLATION.boots, ABLATION.evaluate)
