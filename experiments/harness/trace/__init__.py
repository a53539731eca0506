"""From the ring of turns that L0 keeps (trace=turns) to something to look at: a timeline, a report, a call tree.

The door for others: `from harness.trace import rounds, turns_of`."""

from .round import Round, rounds
from .turns import Turn, TurnsError, turns_of

__all__ = ["Round", "Turn", "TurnsError", "rounds", "turns_of"]
