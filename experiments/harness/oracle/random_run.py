"""`./kurma oracle --random`: the verdict, the table, and minimal cases that reproduce."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from .. import versions
from ..errors import Status
from ..pair import SIDES, worst
from ..paths import shown
from ..progress import say
from ..texttable import table
from . import campaign
from .answers import Difference
from .campaign import Outcome, Plan
from .differences import DifferenceList
from .explain import Explainer, Minimal
from .setup import Setup
from .show import WIDTH
from .telling import Told, alike, short_answers

HEADING = ["processor", "cases", "equal", "deliberate", "unexplained", "a side ended", "not run"]
TOLD_AT_MOST = 40          # Mismatches that are told in detail,
TOLD_FOR_THE_LIST = 2000   # or so many, where the list says that random cases may differ.
ENDS_MINIMISED, MINIMISED = 3, 5   # Kinds.
ENDS_SHOWN, OTHER_KINDS_SHOWN, LIKE_IT_SHOWN = 5, 10, 4


@dataclass
class Report:
    """One model's outcome, with those mismatches told that could be."""

    outcome: Outcome
    plan: Plan
    told: list[Told] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)     # Of deliberate differences, by case.
    minimal: list[tuple[Minimal, list[int]]] = field(default_factory=list)   # With the cases that are like it.
    other_kinds: list[list[Told]] = field(default_factory=list)

    @property
    def unexplained(self) -> int:
        return len(self.outcome.mismatches) - len(self.reasons)

    def row(self) -> list[str]:
        outcome = self.outcome
        counts = (self.plan.count, outcome.compared - len(outcome.mismatches), len(self.reasons), self.unexplained,
                  self.ended, self.plan.count - outcome.compared - self.ended)
        return [outcome.model, *(f"{count:,}" for count in counts)]

    @property
    def ended(self) -> int:
        """Cases at which a side ended, or both did."""
        return len({accident.case for accident in self.outcome.accidents})

    def statuses(self) -> list[Status]:
        return [*(accident.status for accident in self.outcome.accidents), *(s for s, _ in self.outcome.problems),
                *([Status.DIFFERENT] if self.unexplained else []),
                *([Status.TESTS_FAILED] if self.outcome.compared + self.ended < self.plan.count else [])]

    def as_json(self) -> dict[str, object]:
        outcome = self.outcome
        return {
            "cpu": outcome.model, "seed": self.plan.seed, "first": self.plan.first, "cases": self.plan.count,
            "compared": outcome.compared, "equal": outcome.compared - len(outcome.mismatches),
            "deliberate": len(self.reasons), "unexplained": self.unexplained,
            "mismatches": outcome.mismatches, "problems": [what for _, what in outcome.problems],
            "ended": [{"case": a.case, "side": a.side, "status": int(a.status), "why": a.why, "logs": a.directory}
                      for a in outcome.accidents],
            "told": [_told_json(one, self.reasons.get(one.case)) for one in self.told],
            "minimal": [{**_told_json(one.told, None), "mask": one.mask, "behind": one.behind, "like_it": cases}
                        for one, cases in self.minimal],
        }


def _told_json(told: Told, reason: str | None) -> dict[str, object]:
    return {"case": told.case, "base": told.base,
            "mutations": {str(number): what for number, what in told.mutations.items()},
            "bare": told.difference.bare, "kurma": told.difference.kurma, "reason": reason}


def run(setup: Setup, plan: Plan, differences: DifferenceList, json_file: Path | None) -> Status:
    reports = []
    for model in setup.models:
        say(f"{model}: {plan.count:,} random cases of seed {plan.seed}, the bare platform and Kurma side by side")
        report = Report(campaign.run(setup, plan, model), plan)
        explain(report, Explainer(setup, plan, model), differences)
        reports.append(report)
    print(table(HEADING, [report.row() for report in reports]))
    for report in reports:
        _show(report, setup)
    _write(reports, [path for path in (setup.directory / "random.json", json_file) if path])
    say(f"raw logs and random.json: {shown(setup.directory)}/")
    return worst([status for report in reports for status in report.statuses()])


def explain(report: Report, explainer: Explainer, differences: DifferenceList) -> None:
    """Tells mismatches in detail, finds those that are deliberate, and minimises one of each kind of the others."""
    outcome, model = report.outcome, report.outcome.model
    limit = TOLD_FOR_THE_LIST if differences.knows_random_cases() else TOLD_AT_MOST

    def counts(difference: Difference) -> bool:
        return differences.reason(model, difference) is None

    ends: dict[str, list[int]] = {}
    for accident in outcome.accidents:
        ends.setdefault(f"{accident.side} {accident.why}", []).append(accident.case)
    like_ends = {cases[0]: cases[1:] for cases in sorted(ends.values())[:ENDS_MINIMISED]}
    report.told = explainer.tell(outcome.mismatches[:limit], [accident.case for accident in outcome.accidents])
    report.reasons = {one.case: reason for one in report.told if one.differs
                      and (reason := differences.reason(model, one.difference)) is not None}
    groups = alike([one for one in report.told if one.case not in report.reasons])
    first = [*explainer.tell(like_ends, like_ends), *(group[0] for group in groups[:MINIMISED])]
    like_it = [*like_ends.values(), *([one.case for one in group[1:]] for group in groups[:MINIMISED])]
    report.minimal = list(zip(explainer.minimal(first, counts), like_it))
    report.other_kinds = groups[MINIMISED:]


def run_case(setup: Setup, plan: Plan, mask: int | None, differences: DifferenceList) -> Status:
    """One case, told and minimised; with a mask, just told with those of its mutations."""
    statuses = []
    for model in setup.models:
        explainer = Explainer(setup, plan, model)

        def counts(difference: Difference, model: str = model) -> bool:
            return differences.reason(model, difference) is None

        told = (explainer.tell([plan.first]) if mask is None else explainer.tell_masked([(plan.first, mask)]))[0]
        unexplained = told.differs and counts(told.difference)
        kept = [number for number in told.mutations if mask is None or mask >> number & 1]
        print("\n".join(_told_lines(told, kept, whole=True)))
        reason = differences.reason(model, told.difference) if told.differs else None
        print("    equal" if not told.differs else f"    deliberate: {reason}" if reason else "    they differ", flush=True)
        if unexplained and mask is None:
            _show_minimal(explainer.minimal([told], counts)[0], [], _command(setup, plan, model))
        statuses.append(Status.DIFFERENT if unexplained else Status.POWER_OFF if told.answered else Status.TESTS_FAILED)
    say(f"raw logs: {shown(setup.directory)}/")
    return worst(statuses)


def _show(report: Report, setup: Setup) -> None:
    command = _command(setup, report.plan, report.outcome.model)
    for accident in report.outcome.accidents[:ENDS_SHOWN]:
        print(f"case {accident.case}: {SIDES[accident.side]}: {accident.why} (status {int(accident.status)}); "
              f"{accident.directory}/")
    if len(report.outcome.accidents) > ENDS_SHOWN:
        print(f"... and {len(report.outcome.accidents) - ENDS_SHOWN} more such ends")
    for minimal, like_it in report.minimal:
        _show_minimal(minimal, like_it, command)
    if report.other_kinds:
        print(f"\n{len(report.other_kinds)} more kinds, not cut down:")
    for kind in report.other_kinds[:OTHER_KINDS_SHOWN]:
        print("\n".join(_told_lines(kind[0], [], _like_it([one.case for one in kind[1:]]))))
    untold = len(report.outcome.mismatches) - len(report.told)
    if untold > 0:
        print(f"\n{untold:,} more cases differ and were not told in detail: random.json has their numbers")
    for _, what in report.outcome.problems:
        say(f"{report.outcome.model}: {what}")


def _like_it(cases: list[int]) -> str:
    some = ", ".join(str(case) for case in cases[:LIKE_IT_SHOWN])
    return f"  ({len(cases):,} like it: {some}{', …' if len(cases) > LIKE_IT_SHOWN else ''})" if cases else ""


def _show_minimal(minimal: Minimal, like_it: list[int], command: str) -> None:
    told, mask = minimal.told, minimal.mask
    kept = [number for number in told.mutations if mask is None or mask >> number & 1]
    print("\n" + "\n".join(_told_lines(told, kept, _like_it(like_it))))
    if mask is not None:
        print(f"    {command} --case {told.case} --mutations {mask:#x}", flush=True)
    elif minimal.behind is None:
        print("    run alone the sides do not differ, nor behind some cases before it: what ran long before it matters",
              flush=True)
    else:
        print(f"    run alone the sides do not differ: what ran before it matters\n"
              f"    {command} --first {told.case - minimal.behind} --cases {minimal.behind + 1}", flush=True)


def _told_lines(told: Told, mutations: list[int], behind: str = "", whole: bool = False) -> list[str]:
    bare, kurma = (told.difference.bare, told.difference.kurma) if whole else short_answers(told)
    return [f"{told.difference.case}: {told.base}{behind}",
            *(f"    mutation {number}: {told.mutations[number]}" for number in mutations),
            f"    {'bare':{WIDTH}}  {bare}", f"    {'Kurma':{WIDTH}}  {kurma}", *(f"    L0: {line}" for line in told.l0)]


def _command(setup: Setup, plan: Plan, model: str) -> str:
    return " ".join(["./kurma oracle --random", f"--seed {plan.seed}", f"--cpu {model}", *setup.reproduce])


def _write(reports: list[Report], paths: list[Path]) -> None:
    document = {"what": "random VM entries: the bare platform (Bochs) against Kurma on it", "git": versions.git(),
                "host": versions.host(), "models": [report.as_json() for report in reports]}
    for path in paths:
        path.write_text(json.dumps(document, indent=2) + "\n")
