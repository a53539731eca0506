"""What an experiment is made of. `experiments/NAME/experiment.py` imports from here and defines EXPERIMENT."""

from .findings import Bars, Beside, Column, Findings, Lines, Series, Table
from .matrix import Boot, Experiment
from .readings import Reading, Readings

__all__ = ["Bars", "Beside", "Boot", "Column", "Experiment", "Findings", "Lines", "Reading", "Readings", "Series", "Table"]
