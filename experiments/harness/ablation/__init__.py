"""One decision of L0's taken otherwise: what experiments of that kind share, for their `experiment.py`."""

from .ablation import MICRO, MICRO_ROWS, Ablation, Value, costs
from .compile import COMPILE, compile_boot
from .effect import in_words, percent_more
from .tables import Measured, factors_figure, instructions_table

__all__ = ["COMPILE", "MICRO", "MICRO_ROWS", "Ablation", "Measured", "Value", "compile_boot", "costs", "factors_figure",
           "in_words", "instructions_table", "percent_more"]
