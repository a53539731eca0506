"""`./kurma memory`: what it costs an L2 to touch memory that is new to it, for each combination of the ept02 knobs."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import memory, setups, versions
from .errors import FrontDoorError, Status
from .l0 import L0
from .memory import MemoryLineError, Walk
from .paths import new_run_dir, shown
from .platform_bochs import DEFAULT_CPU
from .progress import say
from .setups import Setup

HELP = "what it costs an L2 to touch fresh memory, for each combination of the ept02 knobs, and under Linux KVM as L0"
ABOUT = """\
An L2 of micro touches fresh memory (64 MiB), one 4 KiB page after the other. Micro, as L1, has it mapped in its EPT by pages of 4 KiB
or 2 MiB: before, so that the fault is L0's alone, or on demand, in its EPT-violation handler. Printed for each boot:
instructions of a page as L2 reads them by RDTSC, and in brackets exits of a page where L0 counts them (Kurma does)."""
EXAMPLES = """\
examples:
  ./kurma memory                      every combination, and Linux KVM with and without VMCS shadowing
  ./kurma memory --quick              Kurma alone
  ./kurma memory --around 1,8,64,512  other values of ept02_fault_around
  ./kurma memory --pages 4096 --json memory.json
"""
MOST_PAGES = 16384
KVM_PARAMETERS = ("enable_shadow_vmcs=1", "enable_shadow_vmcs=0")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cpu", default=DEFAULT_CPU, metavar="MODEL",
                        help=f"processor, by Bochs's model names (default {DEFAULT_CPU})")
    parser.add_argument("--pages", type=int, default=MOST_PAGES, metavar="N",
                        help=f"how many pages of 4 KiB L2 touches (default and most: {MOST_PAGES})")
    parser.add_argument("--around", type=_counts, default=[1, 16], metavar="N,N",
                        help="values of ept02_fault_around (default 1,16)")
    parser.add_argument("--quick", action="store_true", help="Kurma alone, without Linux KVM as L0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every walk of every boot")


def _counts(text: str) -> list[int]:
    values = [int(word) for word in text.split(",")]
    if not all(1 <= value <= 512 for value in values):
        raise argparse.ArgumentTypeError(f"{text}: numbers from 1 to 512")
    return values


def boots(cpu: str, pages: int, around: Sequence[int], quick: bool) -> list[Setup]:
    cmdline = f"mode=memory pages={pages}"
    kurma = [(f"ept02_large_pages={large}", f"ept02_prefill={prefill}", f"ept02_fault_around={count}")
             for large, prefill, count in itertools.product(("on", "off"), ("on", "off"), around)]
    made = [Setup(" ".join(["Kurma", *(knob.removeprefix("ept02_") for knob in knobs)]), "micro", knobs, cpu,
                  cmdline=cmdline) for knobs in kurma]
    if not quick:
        made += [Setup(f"KVM {parameter}", "micro", (parameter,), cpu, L0.KVM, cmdline) for parameter in KVM_PARAMETERS]
    return made


def command(arguments: argparse.Namespace) -> Status:
    if not 1 <= arguments.pages <= MOST_PAGES:
        raise FrontDoorError(f"--pages {arguments.pages}: from 1 to {MOST_PAGES}")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    wanted = boots(arguments.cpu, arguments.pages, arguments.around, arguments.quick)
    images = setups.images_for(wanted)
    directory = new_run_dir("memory")
    say(f"{len(wanted)} boots, {setups.AT_ONCE} at a time; logs: {shown(directory)}/")
    walks = {name: walks_of(name, result.console) for name, result in setups.boot(wanted, images, directory).items()}
    print(memory.as_text(walks))
    print(f"Instructions (exits) per page of 4 KiB, {arguments.pages} pages; processor {arguments.cpu}.")
    text = json.dumps(document(arguments.cpu, wanted, walks), indent=1) + "\n"
    for file in [directory / "memory.json", *([arguments.json] if arguments.json is not None else [])]:
        file.write_text(text)
    return Status.POWER_OFF


def walks_of(name: str, console: bytes) -> list[Walk]:
    """All four kinds: one that is missing ends the command."""
    try:
        walks = memory.parse(console)
    except MemoryLineError as error:
        raise FrontDoorError(f"{name}: {error}", Status.TESTS_FAILED) from None
    if [walk.kind for walk in walks] != list(memory.KINDS):
        raise FrontDoorError(f"{name}: {len(walks)} memory lines on its console, not one of each kind", Status.TESTS_FAILED)
    return walks


def document(cpu: str, wanted: Sequence[Setup], walks: Mapping[str, Sequence[Walk]]) -> dict[str, object]:
    return {"what": "what an L2 pays for touching fresh memory, in instructions (Bochs: a tick is an instruction)",
            "git": versions.git(), "host": versions.host(), "cpu": cpu,
            "boots": {setup.name: {"l0": setup.l0.value, "knobs": list(setup.knobs),
                                   "walks": [walk.as_json() for walk in walks[setup.name]]} for setup in wanted}}
