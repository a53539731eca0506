"""`./kurma experiment`: runs experiments, or says whether they would say the same again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import FrontDoorError, Status
from ..pair import worst
from ..paths import RESULTS, new_run_dir, shown
from ..platform_qemu import BOCHS, QEMU
from ..progress import say
from ..readme import write_part
from ..texttable import table
from . import catalogue, platform, readme, results
from .matrix import Boot, Experiment
from .readings import Readings
from .runner import Outcome, run_boots
from .store import Store
from .text import as_text

HELP = "reproduce a measurement of the papers, or of Kurma's own decisions: figures, tables, one sentence"
ABOUT = """\
Each experiment is a folder of experiments/: its question, the machines that it boots, what it makes of them. Without a
name: lists them. Boots that several experiments want are booted once; what a boot said stays below OUT/boots, and
--resume takes it from there where it was made of the same images. OUT/NAME/result.json has tables, figures, versions and
the configuration of every boot, OUT/NAME/result.txt is for reading, and ./kurma report draws all of it. On Bochs a tick is
an instruction, and a run repeats to the last one; with --platform qemu the tables have cycles, measured on KVM's VMX."""
EXAMPLES = """\
examples:
  ./kurma experiment                             what there is
  ./kurma experiment exit-cost --quick           one, with fewer boots
  ./kurma experiment all --quick                 all of them, in half an hour on two processors
  ./kurma experiment all --quick --resume        goes on where that was stopped
  ./kurma experiment all --verify results/experiments   runs all of these again: are they equal to the last instruction?
  ./kurma experiment exit-cost --platform qemu   the same tables in cycles, where this machine has VMX with nesting
  ./kurma experiment vpid --platform qemu --event DTLB_LOAD_MISSES:WALK_COMPLETED --event-level l2
"""
DEFAULT_OUTS = {BOCHS: RESULTS / "experiments", QEMU: RESULTS / "experiments-qemu"}
DIFFERENCES_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="an experiment's name, or several, or `all`; without: list them")
    parser.add_argument("--quick", action="store_true", help="fewer boots and shorter workloads")
    parser.add_argument("--resume", action="store_true",
                        help="keep the boots that are there, if they are of the same images")
    parser.add_argument("--jobs", type=int, metavar="N",
                        help="boots at a time, each a process of one thread and 1 to 2 GiB (default: a processor each; with "
                             "--platform qemu one after the other)")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help=f"where boots and results go (default {shown(DEFAULT_OUTS[BOCHS])}, with --platform qemu "
                             f"{shown(DEFAULT_OUTS[QEMU])})")
    parser.add_argument("--readme", action="store_true",
                        help="write the findings into README.md, between its marks; needs `all`")
    parser.add_argument("--verify", type=Path, metavar="DIR",
                        help="run again what DIR has, as quick as it was, and compare; status 8 if anything differs")
    platform.add_arguments(parser)


def command(arguments: argparse.Namespace) -> Status:
    if not arguments.names:
        _list()
        return Status.POWER_OFF
    if arguments.jobs is not None and arguments.jobs < 1:
        raise FrontDoorError(f"--jobs {arguments.jobs}: at least 1")
    if arguments.readme and catalogue.ALL not in arguments.names:
        raise FrontDoorError("--readme writes the findings of all experiments: ./kurma experiment all --readme "
                             "(--resume keeps the boots)")
    experiments = catalogue.chosen(arguments.names)
    where = platform.of_arguments(arguments)
    before = _before(arguments, experiments)
    quick = any(one["quick"] for one in before.values()) or arguments.quick
    wanted = {name: list(dict.fromkeys(experiment.boots(quick))) for name, experiment in experiments.items()}
    boots = list(dict.fromkeys(boot for of_one in wanted.values() for boot in of_one))
    where.check(wanted)
    images, jobs = where.images_for(boots), arguments.jobs or where.jobs
    out = arguments.out or (new_run_dir("verify") if before else DEFAULT_OUTS[where.name])
    store = Store(out.absolute(), images, where)
    say(f"{len(experiments)} experiments, {len(boots)} boots, {jobs} at a time; results and logs: {shown(store.directory)}/")
    if not arguments.resume:
        for boot in boots:
            store.forget(boot)
    done = _Done(experiments, wanted, quick, store, alone=len(experiments) == 1)
    outcome = run_boots(boots, store, jobs, done.take)
    if arguments.readme and len(done.results) == len(experiments):
        write_part(readme.BEGIN, readme.END, readme.markdown([done.results[name] for name in experiments]))
        say("wrote the findings into README.md")
    return _verdict(done, outcome, before)


class _Done:
    """Evaluates each experiment as soon as its last boot has ended."""

    def __init__(self, experiments: Mapping[str, Experiment], wanted: Mapping[str, Sequence[Boot]], quick: bool,
                 store: Store, alone: bool) -> None:
        self.experiments, self.wanted, self.quick, self.store, self.alone = experiments, wanted, quick, store, alone
        self.results: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, str] = {}

    def take(self, outcome: Outcome) -> None:
        """One whose boots did not say what it needs does not keep the others from their results."""
        for name, boots in self.wanted.items():
            if name in self.results or name in self.failures or not all(boot in outcome.readings for boot in boots):
                continue
            where = self.store.platform
            readings = Readings(self.quick, {boot: outcome.readings[boot] for boot in boots}, where.ticks)
            try:
                found = results.document(name, self.experiments[name], readings, self.store.images, where)
            except (FrontDoorError, LookupError, ValueError, ArithmeticError, AssertionError) as error:
                why = str(error) or type(error).__name__
                self.failures[name] = f"{name}: its boots are there, but not what it looks for in them: {why}"
                say(self.failures[name])
                continue
            results.write(found, self.store.directory / name)
            self.results[name] = found
            print(as_text(found) if self.alone else f"{name}: {found['sentence']}", flush=True)


def _before(arguments: argparse.Namespace, experiments: Mapping[str, Experiment]) -> dict[str, dict[str, Any]]:
    """The results that this run is to be compared with: one for each experiment, all of them quick or none."""
    if arguments.verify is None:
        return {}
    if arguments.out is not None and arguments.out.absolute() == arguments.verify.absolute():
        raise FrontDoorError("--out and --verify are the same directory: what is compared would be written over")
    found = {name: results.read(arguments.verify, name) for name in experiments}
    for name, one in found.items():
        if (there := one[results.NOT_COMPARED].get("platform", {}).get("name", BOCHS)) != BOCHS:
            raise FrontDoorError(f"--verify {arguments.verify}: {name} was measured with --platform {there}, in cycles, "
                                 "which differ from run to run")
    if len({one["quick"] for one in found.values()}) > 1:
        raise FrontDoorError(f"--verify {arguments.verify}: some of these were quick and some not; "
                             "name those that belong together")
    if arguments.quick and not any(one["quick"] for one in found.values()):
        raise FrontDoorError(f"--verify {arguments.verify}: these were not --quick, so this run must not be either")
    return found


def _verdict(done: _Done, outcome: Outcome, before: Mapping[str, Mapping[str, Any]]) -> Status:
    missing = [name for name in done.experiments if name not in done.results]
    for why in [*outcome.failures.values(), *done.failures.values()]:
        say(why)
    if missing:
        say(f"without result: {', '.join(missing)}; --resume runs what failed again and keeps the rest")
    different = [name for name, earlier in before.items()
                 if name in done.results and _differs(name, earlier, done.results[name])]
    if before:
        equal = len(before) - len(different) - len(missing)
        say(f"{equal} of {len(before)} experiments are equal to those before, every boot to its last instruction")
    else:
        say(f"results: {shown(done.store.directory)}/; ./kurma report --from {shown(done.store.directory)} draws them")
    statuses = [Status.DIFFERENT] * bool(different) + [Status.TESTS_FAILED] * bool(missing)
    return worst([*outcome.statuses, *statuses])


def _differs(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    found = results.differences(before, now)
    if not found:
        say(f"{name}: equal")
        return False
    revisions = [one[results.NOT_COMPARED]["git"]["revision"] for one in (before, now)]
    made = "" if revisions[0] == revisions[1] else f" (made with {revisions[0][:12]}, now {revisions[1][:12]})"
    say(f"{name}: DIFFERENT in {len(found)} places{made}:")
    for line in found[:DIFFERENCES_SHOWN]:
        say(f"  {line}")
    return True


def _list() -> None:
    rows = []
    for name, experiment in catalogue.chosen([catalogue.ALL]).items():
        counts = [len(set(experiment.boots(quick))) for quick in (True, False)]
        rows.append([name, experiment.title, *map(str, counts)])
    print(table(["experiment", "what it measures", "boots --quick", "boots"], rows, left=2))
    print("\n./kurma experiment NAME --quick runs one; experiments/NAME/question.md tells its question and its matrix.")
