"""One decision of L0's taken otherwise: what experiments of that kind share. `experiments/NAME/experiment.py` imports from here."""

from .ablation import LINUX, LINUX_ROWS, MICRO, MICRO_ROWS, Ablation, Value, costs
from .compile import compile_boot, compile_of
from .effect import factor, in_words, percent_more
from .tables import Measured, factors_figure, instructions_table

__all__ = ["LINUX", "LINUX_ROWS", "MICRO", "MICRO_ROWS", "Ablation", "Measured", "Value", "compile_boot", "compile_of", "costs", "factor",
           "factors_figure", "in_words", "instructions_table", "percent_more"]
