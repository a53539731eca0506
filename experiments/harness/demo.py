"""`./kurma demo`: set up, build, boot the whole chain, and print what every exit cost."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import build, packages, versions
from .costs import Cost, CostError, Section, parse, table
from .errors import FrontDoorError, Status
from .l0 import L0
from .paths import build_dir, new_run_dir, shown
from .payload import Choice, Images, boot_plan
from .platform_bochs import Machine
from .progress import Ticker, say
from .run import Request, Run, drive

AT_ONCE = 2
BOOT_TIMEOUT_SECONDS = 420.0


@dataclass(frozen=True)
class Boot:
    """One of the demo's boots; `l1` is the name that its cost lines carry."""

    key: str
    title: str
    l1: str
    l0: L0
    cmdline: str
    shown: bool = False


# The longest first, so that two processors are busy to the end.
BOOTS = (
    Boot("linux-kvm", "Bochs → Kurma → Linux with KVM → its guests", "linux-kvm", L0.KURMA, "kurma.mode=demo", True),
    Boot("linux-kvm-bare", "Bochs → Linux with KVM → its guest (single level)", "linux-kvm", L0.NONE, "kurma.mode=probe"),
    Boot("micro", "Bochs → Kurma → micro → its L2", "micro", L0.KURMA, ""),
    Boot("micro-bare", "Bochs → micro → its guest (single level)", "micro", L0.NONE, ""),
)


def command(_: argparse.Namespace) -> Status:
    start = time.monotonic()
    packages.ensure(packages.BUILD | packages.RUN | packages.guests())
    build.images("metal", ["kurma", "micro", "linux-kvm"])
    say(f"set-up and build: {time.monotonic() - start:.0f} s")
    directory = new_run_dir("demo")
    runs = {boot.key: _run(boot, directory) for boot in BOOTS}
    _drive(runs)
    report = _report(runs, directory / "costs.json")
    say(f"logs: {shown(directory)}/")
    say(f"the whole took {time.monotonic() - start:.0f} s")
    return report


def _run(boot: Boot, directory: Path) -> Run:
    choice = Choice(boot.l1, boot.l0, boot.cmdline)
    own = directory / boot.key
    own.mkdir()
    request = Request(boot.key, boot_plan(choice, Images(build_dir("metal"))), Machine(), boot.l0, own,
                      BOOT_TIMEOUT_SECONDS)
    return Run(request)


def _drive(runs: dict[str, Run]) -> None:
    ticker = Ticker()
    told: set[str] = set()

    def console(data: bytes) -> None:
        ticker.quiet()
        sys.stdout.buffer.write(data.replace(b"\r", b""))
        sys.stdout.buffer.flush()

    def each_round(active: list[Run]) -> None:
        for boot in BOOTS:
            result = runs[boot.key].result
            if result is not None and boot.key not in told:
                told.add(boot.key)
                ticker.quiet()
                say(f"{boot.title}: {result.why} ({result.seconds:.0f} s)")
        ticker.tick("; ".join(f"{run.request.name}: {run.stage()}" for run in active))

    for boot in BOOTS:
        if boot.shown:
            runs[boot.key].on_console = console
    say("boots, two at a time; the console below is that of " + ", ".join(b.title for b in BOOTS if b.shown))
    drive(runs.values(), AT_ONCE, each_round)
    ticker.quiet()


def _report(runs: dict[str, Run], path: Path) -> Status:
    costs: dict[str, list[Cost]] = {}
    wrong: list[str] = []
    for boot in BOOTS:
        result = runs[boot.key].result
        assert result is not None
        try:
            costs[boot.key] = parse(result.console)
        except CostError as error:
            costs[boot.key] = []
            wrong.append(f"{boot.key}: {error}")
        if result.status is not Status.POWER_OFF:
            wrong.append(f"{boot.key}: {result.why} (status {int(result.status)}); see {shown(result.directory)}/")
        elif not costs[boot.key]:
            wrong.append(f"{boot.key}: no cost lines on its console; see {shown(result.directory)}/console.log")
    print()
    print("What one operation costs: median instructions, as the guest itself reads them by RDTSC, and what L0 did on the")
    print("processor for it. Bochs counts one tick per instruction, so that these figures repeat exactly.")
    print()
    print(table(sections(costs)))
    path.write_text(json.dumps(_document(runs, costs), indent=2) + "\n")
    print(f"The same as JSON, with L0's counters: {shown(path)}", flush=True)
    for line in wrong:
        say(line)
    first = next((run.result.status for run in runs.values() if run.result and run.result.status), None)
    return first or (Status.TESTS_FAILED if wrong else Status.POWER_OFF)


def sections(costs: dict[str, list[Cost]]) -> list[Section]:
    def of(key: str, level: str) -> list[Cost]:
        return [cost for cost in costs[key] if cost.level == level]
    return [
        Section("L1 (micro) on Kurma; single level: the bare processor", of("micro", "L1"), of("micro-bare", "L1")),
        Section("L2 under micro on Kurma; single level: micro on the bare processor",
                of("micro", "L2"), of("micro-bare", "L2")),
        Section("L2 under Linux KVM on Kurma; single level: KVM on the bare processor",
                of("linux-kvm", "L2"), of("linux-kvm-bare", "L1")),
    ]


def _document(runs: dict[str, Run], costs: dict[str, list[Cost]]) -> dict[str, object]:
    """Equal for equal images: nothing of the host's time is in it."""
    return {
        "what": "exit costs, in instructions (Bochs: one tick is one instruction)",
        "git": versions.git(),
        "host": versions.host(),
        "guest_packages": versions.guest_packages(Images(build_dir("metal")).versions_of("linux-kvm")),
        "runs": [_run_document(boot, runs[boot.key], costs[boot.key]) for boot in BOOTS],
    }


def _run_document(boot: Boot, run: Run, costs: list[Cost]) -> dict[str, object]:
    result, machine = run.result, run.request.machine
    assert result is not None
    try:
        counters = result.l0.counters()
    except ValueError as error:
        raise FrontDoorError(f"{boot.key}: L0's counters are no JSON: {error}", Status.L0_PANIC) from None
    return {
        "name": boot.key, "l0": boot.l0.value, "l1": boot.l1, "cmdline": boot.cmdline,
        "cpu": machine.cpu, "processors": machine.processors, "memory_mib": machine.memory_mib,
        "status": int(result.status), "last_tick": result.words.tick,
        "costs": [cost.as_json() for cost in costs], "l0_counters": counters,
    }
