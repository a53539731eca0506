"""The front door's commands and their help."""

from __future__ import annotations

import argparse
import signal
import sys
import textwrap
from types import ModuleType
from typing import NoReturn

from . import (bench_command, boottest, compare_command, counts_command, demo, doctor, event, fuzz_command,
               knobs_command, model_command, papers_command, run_command, test_command, versus_command)
from .errors import MEANING, FrontDoorError, Interrupted, Status
from .experiment import command as experiment
from .knobs import knob_help
from .oracle import command as oracle
from .progress import say
from .report import command as report
from .texttable import WIDEST
from .trace import command as trace

ABOUT = """\
Kurma is a bare-metal hypervisor for research on nested virtualization: it gives unmodified hypervisors (Linux KVM
first) a VMX of their own and counts what every exit costs. Where there is no VMX it runs on the emulator Bochs."""

STATUSES = "exit statuses:\n" + "\n".join(
    textwrap.fill(text, WIDEST, initial_indent=f"  {int(status):3}  ", subsequent_indent=" " * 7)
    for status, text in MEANING.items())

EXAMPLES = """\
examples:
  ./kurma demo                                     boots Bochs, Kurma, Linux with KVM, its guests; prints the cost table
  ./kurma run linux-kvm                            a shell in a Linux whose /dev/kvm works; Ctrl-] leaves
  ./kurma run linux-kvm --cmdline kurma.mode=demo  the same without typing: measures, boots a Linux L2, switches off
  ./kurma run micro --json counters.json           the small L1's costs on Kurma, and L0's counters
  ./kurma run micro --l0 none                      the very same image on the bare platform
  ./kurma run micro --l0 kvm --set enable_shadow_vmcs=0   ... and on Linux KVM as L0, a parameter of kvm_intel's told
  ./kurma run conformance --l0 none                what the bare processor answers, one line for each case
  ./kurma run my.elf --module data=words           any Multiboot (version 1) image, with a module
  ./kurma oracle                                   the bare processor and Kurma must answer alike: four models, every case
  ./kurma compare my.elf                           any image both ways: where does its console differ?
  ./kurma test -- -R ept                           those tests whose name has ept
  ./kurma versus                                   what each operation costs beside Linux KVM as L0; within the budget?
  ./kurma fuzz all --seconds 600                   ten minutes of each fuzz target
  ./kurma papers --experiment first-touch          the papers' figures that an experiment reproduces, their certainty
  ./kurma counts                                   does every operation still cost what experiments/counts says?
  ./kurma model                                    modelled cycles of each way to a VMCS, on a named processor
  ./kurma run linux-kvm --platform qemu            on QEMU with KVM, where this machine has VMX with nesting
  ./kurma knobs --measure                          every switch of Kurma, and what each does to one row
  ./kurma experiment                               the papers' questions, and Kurma's own: lists them
  ./kurma experiment all --quick                   all of them, in half an hour; ./kurma report then draws them
  ./kurma report                                   their results as one page: results/report/index.html
  ./kurma trace micro --op out                     one exit of L2 and all that it causes: timeline, table, tree
  ./kurma bench merge reflect                      what two of the pure rooms cost on this machine
"""

RUN_ABOUT = """\
Boots one L1. Its COM1 is standard output (and standard input, where that is a terminal: Ctrl-] or Ctrl-A x leaves);
so is what it writes on port 0xE9, as conformance does. Both stand in the run's directory: console.log, guest.log.
What Kurma itself says goes to l0.log in the run's directory below results/, never to standard output.
With --l0 kvm Debian's Linux and KVM stand in Kurma's place, and L1 runs in Debian's QEMU: a Q35 with the same memory,
one processor, COM1, and ports 0xE9 and 0x8900 as Bochs has them. --set gives parameters of kvm_intel; L0 refuses one
that KVM does not settle on (status 6). With --l0 kvm-on-kurma Kurma is below that again and counts what KVM executes
(--json); --set then takes Kurma's knobs, too."""


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="./kurma", description=ABOUT, epilog=EXAMPLES + "\n" + STATUSES)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    demo_parser = commands.add_parser("demo", help="install, build, boot the whole chain, print what every exit cost",
                                      description="Installs what is missing, builds, boots the chain and prints the "
                                                  "exit-cost table; the same data as JSON in results/.")
    demo_parser.set_defaults(function=demo.command)
    test = commands.add_parser("test", help="install, build, run host tests (sanitizers) and boot tests",
                               description="Installs what is missing, builds, runs CTest.")
    test_command.add_arguments(test)
    test.set_defaults(function=test_command.command)
    run = commands.add_parser("run", epilog=knob_help() + "\n" + STATUSES, description=RUN_ABOUT,
                              help="boot one L1: linux-kvm, linux-work, micro, conformance, or a Multiboot image of yours")
    run_command.add_arguments(run)
    run.set_defaults(function=run_command.command)
    _add(commands, "oracle", oracle, oracle.EXAMPLES)
    _add(commands, "compare", compare_command, compare_command.EXAMPLES, knob_help())
    fuzz = commands.add_parser("fuzz", help="run a libFuzzer target, or list them",
                               description="Builds and runs libFuzzer targets (clang, ASan, UBSan); without a name: lists "
                                           "them.")
    fuzz_command.add_arguments(fuzz)
    fuzz.set_defaults(function=fuzz_command.command)
    _add(commands, "counts", counts_command, counts_command.EXAMPLES)
    _add(commands, "model", model_command, model_command.EXAMPLES)
    _add(commands, "knobs", knobs_command, knobs_command.EXAMPLES)
    _add(commands, "bench", bench_command, bench_command.examples())
    _add(commands, "versus", versus_command, versus_command.EXAMPLES)
    _add(commands, "papers", papers_command, papers_command.EXAMPLES)
    _add(commands, "experiment", experiment, experiment.EXAMPLES)
    _add(commands, "report", report, report.EXAMPLES)
    _add(commands, "trace", trace, trace.EXAMPLES, knob_help())
    events = commands.add_parser("events", help=event.HELP, description="Lists the events of this machine's processor, by "
                                 "libpfm4's names, for ./kurma run L1 --event NAME.")
    event.add_listing_arguments(events)
    events.set_defaults(function=event.list_command)
    doctor_parser = commands.add_parser("doctor", help="what this machine can run Kurma on, and what to install",
                                        description="Shows what is here and what is missing.")
    doctor_parser.set_defaults(function=doctor.command)
    return top


def _add(commands: argparse._SubParsersAction[_Parser], name: str, room: ModuleType, *below: str) -> None:
    """A command whose room says itself what it is for and what it takes; `below` stands under that, before the statuses."""
    made = commands.add_parser(name, help=room.HELP, description=room.ABOUT, epilog="\n".join([*below, STATUSES]))
    room.add_arguments(made)
    made.set_defaults(function=room.command)


class _Parser(argparse.ArgumentParser):
    """Help as it was written; a wrong argument is one line, what is wrong and what to do."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False,
                            **options})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise FrontDoorError(f"{message}; see {self.prog} --help")


def main(words: list[str]) -> int:
    for caught in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, _interrupt)
    if words[:1] == ["boottest"]:   # CTest's entry; people have `run`.
        return boottest.main(words[1:])
    try:
        own, after = bench_command.split(words)
        arguments = parser().parse_args(own)
        arguments.after = after
        return int(arguments.function(arguments))
    except FrontDoorError as error:
        say(str(error))
        return int(error.status)
    except (KeyboardInterrupt, Interrupted):
        say("stopped")
        return int(Status.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Status.INTERRUPTED)


def _interrupt(_number: int, _frame: object) -> None:
    raise Interrupted
