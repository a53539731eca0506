"""Call trees: one exit of L2 and all that it caused, and what each kind of exit of L2 causes on average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from . import names
from .round import Round
from .turns import Turn

LABEL_WIDTH = 44


def one(each: Round) -> str:
    """Every exit of one round, in order, with its cost and the reason for it."""
    exit = each.exit
    lines = [f"round {each.number}: {exit.label} of L2 at rip {exit.rip:#x}, {_further(len(each.l1_exits))}, "
             f"{each.instructions} instructions until L2 ran again",
             "", f"{'':{LABEL_WIDTH}} {'L0':>7} {'VMREAD':>7} {'VMWRITE':>8}  room: why", _line("", "L2 ", exit)]
    for number, (turn, gap) in enumerate(zip(each.l1_exits, each.l1_gaps), 1):
        last = number == len(each.l1_exits)
        lines.append(f"│   L1 runs {gap} instructions")
        lines.append(_line("└─ " if last else "├─ ", "L1 ", turn))
    lines += [f"{'    sum of L0':{LABEL_WIDTH}} {each.l0_instructions:7} {each.vmread:7} {each.vmwrite:8}  "
              f"and L1 {each.l1_instructions}", ""]
    return "\n".join(lines)


def _line(branch: str, level: str, turn: Turn) -> str:
    return (f"{branch + level + turn.label:{LABEL_WIDTH}} {turn.cost:7} {turn.vmread:7} {turn.vmwrite:8}  "
            f"{turn.room}: {names.meaning(turn.why)}")


def _further(count: int) -> str:
    return "1 further exit" if count == 1 else f"{count} further exits"


@dataclass(frozen=True)
class Caused:
    """A kind of exit of L1's within rounds of one kind: an event, and what it was about."""

    label: str
    per_round: float
    cost: float
    place: float   # Where in the round, on average: the order of the lines.
    why: str


def caused_by(group: Sequence[Round]) -> list[Caused]:
    kinds: dict[tuple[str, str], list[tuple[int, Turn]]] = {}
    for each in group:
        for place, turn in enumerate(each.l1_exits):
            kinds.setdefault((_kind(turn), turn.why), []).append((place, turn))
    found = [Caused(label, len(turns) / len(group), mean(turn.cost for _, turn in turns),
                    mean(place for place, _ in turns), why) for (label, why), turns in kinds.items()]
    return sorted(found, key=lambda caused: (caused.place, caused.label))


def _kind(turn: Turn) -> str:
    """EPT's exits are one kind, whatever the address."""
    return turn.event if turn.reason.startswith("ept_") else turn.label


def by_event(all_rounds: Sequence[Round]) -> list[list[Round]]:
    """A group for each kind of exit of L2, the most frequent first."""
    groups: dict[str, list[Round]] = {}
    for each in all_rounds:
        groups.setdefault(each.event, []).append(each)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].event))


def by_reason(all_rounds: Sequence[Round]) -> str:
    """For each kind of exit of L2: how often, what a round takes, and the exits of L1 that it causes on average."""
    if not all_rounds:
        return "No whole round among these turns: no exit of L2 reached L1 and came back.\n"
    lines: list[str] = []
    for group in by_event(all_rounds):
        further, total = mean(len(each.l1_exits) for each in group), mean(each.instructions for each in group)
        many = "1 round" if len(group) == 1 else f"{len(group)} rounds"
        lines += [f"{100 * len(group) / len(all_rounds):6.2f}%  L2 {group[0].event}: {many}, mean {total:.1f} instructions "
                  f"(L0 {mean(each.l0_instructions for each in group):.1f}, "
                  f"L1 {mean(each.l1_instructions for each in group):.1f}), further exits {further:.2f}"]
        caused = caused_by(group)
        for kind in caused:
            branch = "└─" if kind is caused[-1] else "├─"
            lines.append(f"         {branch} {kind.per_round:7.2f} x L1 {kind.label}  {kind.cost:.1f} each  "
                         f"({names.meaning(kind.why)})")
        lines.append("")
    return "\n".join(lines)


def typical(all_rounds: Sequence[Round]) -> list[Round]:
    """Of each kind of exit of L2 the round that takes the median of instructions; the most frequent kind first."""
    return [sorted(group, key=lambda each: (each.instructions, each.number))[(len(group) - 1) // 2]
            for group in by_event(all_rounds)]
