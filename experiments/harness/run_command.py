"""`./kurma run`: one boot, L1's console on standard output, the verdict as exit status."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path

from . import build, event, l0_kvm, packages, platform_qemu
from .console import RawTerminal
from .errors import FrontDoorError, Interrupted, Status
from .l0 import L0
from .l0log import REFUSED
from .paths import build_dir, new_run_dir, shown
from .payload import BUILT_IN, Choice, Images, boot_plan, check_choice
from .platform_bochs import DEFAULT_CPU, DEFAULT_MEMORY_MIB, MAX_MEMORY_MIB, Machine, check_machine
from .progress import Ticker, say
from .qemu import KVM, PERF_FILE
from .run import Request, Result, Run, drive

UNATTENDED_TIMEOUT_SECONDS = 900.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("l1", metavar="L1", help="linux-kvm, linux-work, micro, conformance, or the path of any Multiboot "
                                                 "(version 1) image")
    parser.add_argument("--cmdline", default="", metavar="TEXT",
                        help="L1's command line (linux-kvm, linux-work: appended to its own)")
    parser.add_argument("--module", action="append", default=[], metavar="FILE[=CMDLINE]",
                        help="a boot module for L1; may be repeated")
    parser.add_argument("--memory", type=int, default=DEFAULT_MEMORY_MIB, metavar="MIB",
                        help=f"the machine's memory (default {DEFAULT_MEMORY_MIB})")
    parser.add_argument("--cpu", default=DEFAULT_CPU, metavar="MODEL",
                        help=f"processor, by Bochs's model names (default {DEFAULT_CPU}; `bochs --help cpu` lists them)")
    parser.add_argument("--cpus", type=int, default=1, metavar="N", help="processors (default 1)")
    parser.add_argument("--l0", choices=[l0.value for l0 in L0], default=L0.KURMA.value,
                        help="what is below L1: Kurma; for comparison Linux KVM (Debian's, with its QEMU), that on Kurma, "
                             "which counts what KVM does, or nothing but the bare platform")
    parser.add_argument("--set", action="append", default=[], dest="knobs", metavar="KNOB=VALUE",
                        help="a knob of Kurma; with --l0 kvm a parameter of kvm_intel, as enable_shadow_vmcs=0; "
                             "may be repeated")
    parser.add_argument("--timeout", type=float, default=None, metavar="SECONDS",
                        help=f"stop after this time (default: none at a terminal, else {UNATTENDED_TIMEOUT_SECONDS:.0f})")
    parser.add_argument("--l0-log", type=Path, metavar="FILE", help="L0's own words go here too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="L0's counters at the end, as JSON")
    event.add_arguments(parser)
    platform_qemu.add_arguments(parser)


def choice_of(arguments: argparse.Namespace, counted: event.Event | None = None) -> Choice:
    return Choice(arguments.l1, L0(arguments.l0), arguments.cmdline, arguments.module,
                  [*arguments.knobs, *(counted.boot_words if counted else [])],
                  arguments.memory)


def machine_of(arguments: argparse.Namespace) -> Machine:
    below = l0_kvm.OWN_MEMORY_MIB if L0(arguments.l0).has_kvm else 0
    return Machine(arguments.cpu, arguments.cpus, arguments.memory + below)


def check_arguments(arguments: argparse.Namespace) -> None:
    platform_qemu.check_arguments(arguments)
    if arguments.timeout is not None and arguments.timeout <= 0:
        raise FrontDoorError(f"--timeout {arguments.timeout:g}: give a number of seconds above 0")
    if arguments.l0 != "none" and arguments.cpus > 1:
        raise FrontDoorError("L1 gets one processor under an L0 so far; --cpus N works with --l0 none")
    most = MAX_MEMORY_MIB - l0_kvm.OWN_MEMORY_MIB
    if L0(arguments.l0).has_kvm and arguments.memory > most:
        raise FrontDoorError(f"--memory {arguments.memory}: at most {most} with --l0 {arguments.l0}, where Linux has "
                             f"{l0_kvm.OWN_MEMORY_MIB} MiB besides")
    if arguments.l0_log is not None and arguments.l0 == "none":
        raise FrontDoorError("--l0-log is for L0; there is none with --l0 none")
    if arguments.json is not None and not L0(arguments.l0).has_kurma:
        raise FrontDoorError(f"--json is for Kurma's counters; there is no Kurma with --l0 {arguments.l0}")
    if arguments.event is not None and not L0(arguments.l0).has_kurma:
        raise FrontDoorError(f"--event is counted by Kurma; there is no Kurma with --l0 {arguments.l0}")
    for option, path in (("--l0-log", arguments.l0_log), ("--json", arguments.json)):
        if path is not None and not path.absolute().parent.is_dir():
            raise FrontDoorError(f"{option} {path}: its directory does not exist")


def command(arguments: argparse.Namespace) -> Status:
    check_arguments(arguments)
    counted = event.of_arguments(arguments)
    choice, machine = choice_of(arguments, counted), machine_of(arguments)
    check_choice(choice)
    on_qemu = arguments.platform == "qemu"
    if on_qemu:
        platform_qemu.require(platform_qemu.Host())
        packages.ensure(packages.QEMU | (packages.PERF if arguments.perf_kvm else {}))
    else:
        packages.ensure(packages.RUN)
        check_machine(machine)
    targets = [choice.l1] if choice.l1 in BUILT_IN else []
    targets += choice.l0.layers
    if targets:
        build.images("metal", targets)
    interactive = sys.stdin.isatty()
    timeout = arguments.timeout
    if timeout is None and not interactive:
        timeout = UNATTENDED_TIMEOUT_SECONDS
    directory = new_run_dir(choice.name)
    request = Request(choice.name, boot_plan(choice, Images(build_dir("metal"))), machine, choice.l0,
                      directory, timeout, interactive, accelerator=KVM if on_qemu else None, perf=arguments.perf_kvm)
    result = _watch(request, arguments.l0_log)
    if arguments.json is not None:
        _write_counters(result, arguments.json)
    if counted is not None:
        _say_event(result, counted)
    _say_end(result)
    if arguments.perf_kvm:
        say(f"perf kvm stat: {shown(result.directory / PERF_FILE)}")
    return result.status


def _watch(request: Request, l0_log: Path | None) -> Result:
    ticker = Ticker()
    with (l0_log.open("w") if l0_log else nullcontext()) as copy:

        def console(data: bytes) -> None:
            ticker.quiet()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

        def l0_line(line: str) -> None:
            if copy:
                copy.write(line + "\n")
                copy.flush()
            if line.startswith(request.l0.prefix + REFUSED):
                ticker.quiet()
                print(line, file=sys.stderr, flush=True)

        def guest_line(line: str) -> None:
            console(line.encode() + b"\n")

        run = Run(request, console, l0_line, guest_line)
        if request.interactive:
            say("this terminal is L1's console; Ctrl-] or Ctrl-A x leaves")
        with RawTerminal() if request.interactive else nullcontext():
            try:
                drive([run], each_round=lambda _: None if run.mid_line() else ticker.tick(run.stage()))
            except Interrupted:
                if run.result is None:
                    raise
        ticker.quiet()
    assert run.result is not None
    return run.result


def _write_counters(result: Result, path: Path) -> None:
    try:
        counters = result.l0.counters()
    except ValueError as error:
        raise FrontDoorError(f"L0's counters are no JSON ({error}); see {shown(result.directory / 'l0.log')}",
                             Status.L0_PANIC) from None
    if counters is None:
        say(f"--json: L0 printed no counters; {path} is not written")
        return
    path.write_text(json.dumps(counters, indent=2) + "\n")


def _say_event(result: Result, counted: event.Event) -> None:
    try:
        found = (result.l0.counters() or {}).get("event")
    except ValueError:
        return
    if found is not None:
        say(f"{counted.full_name} in {counted.level.upper()}: {found['count']:,}")


def _say_end(result: Result) -> None:
    if result.console and not result.console.endswith(b"\n") and sys.stdout.isatty():
        print(file=sys.stderr)
    ticks = f", {result.words.tick:,} instructions" if result.words.tick is not None else ""
    say(f"{result.why} (status {int(result.status)}; {result.seconds:.1f} s{ticks})")
    say(f"logs: {shown(result.directory)}/")
