"""L1's MSR and I/O bitmaps merged once, or at each entry. See question.md."""

from __future__ import annotations

from harness.ablation import Ablation, Value
from harness.experiment import Experiment

ABLATION = Ablation([
    Value("cached"), Value("always", ("bitmap_merge=always",))])

EXPERIMENT = Experiment(
    "What keeping the merged bitmaps saves",
    "What does it cost to merge L1's MSR and I/O bitmaps with L0's at each entry?",
    ABLATION.boots, ABLATION.evaluate)
