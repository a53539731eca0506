"""`./kurma versus`: the exit costs under Kurma and under Linux KVM, on the same processor model, in one go."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import budget, kvm_counts, readme, setups, versions, versus_boots
from .budget import KNOBS, Limit
from .costs import Cost
from .errors import FrontDoorError, Status
from .l0 import L0
from .paths import build_dir, new_run_dir, shown
from .payload import Images
from .platform_bochs import DEFAULT_CPU
from .progress import say
from .run import Result
from .setups import Setup
from .versus import Costs, MissingRow, Row, Verdict, as_markdown, as_text, boot_name, rows_of

HELP = "Kurma beside Linux KVM as L0: what every operation costs, on the same processor model, in one go"
ABOUT = """\
Boots micro, and a Linux KVM that measures its guest, as L1: under Kurma, under Debian's Linux KVM as L0, and alone, on the
same Bochs model. Prints operation, KVM, Kurma, KVM / Kurma, and the budget of experiments/versus/budget.toml; all figures
are of this run. KVM counts neither its exits nor its VMCS accesses: Kurma does, in two more boots with KVM on Kurma.
Status 8 if a row is over its budget."""
EXAMPLES = """\
examples:
  ./kurma versus                        the whole table: twelve boots, two at a time, five to ten minutes
  ./kurma versus --quick                without Linux KVM as L1: five boots, one to two minutes
  ./kurma versus --json versus.json     ... and every cost line of every boot
  ./kurma versus --from versus.json --markdown   the table of that run again, as Markdown
  ./kurma versus --readme               ... and into README.md
  ./kurma versus --from results/experiments --readme   the same of what ./kurma experiment exit-cost has booted
"""
BEGIN, END = "<!-- versus: begin -->", "<!-- versus: end -->"
# Bochs 2.7's models with VMX but without VMCS shadowing.
WITHOUT_SHADOWING = ("core2_penryn_t9600", "corei5_lynnfield_750", "corei5_arrandale_m520", "corei7_sandy_bridge_2600k",
                     "corei7_ivy_bridge_3770k")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cpu", default=DEFAULT_CPU, metavar="MODEL",
                        help=f"processor, by Bochs's model names (default {DEFAULT_CPU})")
    parser.add_argument("--quick", action="store_true", help="micro alone as L1, without Linux KVM")
    parser.add_argument("--jobs", type=int, default=setups.AT_ONCE, metavar="N",
                        help=f"boots at a time (default {setups.AT_ONCE})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="rows, and the cost lines of every boot")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="source",
                        help="take the costs of an earlier run's JSON, or of a directory of `./kurma experiment exit-cost`; "
                             "boots nothing")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md, between its marks")


def command(arguments: argparse.Namespace) -> Status:
    if arguments.jobs < 1:
        raise FrontDoorError(f"--jobs {arguments.jobs}: at least 1")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    if arguments.readme and arguments.quick:
        raise FrontDoorError("--readme needs the whole table: leave --quick away")
    document = _read(arguments.source) if arguments.source else _measured(arguments)
    costs, counts = _measurements_in(document, arguments.source)
    try:
        limits = limits_for(document["cpu"], any(name.startswith("linux-kvm") for name in costs))
        rows = rows_of(limits, costs, counts)
    except MissingRow as error:
        raise FrontDoorError(f"{error}; its console is in the run's directory below results/", Status.TESTS_FAILED) from None
    _tell(arguments, {**document, "rows": [row.as_json() for row in rows]}, rows)
    over = [row for row in rows if row.verdict is Verdict.OVER]
    for row in over:
        say(f"over budget: {row.limit.operation}: {row.kurma:,g}, at most {row.at_most:,g}")
    return Status.DIFFERENT if over else Status.POWER_OFF


def limits_for(cpu: str, with_linux: bool) -> list[Limit]:
    """The budget's rows that this run can fill. Without VMCS shadowing both sides trap, and the budget is not for that."""
    limits = [limit for limit in budget.read() if with_linux or limit.l1 != "linux-kvm"]
    if cpu not in WITHOUT_SHADOWING:
        return limits
    return [replace(limit, kurma="trap", kvm="trap", at_most=None, part_of_kvm=None, aim=None) for limit in limits]


def accesses_of(cpu: str) -> tuple[str, ...]:
    return ("trap",) if cpu in WITHOUT_SHADOWING else budget.ACCESSES


def setups_for(cpu: str, quick: bool) -> list[Setup]:
    """One boot for each L1, L0 and way to a VMCS: the longest first, so that the processors are busy to the end."""
    made = []
    for l1 in ("micro",) if quick else ("linux-kvm", "micro"):
        for l0 in (L0.KVM, L0.KURMA):
            made += [Setup(boot_name(l1, l0.value, access), l1, KNOBS[l0, access], cpu, l0) for access in accesses_of(cpu)]
        made.append(Setup(boot_name(l1, L0.NONE.value), l1, (), cpu, L0.NONE))
    return made


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    boots = setups_for(arguments.cpu, arguments.quick)
    counted = [] if arguments.quick else kvm_counts.setups_for(arguments.cpu, KNOBS[L0.KVM, accesses_of(arguments.cpu)[0]])
    images = setups.images_for([*boots, *counted])
    if arguments.cpu in WITHOUT_SHADOWING:
        say(f"{arguments.cpu} has no VMCS shadowing: both sides go without, and the budget is not for that")
    directory = new_run_dir("versus")
    say(f"{len(boots) + len(counted)} boots, {arguments.jobs} at a time; logs: {shown(directory)}/")
    results = setups.boot([*boots, *counted], images, directory, arguments.jobs)
    costs = {setup.name: setups.costs_of(setup.name, results[setup.name]) for setup in boots}
    counters = {setup.name: _counters(setup.name, results[setup.name]) for setup in counted}
    document = _document(arguments.cpu, boots, costs)
    document["kvm_counts"] = kvm_counts.per_round(counters) if counted else {}
    _write(directory / "versus.json", document)
    return document


def _counters(name: str, result: Result) -> Any:
    try:
        counters = result.l0.counters()
    except ValueError:
        counters = None
    if counters is None:
        raise FrontDoorError(f"{name}: Kurma printed no counters; see {shown(result.directory)}/l0.log", Status.L0_PANIC)
    return counters


def _document(cpu: str, boots: Sequence[Setup], costs: Costs) -> dict[str, Any]:
    """Equal for equal images: nothing of the host's time is in it."""
    images = Images(build_dir("metal"))
    return {
        "what": "what operations cost under Linux KVM and under Kurma as L0, in instructions (one is one tick of Bochs's)",
        "git": versions.git(), "host": versions.host(), "cpu": cpu,
        "l0_packages": versions.guest_packages(images.l0_linux("versions.txt")),
        "boots": {setup.name: {"l1": setup.l1, "l0": setup.l0.value, "knobs": list(setup.knobs),
                               "costs": [cost.as_json() for cost in costs[setup.name]]} for setup in boots},
    }


def _read(path: Path) -> dict[str, Any]:
    if path.is_dir():
        return versus_boots.document(path)
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FrontDoorError(f"--from {path}: {error}") from None
    if not isinstance(document, dict):
        raise FrontDoorError(f"--from {path}: this is no JSON of ./kurma versus")
    return document


def _measurements_in(document: dict[str, Any], source: Path | None) -> tuple[dict[str, list[Cost]], dict[str, float]]:
    try:
        costs = {name: [Cost.from_json(cost) for cost in boot["costs"]] for name, boot in document["boots"].items()}
        return costs, {name: float(value) for name, value in document["kvm_counts"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise FrontDoorError(f"--from {source}: this is no JSON of ./kurma versus ({error!r})") from None


def _tell(arguments: argparse.Namespace, document: dict[str, Any], rows: Sequence[Row]) -> None:
    print(as_markdown(rows) if arguments.markdown else as_text(rows))
    if not arguments.markdown:
        print(f"Median instructions as the guest reads them by RDTSC, or what L0 executed; processor {document['cpu']}.")
    if arguments.json is not None:
        _write(arguments.json, document)
    if arguments.readme:
        readme.write_part(BEGIN, END, as_markdown(rows))
        say(f"wrote the table into {shown(readme.README)}")


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
