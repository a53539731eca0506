"""Sides without machines, that answer as a test says: for what drives and judges them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import Status
from harness.guestlog import GuestLog
from harness.l0 import L0
from harness.l0log import L0Log
from harness.oracle.answers import END
from harness.oracle.setup import Setup
from harness.pair import Pair
from harness.payload import Images
from harness.platform_bochs import Ending, LastWords, Machine
from harness.run import Request, Result, Run

MUTATIONS = 4

# (side, case, the numbers of the mutations applied) -> what the side answers, or None where it dies.
Answer = Callable[[str, int, set[int]], str | None]


def result_of(lines: list[str], status: Status = Status.POWER_OFF, why: str = "why") -> Result:
    return Result(status, why, 1.0, LastWords(Ending.SHUTDOWN_PORT, 1, ""), L0Log(), b"", Path("/nowhere"), lines)


def lines_of(answer: Answer, side: str, words: dict[str, str]) -> tuple[list[str], Status]:
    lines = []
    first, last = (int(words.get(name, hex((1 << MUTATIONS) - 1)), 0) for name in ("mutations", "last-mutations"))
    masks = range(first, last + 1) if "last-mutations" in words else [first]
    for case in range(int(words["first"]), int(words["first"]) + int(words["count"])):
        for mask in masks:
            applied = {number for number in range(MUTATIONS) if mask >> number & 1}
            if "detail" in words:
                lines += [f"random {case}: base 64-bit", *(f"random {case}: mutation {number} x={case}" for number in applied)]
            said = answer(side, case, applied)
            if said is None:
                return lines, Status.L0_PANIC
            lines += [f"random {case}: answer {said}"] if "detail" in words else []
            lines.append(f"random {case} {hash(said):x}")
    return [*lines, END], Status.POWER_OFF


@dataclass
class FakeRun(Run):
    """Ends at its second step, having said everything."""

    lines: list[str] = field(default_factory=list)
    status: Status = Status.POWER_OFF
    why: str = "why"
    stepped: bool = False

    def start(self) -> None:
        self.guest = GuestLog()
        self.console = None  # type: ignore[assignment]

    def step(self) -> None:
        if not self.stepped:
            self.guest.lines, self.stepped = self.lines, True
        else:
            self.result = result_of(self.lines, self.status, self.why)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class FakeSetup(Setup):
    answer: Answer = lambda side, case, mutations: "same"
    boots: list[list[str]] = field(default_factory=list)

    def pair(self, name: str, model: str, words: list[str]) -> Pair:
        self.boots.append(words)
        told = dict(word.split("=", 1) for word in words)
        runs = {}
        for side in ("bare", "kurma"):
            lines, status = lines_of(self.answer, side, told)
            request = Request(f"{name} {side}", None, Machine(model), L0.KURMA if side == "kurma" else L0.NONE, Path("/nowhere"))  # type: ignore
            runs[side] = FakeRun(request, lines=lines, status=status, why="L0 panicked")
        return Pair(name, Machine(model), runs["bare"], runs["kurma"])


def fake_setup(answer: Answer) -> FakeSetup:
    return FakeSetup("conformance", ["m"], [], Images(Path("/nowhere")), Path("/nowhere"), answer=answer)


# (side, model, topic or "" for all) -> lines, status and its words.
Script = Callable[[str, str, str], tuple[list[str], Status, str]]


@dataclass(frozen=True)
class FakeSweep(Setup):
    script: Script = lambda side, model, topic: ([END], Status.POWER_OFF, "off")

    def pair(self, name: str, model: str, words: list[str]) -> Pair:
        topic = dict(word.split("=", 1) for word in words).get("topic", "")
        runs = {}
        for side in ("bare", "kurma"):
            request = Request(f"{name} {side}", None, Machine(model), L0.KURMA if side == "kurma" else L0.NONE, self.directory)  # type: ignore
            lines, status, why = self.script(side, model, topic)
            runs[side] = FakeRun(request, lines=lines, status=status, why=why)
        return Pair(name, Machine(model), runs["bare"], runs["kurma"])
