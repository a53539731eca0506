"""`./kurma model`: counts on Bochs times published cycles of named processors, for each way to a VMCS."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import build, cost_model, event, packages, platform_qemu, setups, versions
from .cost_model import FOLDER, Modelled, Processor, Verdict, model, processors, verdict
from .costs import COUNTS, EVENT, Cost, number
from .errors import FrontDoorError, Status
from .event import Event
from .paths import build_dir, new_run_dir, shown
from .payload import Images
from .platform_qemu import Host
from .progress import say
from .setups import Setup
from .texttable import table

HELP = "modelled cycles: counts of what L0 executes × published costs of named processors"
ABOUT = """\
A MODEL, not a measurement: boots micro with each way to a VMCS (vmcs_access), takes what L0 executed for each operation, and
multiplies it by what others published of a processor's VMX instructions. Shows whether shadow-direct's VMCLEAR and VMLAUNCH
eat what it saves. Each published figure has its source and its certainty: experiments/cost-model/."""
EXAMPLES = """\
examples:
  ./kurma model                                  micro in the three modes; costs of a Haswell
  ./kurma model --cpu-model Broadwell
  ./kurma model --l1 linux-kvm --json model.json Linux KVM as L1: what its L2's exits cost
  ./kurma model results/20260101-000000-demo/costs.json
  ./kurma model --list                           every published figure, its source and certainty
"""
ACCESSES = ("trap", "shadow-copy", "shadow-direct")
DIRECT = "shadow-direct"
DEFAULT_PROCESSOR = "Haswell"
NOT_IN_IT = """\
Not in the model: L0's other instructions, caches and TLBs; that VMCLEAR also writes back what the processor keeps of a VMCS;
that a VMWRITE to a main control or a cleared VMCS makes the next entry repeat its checks (several hundred cycles, says
Linux commit 3af80fec); L1's own VMREADs and VMWRITEs that do not exit."""

Counts = dict[str, float]


@dataclass(frozen=True)
class Column:
    """One way to a VMCS: for each operation, what L0 executed for one of it."""

    name: str
    rows: dict[str, Counts]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("costs", nargs="?", type=Path, metavar="COSTS.json",
                        help="take the counts of this run (of demo, or model --json) instead of booting")
    parser.add_argument("--cpu-model", default=DEFAULT_PROCESSOR, metavar="NAME",
                        help=f"the processor whose costs are taken (default {DEFAULT_PROCESSOR}; --list has the names)")
    parser.add_argument("--l1", choices=sorted(setups.COSTS_CMDLINE), default="micro",
                        help="whose operations (default micro)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="counts and modelled cycles as JSON")
    parser.add_argument("--list", action="store_true", help="the published figures; boots nothing")
    parser.add_argument("--platform", choices=["bochs", "qemu"], default="bochs",
                        help="where to count (bochs); qemu: measured cycles instead of modelled ones, which needs VMX")
    event.add_arguments(parser)


def command(arguments: argparse.Namespace) -> Status:
    known = processors()
    if arguments.list:
        _list(known)
        return Status.POWER_OFF
    if arguments.cpu_model not in known:
        raise FrontDoorError(f"no published costs of {arguments.cpu_model!r}; there are: {', '.join(known)}")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    if arguments.platform == "qemu":
        if arguments.costs:
            raise FrontDoorError("--platform qemu measures, and takes no counts from a file")
        return measure_cycles(ACCESSES, Host(), arguments.json, arguments.l1, event.of_arguments(arguments))
    event.refuse(arguments)
    processor = known[arguments.cpu_model]
    if not processor.prices:
        raise FrontDoorError(f"of {processor.name} nobody's costs are known, so there is nothing to model; "
                             "--list says of which")
    columns = columns_of_file(arguments.costs) if arguments.costs else _booted(arguments.l1)
    print(report(processor, columns))
    for other in known.values():
        for sentence in sentences(other, columns):
            print(sentence)
    print()
    print(NOT_IN_IT, flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document(processor, columns), indent=2) + "\n")
        say(f"the same as JSON: {shown(arguments.json)}")
    return Status.POWER_OFF


def measure_cycles(setup_names: Sequence[str], host: Host, json_file: Path | None, l1: str = "micro",
                   counted: Event | None = None) -> Status:
    """L1 in QEMU with KVM: the guest's RDTSC reads cycles there, so the table has what was measured instead of a model."""
    platform_qemu.require(host)
    packages.ensure(packages.BUILD | packages.QEMU)
    build.images("metal", ["kurma", l1])
    images, directory = Images(build_dir("metal")), new_run_dir("model-qemu")
    found = {access: setups.costs_of(access, platform_qemu.boot(
        Setup(f"{l1}-{access}", l1, (f"vmcs_access={access}", *(counted.boot_words if counted else []))), images,
        directory / access)) for access in setup_names}
    if counted is not None:
        print(f"event: {counted.full_name} in {counted.level.upper()}, of one operation, beside its cycles")
    print(measured_table(host.processor(), found))
    if json_file is not None:
        json_file.write_text(json.dumps({"what": "cycles, measured in QEMU with KVM", "git": versions.git(),
                                         "processor": host.processor(), "runs": [
                                             {"name": access, "costs": [cost.as_json() for cost in costs]}
                                             for access, costs in found.items()]}, indent=2) + "\n")
    return Status.POWER_OFF


def measured_table(processor: str, found: Mapping[str, Sequence[Cost]]) -> str:
    operations = dict.fromkeys(f"{cost.level} {cost.op}" for costs in found.values() for cost in costs)
    of = {access: {f"{cost.level} {cost.op}": cost for cost in costs} for access, costs in found.items()}
    with_event = [access for access, costs in found.items() if any(EVENT in cost.counts for cost in costs)]
    rows = [[operation, *(_ticks(of[access].get(operation)) for access in found),
             *(_event(of[access].get(operation)) for access in with_event)] for operation in operations]
    heading = [f"MEASURED, {processor}, cycles: median (min)", *found, *(f"{access}: event" for access in with_event)]
    return table(heading, rows) + ("\nIn QEMU with KVM: the VMX that Kurma uses there is KVM's, so these are not the "
                                   "processor's own costs.")


def _ticks(cost: Cost | None) -> str:
    return "–" if cost is None else f"{cost.ticks['median']:,} ({cost.ticks['min']:,})"


def _event(cost: Cost | None) -> str:
    value = cost.per_operation(EVENT) if cost else None
    return "–" if value is None else number(round(value, 1))


def _booted(l1: str) -> list[Column]:
    boots = [Setup(f"{l1}-{access}", l1, (f"vmcs_access={access}",)) for access in ACCESSES]
    costs = setups.measure(boots, setups.images_for(boots), new_run_dir("model"))
    return [Column(access, {f"{cost.level} {cost.op}": {count: cost.counts[count] / cost.n for count in COUNTS}
                            for cost in costs[f"{l1}-{access}"] if cost.counts}) for access in ACCESSES]


def columns_of_file(path: Path) -> list[Column]:
    """Every run in the file that has counts."""
    try:
        runs = json.loads(path.read_text())["runs"]
        columns = [Column(run["name"], {f"{cost['level']} {cost['op']}": {count: cost["counts"][count] / cost["n"]
                                                                          for count in COUNTS}
                                        for cost in run["costs"] if cost["counts"]}) for run in runs]
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise FrontDoorError(f"{path} is no costs file of ./kurma demo or model ({type(error).__name__}: {error})") from None
    columns = [column for column in columns if column.rows]
    if not columns:
        raise FrontDoorError(f"{path} has no run with counts: only runs on Kurma have them")
    return columns


def report(processor: Processor, columns: list[Column]) -> str:
    """One row for each operation for which L0 did anything, in any of the columns."""
    operations = dict.fromkeys(row for column in columns for row, counts in column.rows.items() if any(counts.values()))
    cells: list[list[str]] = []
    certainties, missing = set(), set()
    for operation in operations:
        line = [operation]
        for column in columns:
            if not processor.may(column.name) or operation not in column.rows:
                line.append("–")
                continue
            made = model(processor, column.rows[operation])
            if any(column.rows[operation].values()):
                certainties.add(made.certainty)
            missing.update(term.partition(" × ")[2] for term in made.left_out)
            line.append(str(made))
        cells.append(line)
    heading = [f"model: {processor.name}, cycles", *(column.name for column in columns)]
    text = [table(heading, cells), "",
            f"MODEL, not measured: counts on Bochs × published cycles. Weakest term: "
            f"{unverified(cost_model.weakest(certainties))}."]
    if missing:
        text.append(f"≥: without {', '.join(sorted(missing))}, for which nobody's figure is known.")
    if not processor.vmcs_shadowing and any(not processor.may(column.name) for column in columns):
        text.append(f"–: {processor.name} has no VMCS shadowing.")
    return "\n".join(text) + "\n"


def sentences(processor: Processor, columns: list[Column]) -> list[str]:
    """Whether VMCLEAR and VMLAUNCH eat what shadow-direct saves, one sentence for each operation that tells it."""
    by_name = {column.name: column.rows for column in columns}
    if DIRECT not in by_name or not processor.vmcs_shadowing:
        return []
    if not processor.prices:
        return [f"{processor.name}: no model, since nobody's costs of its VMX instructions are known."]
    said = []
    for operation in telling_operations(by_name[DIRECT]):
        for other in ("trap", "shadow-copy"):
            if operation not in by_name.get(other, {}):
                continue
            found = verdict(processor, by_name[DIRECT][operation], by_name[other][operation])
            said.append(f"{processor.name}, {operation}, against {other}: {_sentence(found)}")
    return said


def telling_operations(rows: dict[str, Counts]) -> list[str]:
    """Those at which VMREAD and VMWRITE of L1 are most of the difference, and the plainest of Linux's."""
    return [row for row in ("L2 cpuid-3r1w", "L2 cpuid-11r3w", "L2 cpuid") if row in rows]


def _sentence(found: Verdict | None) -> str:
    if found is None:
        return "no model, since a cost that it needs is not known."
    eaten = ("they eat its saving" if found.net.low > 0 else "they do not eat its saving" if found.net.high < 0 else
             "whether they eat its saving is not decided")
    limit = "" if found.break_even is None or found.break_even <= 0 else (
        f"; break-even where these cost {found.break_even:.1f} times the published cycles")
    return (f"VMCLEAR, VMPTRLD and VMLAUNCH cost shadow-direct {found.spends} model cycles more, the rest {found.saves} "
            f"less: {eaten} (net {found.net}{limit}; {unverified(found.certainty)}).")


def unverified(certainty: str) -> str:
    """The certainty, with the word that papers/README.md asks for where nobody has looked it up."""
    return f"{certainty}, unverified" if certainty == "from memory" else certainty


def document(processor: Processor, columns: list[Column]) -> dict[str, object]:
    """Runs as in demo's JSON, so that --json can be read again, with the modelled cycles beside them."""
    def cost(operation: str, counts: Counts, column: str) -> dict[str, object]:
        level, _, op = operation.partition(" ")
        made: Modelled | None = model(processor, counts) if processor.may(column) else None
        return {"level": level, "op": op, "n": 1, "counts": counts,
                "model": made and {"low": made.cycles.low, "high": made.cycles.high, "certainty": made.certainty,
                                   "left_out": list(made.left_out)}}
    return {"what": "MODEL: counts on Bochs × published cycles; nothing here was measured in cycles", "git": versions.git(),
            "processor": processor.name, "costs_from": str(shown(FOLDER / "costs.csv")),
            "runs": [{"name": column.name, "costs": [cost(operation, counts, column.name)
                                                     for operation, counts in column.rows.items()]} for column in columns]}


def _list(known: dict[str, Processor]) -> None:
    rows = [[figure.processor, figure.operation, "" if figure.cycles is None else f"{figure.cycles:g}",
             figure.certainty + ("" if figure.used or figure.cycles is None else " (not used)"),
             f"{figure.source}: {figure.where}" if figure.source else ""]
            for figure in cost_model.figures() if figure.processor in known]
    print(table(["processor", "operation", "cycles", "certainty", "source"], rows, left=5))
