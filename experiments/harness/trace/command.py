"""`./kurma trace`: boots an L1 with every turn recorded, or reads a recording, and shows the turns."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import build, packages
from ..errors import FrontDoorError, Status
from ..l0 import L0
from ..paths import build_dir, new_run_dir, shown
from ..payload import BUILT_IN, Choice, Images, boot_plan, check_choice
from ..platform_bochs import DEFAULT_CPU, Machine, check_machine
from ..progress import Ticker, say
from ..run import Request, Result, Run, drive
from ..run_command import UNATTENDED_TIMEOUT_SECONDS, machine_of
from . import names, tree
from .report import KEYS, LEVELS, report
from .round import Round, rounds
from .timeline import UNIT, timeline
from .turns import Turn, TurnsError, read, turns_of, while_l2_runs, without_power_off

HELP = "see single exits: a timeline for Perfetto, tables as perf kvm prints them, call trees"
ABOUT = f"""\
Boots an L1 with trace=turns, so that Kurma keeps a record of each of its last turns (a turn is one visit of Kurma's, from
an exit of the processor to the next entry), and shows them in three ways:

  DIR/trace.json   a timeline: drop it on https://ui.perfetto.dev or load it in chrome://tracing. Tracks for L2, L1 and L0;
                   each turn with reason, room, why and what Kurma executed; arrows follow a round, that is one exit of L2
                   which reached L1, until L2 ran again. {UNIT}.
  DIR/report.txt   tables as `perf kvm stat report` prints them, of exits of L2 and of L1; events have Linux's names. Time is
                   in instructions. Which room of Kurma's answered, and why, stands below.
  DIR/tree.txt     what each kind of exit of L2 causes on average, and a typical round of each from begin to end. "L1 runs N
                   instructions" has L0's saving and loading of registers around it in it, some 50 of them.

The report is printed, too, and the trees of the most frequent kind. DIR/turns.json is the recording itself, for --from. To
write a turn down takes instructions of its own (`record` in the timeline), which all times leave out but for some 25 a turn;
what an operation costs without is `./kurma run`'s to say. Kurma keeps the last 4096 turns: --op chooses what they are of."""
EXAMPLES = """\
examples:
  ./kurma trace                                    an L2 of micro executes CPUID; L1's handler reads three fields, writes one
  ./kurma trace micro --op out                     any L2 row of `./kurma run micro`; "L1 vmptrld-alternating" is one of L1's
  ./kurma trace micro --op cpuid-11r3w --set vmcs_access=trap     the same exit without VMCS shadowing
  ./kurma trace linux-kvm --op out-user --tree io_instruction     all that one OUT to a process of Linux's costs below KVM
  ./kurma trace --from results/RUN/l0.log --level L1 --key time   a run that had --set trace=turns; also its --json file, or
                                                   a console on which `kurma-ctl turns --json` was said
"""
OP_CMDLINE = {"micro": "mode=rounds op={op} level={level}", "linux-kvm": "kurma.mode=probe kurma.op={op}"}
USUAL_L1 = "micro"
USUAL_CMDLINE = {"micro": "mode=rounds n=1000", "linux-kvm": "kurma.mode=probe"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("l1", metavar="L1", nargs="?",
                        help="micro (default), linux-kvm, or any that `./kurma run` takes")
    parser.add_argument("--op", metavar="ROW",
                        help="the one operation to trace, as the L1's cost lines call it: cpuid-3r1w, out, "
                             "first-touch-l1-maps, ...; of L2, unless it begins with `L1 `")
    parser.add_argument("--cmdline", default="", metavar="TEXT", help="L1's command line, instead of --op")
    parser.add_argument("--module", action="append", default=[], metavar="FILE[=CMDLINE]",
                        help="a boot module for L1; may be repeated")
    parser.add_argument("--set", action="append", default=[], dest="knobs", metavar="KNOB=VALUE",
                        help="a knob; may be repeated")
    parser.add_argument("--cpu", default=DEFAULT_CPU, metavar="MODEL",
                        help=f"processor, by Bochs's model names (default {DEFAULT_CPU})")
    parser.add_argument("--l0", choices=[l0.value for l0 in L0 if l0.has_kurma], default=L0.KURMA.value,
                        help="kvm-on-kurma: Linux KVM stands below the L1 that you name, and is itself Kurma's L1")
    parser.add_argument("--timeout", type=float, default=UNATTENDED_TIMEOUT_SECONDS, metavar="SECONDS",
                        help=f"stop the machine after this time (default {UNATTENDED_TIMEOUT_SECONDS:.0f})")
    parser.add_argument("--from", type=Path, dest="source", metavar="FILE", help="show a recording, boot nothing")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="where the files go (default: the run's directory in results/)")
    parser.add_argument("--all", action="store_true",
                        help="also the turns before L2 is entered first and after it exits last (L1's start, its end)")
    parser.add_argument("--level", choices=LEVELS, default="all", help="report: exits of this level (default all)")
    parser.add_argument("--key", choices=KEYS, default="sample",
                        help="report: what decides the order, as with perf (default sample)")
    parser.add_argument("--event", action="append", default=[], metavar="REASON",
                        help="report: exits for this reason alone, as CPUID or EPT_VIOLATION; may be repeated")
    parser.add_argument("--tree", nargs="?", const="", metavar="WHICH",
                        help="print trees alone; WHICH is a round's number, or a reason, of which a typical round is shown")
    parser.set_defaults(cpus=1, memory=Machine().memory_mib)


def command(arguments: argparse.Namespace) -> Status:
    check_arguments(arguments)
    if arguments.source is not None:
        status, what = Status.POWER_OFF, shown(arguments.source)
        turns = _or_error(lambda: read(arguments.source))
        directory = arguments.out or new_run_dir("trace")
    else:
        result = _boot(arguments)
        status, what, directory = result.status, result.directory.name, arguments.out or result.directory
        turns = _or_error(lambda: turns_of(_counters(result)), status)
        if status is not Status.POWER_OFF:
            say(f"{result.why} (status {int(status)}); logs: {shown(result.directory)}/")
    recorded = len(turns)
    turns = without_power_off(turns) if arguments.all else while_l2_runs(without_power_off(turns))
    if not turns:
        raise FrontDoorError(f"{what}: no turns are recorded; it takes trace=turns (in a Linux L1: kurma-ctl trace on)",
                             status or Status.USAGE)
    _show(arguments, turns, what, directory)
    if len(turns) < recorded:
        say(f"{recorded - len(turns)} turns before L2's first entry and after its last exit are left out; --all shows them")
    return status


def check_arguments(arguments: argparse.Namespace) -> None:
    """What can be told before anything boots."""
    boots = arguments.l1, arguments.op, arguments.cmdline, arguments.knobs, arguments.module
    if arguments.source is not None and any(boots):
        raise FrontDoorError("--from shows a recording; L1, --op, --cmdline, --set and --module are for a boot")
    if arguments.timeout <= 0:
        raise FrontDoorError(f"--timeout {arguments.timeout:g}: give a number of seconds above 0")
    for asked in arguments.event:
        if not names.is_event(asked):
            raise FrontDoorError(f"--event {asked}: no exit reason is called so; give one as the column VM-EXIT has it, "
                                 "as CPUID, or as the manual does, as rdmsr")
    if arguments.out is not None:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FrontDoorError(f"--out {arguments.out}: {error.strerror}; "
                                 "give a directory that is there or can be made") from None


def _or_error(get: Any, status: Status = Status.POWER_OFF) -> list[Turn]:
    """Without turns the command fails: as the boot did, or for its arguments' sake."""
    try:
        return get()
    except TurnsError as error:
        raise FrontDoorError(str(error), status or Status.USAGE) from None   # POWER_OFF is 0.


def _counters(result: Result) -> Any:
    try:
        counters = result.l0.counters()
    except ValueError as error:
        raise TurnsError(f"L0's JSON is damaged ({error}); see {shown(result.directory / 'l0.log')}") from None
    if counters is None:
        raise TurnsError(f"{result.why} (status {int(result.status)}), and L0 told no turns; "
                         f"logs: {shown(result.directory)}/")
    return counters


def cmdline_of(l1: str, op: str | None, cmdline: str) -> str:
    """What makes L1 do the one thing that is to be traced."""
    if op is None:
        return cmdline or USUAL_CMDLINE.get(l1, "")
    if cmdline:
        raise FrontDoorError("--op makes L1's command line; give --op or --cmdline")
    if l1 not in OP_CMDLINE:
        raise FrontDoorError(f"--op is for {' and '.join(OP_CMDLINE)}, which have rows; give {l1} its --cmdline")
    level, _, name = op.rpartition(" ")
    if not name or level not in ("", "L1", "L2") or (level == "L1" and l1 != "micro"):
        raise FrontDoorError(f"--op {op!r}: write a row's name, as out or cpuid-3r1w, with micro also \"L1 cpuid\"")
    return OP_CMDLINE[l1].format(op=name, level=level or "L2")


def _boot(arguments: argparse.Namespace) -> Result:
    if any(knob.startswith("trace=") for knob in arguments.knobs):
        raise FrontDoorError("--set trace=...: trace=turns is what this command sets; leave it out")
    l1 = arguments.l1 or USUAL_L1
    cmdline = cmdline_of(l1, arguments.op, arguments.cmdline)
    choice = Choice(l1, L0(arguments.l0), cmdline, arguments.module, [*arguments.knobs, "trace=turns"])
    check_choice(choice)
    packages.ensure(packages.RUN)
    machine = machine_of(arguments)
    check_machine(machine)
    build.images("metal", [*([choice.l1] if choice.l1 in BUILT_IN else []), *choice.l0.layers])
    run = Run(Request(choice.name, boot_plan(choice, Images(build_dir("metal"))), machine, choice.l0,
                      new_run_dir(f"trace-{choice.name}"), arguments.timeout))
    ticker = Ticker()
    drive([run], each_round=lambda _: ticker.tick(run.stage()))
    ticker.quiet()
    assert run.result is not None
    if (wrong := run.result.complaint) is not None:
        rows = "" if arguments.op is None else f"; `./kurma run {l1}` prints the rows that there are"
        raise FrontDoorError(f"{wrong}{rows}; L1's console: {shown(run.result.directory)}/console.log")
    return run.result


def _show(arguments: argparse.Namespace, turns: Sequence[Turn], what: str, directory: Path) -> None:
    whole = rounds(turns)
    tables = report(turns, arguments.level, arguments.key, arguments.event)
    (directory / "trace.json").write_text(json.dumps(timeline(turns, what), separators=(",", ":")) + "\n")
    (directory / "turns.json").write_text(json.dumps([turn.__dict__ for turn in turns], indent=0) + "\n")
    (directory / "report.txt").write_text(tables + "\n")
    (directory / "tree.txt").write_text(trees_of(whole))
    if arguments.tree is None:
        print(tables)
    print(trees_of(whole, "", most=1) if arguments.tree is None else trees_of(whole, arguments.tree), end="")
    say(f"{len(turns)} turns (numbers {turns[0].turn} to {turns[-1].turn}), {len(whole)} whole rounds; "
        f"{shown(directory)}/trace.json opens in https://ui.perfetto.dev; {UNIT}")


def trees_of(whole: Sequence[Round], which: str = "", most: int | None = None) -> str:
    """A round by its number; or what each reason, or the one that is meant, causes on average, and a typical round of each,
    or of the `most` frequent ones."""
    if which.isdigit():
        found = [each for each in whole if each.number == int(which)]
        if not found:
            there = f"there are {whole[0].number} to {whole[-1].number}" if whole else "there is no whole round"
            raise FrontDoorError(f"--tree {which}: no such round among these turns; {there}")
        return tree.one(found[0])
    meant = [each for each in whole if not which or names.same_event(which, each.reason)]
    if which and not meant:
        known = ", ".join(sorted({each.event for each in whole})) or "none"
        raise FrontDoorError(f"--tree {which}: no exit of L2 for that reason reached L1 and came back; "
                             f"those that did: {known}")
    return tree.by_reason(meant) + "".join("\n" + tree.one(each) for each in tree.typical(meant)[:most])
