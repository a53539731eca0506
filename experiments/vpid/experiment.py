"""L2's translations kept by a VPID, or flushed. See question.md."""

from __future__ import annotations

from harness.ablation import Ablation, Value
from harness.experiment import Experiment

ABLATION = Ablation([
    Value("own VPID"), Value("flushed", ("vpid_l2=flush",)), Value("no VPID for L1", ("offer.vpid=off",))])

EXPERIMENT = Experiment(
    "What VPIDs save",
    "What does it cost if L2 has no VPID of its own, or if L1 has none to give?",
    ABLATION.boots, ABLATION.evaluate)
