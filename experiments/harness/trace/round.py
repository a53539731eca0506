"""Rounds: an exit of L2 that reached L1, with every exit of L1's until L2 ran again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from .turns import Turn


@dataclass(frozen=True)
class Round:
    """`exit` is L2's, `l1_exits` those that it caused; the last of them is L1's VMRESUME or VMLAUNCH."""

    exit: Turn
    l1_exits: tuple[Turn, ...]

    @property
    def number(self) -> int:
        return self.exit.round

    @property
    def reason(self) -> str:
        return self.exit.reason

    @property
    def event(self) -> str:
        return self.exit.event

    @property
    def turns(self) -> tuple[Turn, ...]:
        return (self.exit, *self.l1_exits)

    @property
    def instructions(self) -> int:
        """From L2's exit until L2 ran again, in L0 and in L1, without those that the records took."""
        return self.l0_instructions + self.l1_instructions

    @property
    def l0_instructions(self) -> int:
        return sum(turn.cost for turn in self.turns)

    @property
    def l1_gaps(self) -> list[int]:
        """Instructions in L1 before each of its exits. L0's saving and loading of registers around them is among these."""
        return [after.begin - before.end for before, after in pairwise(self.turns)]

    @property
    def l1_instructions(self) -> int:
        return sum(self.l1_gaps)

    @property
    def vmread(self) -> int:
        """VMREADs that L0 executed; L1's own through VMCS shadowing are seen by nobody."""
        return sum(turn.vmread for turn in self.turns)

    @property
    def vmwrite(self) -> int:
        return sum(turn.vmwrite for turn in self.turns)


def rounds(turns: Iterable[Turn]) -> list[Round]:
    """The whole rounds, oldest first: those of which the ring has the beginning and the end."""
    found: list[Round] = []
    begin: Turn | None = None
    caused: list[Turn] = []
    for turn in turns:
        if turn.level_before == 2:
            begin, caused = (turn if turn.begins_round else None), []
        elif begin is not None:
            caused.append(turn)
            if turn.level_after == 2:
                found.append(Round(begin, tuple(caused)))
                begin = None
    return found
