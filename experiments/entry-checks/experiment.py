"""The VM-entry checks made again for what changed, all of them, or by the processor. See question.md."""

from __future__ import annotations

from harness.ablation import MICRO, Ablation, Value
from harness.experiment import Experiment

ABLATION = Ablation([
    Value("changed"), Value("all", ("entry_checks=all",)),
    Value("hardware", ("entry_checks=hardware",), quick_l1s=(MICRO,))])

EXPERIMENT = Experiment(
    "What the VM-entry checks cost",
    "What does it cost to check all of what L1 enters with at each entry, and what does the processor spare?",
    ABLATION.boots, ABLATION.evaluate)
