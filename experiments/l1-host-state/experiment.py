"""L1's host state written at each exit to L1, or what changed. See question.md."""

from __future__ import annotations

from harness.ablation import Ablation, Value
from harness.experiment import Experiment

ABLATION = Ablation([
    Value("changed"), Value("always", ("host_state=always",))])

EXPERIMENT = Experiment(
    "What not writing L1's host state again saves",
    "What does it cost to load all of L1's host state at each exit that reaches L1?",
    ABLATION.boots, ABLATION.evaluate)
