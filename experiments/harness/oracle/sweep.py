"""Every case once: the sweep of conformance, both ways, on each processor model; its verdict, table and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .. import versions
from ..errors import Status
from ..pair import SIDES, Pair, worst
from ..paths import shown
from ..progress import Ticker, say
from ..run import Result, Run, drive
from ..texttable import table
from .answers import Answers, Comparison, Difference, compare, read, topic_of
from .differences import DifferenceList
from .setup import AT_ONCE, GUEST, Setup
from .show import Shown, show_differences

DEFAULT_MODELS = ["corei7_skylake_x", "corei7_haswell_4770", "corei7_sandy_bridge_2600k", "corei5_arrandale_m520"]
HEADING = ["processor", "cases", "equal", "deliberate", "unexplained", "not reached"]


@dataclass
class Side:
    """One side's answers on one model, from one boot or, where topics were named, from one boot for each."""

    name: str
    results: list[Result]
    answers: Answers

    def problems(self) -> list[tuple[Status, str]]:
        """Why this side is no base for a comparison; none for a side that came to its end."""
        found = []
        for result in self.results:
            if result.status is not Status.POWER_OFF:
                last = read(result.guest).last
                where = f", after case {last}" if last else ""
                found.append((result.status, f"{SIDES[self.name]}: {result.why}{where}; see {shown(result.directory)}/"))
        if not found and not self.answers.complete:
            found.append((Status.TESTS_FAILED, f"{SIDES[self.name]}: no end mark; the last case is {self.answers.last}; "
                                               f"see {shown(self.results[-1].directory)}/guest.log"))
        return found + [(Status.TESTS_FAILED, f"{SIDES[self.name]}: {what}") for what in self.answers.wrong]


@dataclass
class ModelReport:
    """What came out on one processor model."""

    model: str
    bare: Side
    kurma: Side
    comparison: Comparison
    reasons: dict[str, str]   # Of the deliberate differences, by case.

    @property
    def unexplained(self) -> list[Difference]:
        return [difference for difference in self.comparison.differences if difference.case not in self.reasons]

    def problems(self) -> list[tuple[Status, str]]:
        return [(status, f"{self.model}: {what}") for side in (self.bare, self.kurma) for status, what in side.problems()]

    def row(self) -> list[str]:
        counts = (self.comparison.cases, self.comparison.equal, len(self.reasons), len(self.unexplained),
                  len(self.comparison.unanswered))
        return [self.model, *(f"{count:,}" for count in counts)]

    def as_json(self) -> dict[str, object]:
        return {
            "cpu": self.model, "cases": self.comparison.cases, "equal": self.comparison.equal,
            "deliberate": len(self.reasons), "unexplained": len(self.unexplained),
            "not_reached": len(self.comparison.unanswered), "problems": [what for _, what in self.problems()],
            "sides": {side.name: [{"status": int(result.status), "why": result.why, "last_tick": result.words.tick}
                                  for result in side.results] for side in (self.bare, self.kurma)},
            "differences": [{"case": difference.case, "bare": difference.bare, "kurma": difference.kurma,
                             "reason": self.reasons.get(difference.case)} for difference in self.comparison.differences],
        }


def run(setup: Setup, topics: list[str], differences: DifferenceList, json_file: Path | None) -> Status:
    pairs = {model: [_pair(setup, model, topic) for topic in topics or [""]] for model in setup.models}
    everyone = [pair for of_model in pairs.values() for pair in of_model]
    _drive([pair.run_of(side) for side in ("kurma", "bare") for pair in everyone])   # The longer ones first.
    if not topics:
        _go_on_behind_ends(setup, pairs)
    reports = [judge(model, pairs[model], differences) for model in setup.models]
    problems = [problem for report in reports for problem in report.problems()]
    if not problems and is_full(setup, topics):
        problems += [(Status.TESTS_FAILED, f"differences.toml: no case of the full run needs the entry "
                                           f"{', '.join(entry.cases)} ({entry.reason}): delete it")
                     for entry in differences.unused()]
    print(table(HEADING, [report.row() for report in reports]))
    show_differences([Shown(report.model, difference) for report in reports for difference in report.unexplained],
                     setup.directory / "unexplained.txt")
    _write_json(reports, problems, [path for path in (setup.directory / "oracle.json", json_file) if path])
    for _, what in problems:
        say(what)
    say(f"raw logs and oracle.json: {shown(setup.directory)}/")
    different = [Status.DIFFERENT] if any(report.unexplained for report in reports) else []
    return worst([*(status for status, _ in problems), *different])


def is_full(setup: Setup, topics: list[str]) -> bool:
    """Whether an entry of the list that this run did not use is an entry that nothing uses."""
    return not topics and not setup.knobs and setup.program == GUEST and set(DEFAULT_MODELS) <= set(setup.models)


def judge(model: str, pairs: list[Pair], differences: DifferenceList) -> ModelReport:
    sides = {name: _side(name, [pair.results[name] for pair in pairs if name in pair.results]) for name in SIDES}
    comparison = compare(sides["bare"].answers, sides["kurma"].answers)
    reasons = {difference.case: reason for difference in comparison.differences
               if (reason := differences.reason(model, difference)) is not None}
    return ModelReport(model, sides["bare"], sides["kurma"], comparison, reasons)


def _side(name: str, results: list[Result]) -> Side:
    """Several boots' answers as one: complete if each is, and no case twice."""
    whole = Answers(complete=True)
    for result in results:
        part = read(result.guest)
        whole.complete = whole.complete and part.complete
        whole.wrong += part.wrong + [f"case {case} twice" for case in part.by_case if case in whole.by_case]
        whole.by_case |= part.by_case
    return Side(name, results, whole)


def _pair(setup: Setup, model: str, topic: str) -> Pair:
    return setup.pair(f"{model}-{topic}" if topic else model, model, [f"topic={topic}"] if topic else [])


def unreached_topics(side: Answers, other: Answers) -> list[str]:
    """Topics that a side which did not come to its end has not begun; the other side tells which there are."""
    if side.complete:
        return []
    begun = {topic_of(case) for case in side.by_case}
    return [topic for topic in dict.fromkeys(map(topic_of, other.by_case)) if topic not in begun]


def _go_on_behind_ends(setup: Setup, pairs: dict[str, list[Pair]]) -> None:
    """One defect that ends a side must not hide what the topics behind it have to say: they get boots of their own."""
    more = list[Run]()
    for model, (whole,) in pairs.copy().items():
        answers = {side: read(whole.results[side].guest) for side in SIDES}
        for side, other in (("bare", "kurma"), ("kurma", "bare")):
            if whole.results[side].status in (Status.REFUSED, Status.USAGE):
                continue
            for topic in unreached_topics(answers[side], answers[other]):
                pairs[model].append(_pair(setup, model, topic))
                more.append(pairs[model][-1].run_of(side))
    if more:
        say("the topics behind an end are run by themselves")
        _drive(more)


def _drive(runs: list[Run]) -> None:
    ticker, told = Ticker(), set[str]()

    def each_round(active: list[Run]) -> None:
        for run in runs:
            if run.result is not None and run.request.name not in told:
                told.add(run.request.name)
                ticker.quiet()
                end = "" if run.result.status is Status.POWER_OFF else f"; {run.result.why}"
                say(f"{len(told)} of {len(runs)}: {run.request.name}: {len(run.guest.lines):,} lines "
                    f"in {run.result.seconds:.1f} s{end}")
        ticker.tick("; ".join(f"{run.request.name}: {len(run.guest.lines):,} lines" for run in active))

    say(f"{len(runs)} boot{'s' if len(runs) > 1 else ''}, {AT_ONCE} at a time")
    drive(runs, AT_ONCE, each_round)
    ticker.quiet()


def _write_json(reports: list[ModelReport], problems: list[tuple[Status, str]], paths: list[Path]) -> None:
    document = {
        "what": "answers of conformance: the bare platform (Bochs) against Kurma on it",
        "git": versions.git(), "host": versions.host(), "problems": [what for _, what in problems],
        "models": [report.as_json() for report in reports],
    }
    for path in paths:
        path.write_text(json.dumps(document, indent=2) + "\n")
