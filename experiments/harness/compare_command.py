"""`./kurma compare`: any image on the bare platform and on Kurma, side by side, and where what it says differs."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from .errors import FrontDoorError, Status
from .l0 import L0
from .linediff import LineDiff, compare_lines
from .oracle.setup import add_shared_arguments, images_of
from .pair import SIDES, Limits, Pair, make_pair, worst
from .paths import new_run_dir, shown
from .payload import Choice, check_choice
from .platform_bochs import DEFAULT_CPU, DEFAULT_MEMORY_MIB, Machine, check_machine
from .progress import Ticker, say
from .run import Result, Run, drive
from .texttable import table

HELP = "run any Multiboot image on the bare platform and on Kurma, and show where its console differs"
ABOUT = """\
Boots one image twice, side by side: on the bare platform and on Kurma. What it says on COM1 and on port 0xE9, and how
it ends, must be the same. Status 0 if so, 8 if not."""
EXAMPLES = """\
examples:
  ./kurma compare micro --cmdline mode=tests                     the small L1's cases, both ways
  ./kurma compare my.elf --module data=words --ignore ' ticks'   an image of yours; lines with times in them may differ
  ./kurma compare suite.elf --until '^SUMMARY'                   one that does not switch the machine off at its end
"""
TIMEOUT_SECONDS = 900.0
LINES_ON_SCREEN = 60

Patterns = list[re.Pattern[str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a Multiboot (version 1) image, or micro, conformance, linux-kvm")
    parser.add_argument("--cmdline", default="", metavar="TEXT", help="its command line")
    parser.add_argument("--module", action="append", default=[], metavar="FILE[=CMDLINE]",
                        help="a boot module for it; may be repeated")
    parser.add_argument("--ignore", action="append", default=[], metavar="REGEX",
                        help="leave lines out in which this is found; may be repeated")
    parser.add_argument("--until", metavar="REGEX",
                        help="a line in which this is found is a side's good end, for images that do not switch off")
    parser.add_argument("--cpu", default=DEFAULT_CPU, metavar="MODEL", help=f"processor model (default {DEFAULT_CPU})")
    parser.add_argument("--set", action="append", default=[], dest="knobs", metavar="KNOB=VALUE",
                        help="a knob of Kurma; may be repeated")
    parser.add_argument("--memory", type=int, default=DEFAULT_MEMORY_MIB, metavar="MIB",
                        help=f"the machine's memory (default {DEFAULT_MEMORY_MIB})")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS",
                        help=f"stop a side after this time (default {TIMEOUT_SECONDS:.0f})")
    add_shared_arguments(parser, "comparison")


def command(arguments: argparse.Namespace) -> Status:
    choice = Choice(arguments.image, L0.KURMA, arguments.cmdline, arguments.module, arguments.knobs)
    machine = Machine(arguments.cpu, 1, arguments.memory)
    check_choice(choice)
    ignore = [_pattern("--ignore", text) for text in arguments.ignore]
    until = None if arguments.until is None else _pattern("--until", arguments.until)
    if arguments.timeout <= 0:
        raise FrontDoorError(f"--timeout {arguments.timeout:g}: give a number of seconds above 0")
    images = images_of(arguments, [arguments.image])
    check_machine(machine)
    directory = new_run_dir(f"compare-{choice.name}", arguments.results)
    pair = make_pair(choice.name, choice, machine, images, directory, Limits(arguments.timeout, until=until))
    _drive(pair)
    return report(pair, ignore, until, directory)


def _pattern(option: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise FrontDoorError(f"{option} {text!r} is no regular expression: {error}") from None


def _drive(pair: Pair) -> None:
    ticker = Ticker()

    def each_round(active: list[Run]) -> None:
        ticker.tick("; ".join(f"{run.request.name}: {_lines_so_far(run):,} lines" for run in active))

    drive(pair.runs, 2, each_round)
    ticker.quiet()


def _lines_so_far(run: Run) -> int:
    return run.console_bytes.count(b"\n") + len(run.guest.lines)


def console_lines(result: Result) -> list[str]:
    return result.console.decode("utf-8", "replace").replace("\r", "").splitlines()


def compare_streams(bare: Result, kurma: Result, ignore: Patterns, until: re.Pattern[str] | None) -> dict[str, LineDiff]:
    """By the stream's name, those streams on which at least one side said something."""
    streams = {"COM1": (console_lines(bare), console_lines(kurma)), "port 0xE9": (bare.guest, kurma.guest)}
    both_waited_for = until is not None and all(any(until.search(line) for lines in streams.values() for line in lines[side])
                                                for side in range(len(SIDES)))
    if both_waited_for or bare.status is kurma.status is Status.TIME_OUT:
        # We stopped both: where exactly says nothing about them.
        streams = {name: _cut_alike(left, right, until) for name, (left, right) in streams.items()}
    return {name: compare_lines(left, right, (f"{SIDES['bare']}, {name}", f"{SIDES['kurma']}, {name}"), ignore)
            for name, (left, right) in streams.items() if left or right}


def _cut_alike(left: list[str], right: list[str], until: re.Pattern[str] | None) -> tuple[list[str], list[str]]:
    """Both as far as the line that was waited for; without it to the shorter one's length, except its last line, which may
    be cut itself."""
    ends = [next((at for at, line in enumerate(lines, 1) if until is not None and until.search(line)), None)
            for lines in (left, right)]
    if None not in ends:
        return left[:ends[0]], right[:ends[1]]
    length = max(0, min(len(left), len(right)) - 1)
    return left[:length], right[:length]


def verdict(bare: Result, kurma: Result, diffs: dict[str, LineDiff]) -> tuple[Status, str]:
    """Equal means: the same words, and the same end, which is not that both were stopped by us."""
    if bare.status is not kurma.status:
        return worst([bare.status, kurma.status, Status.DIFFERENT]), "they end differently"
    if any(not diff.same for diff in diffs.values()):
        return Status.DIFFERENT, "they differ"
    if bare.status in (Status.TIME_OUT, Status.USAGE):
        return bare.status, "equal as far as it went; neither came to an end"
    if not diffs:
        return Status.DIFFERENT, "neither side said a word, on COM1 or on port 0xE9: there is nothing to compare"
    both = "" if bare.status is Status.POWER_OFF else f": both end with status {int(bare.status)}"
    return Status.POWER_OFF, f"equal{both}"


def report(pair: Pair, ignore: Patterns, until: re.Pattern[str] | None, directory: Path) -> Status:
    bare, kurma = pair.results["bare"], pair.results["kurma"]
    diffs = compare_streams(bare, kurma, ignore, until)
    status, words = verdict(bare, kurma, diffs)
    if diffs:
        print(table(["stream", "equal lines", "different", "ignored"],
                    [[name, f"{diff.equal:,}", f"{diff.different:,}", f"{diff.ignored:,}"] for name, diff in diffs.items()]),
              flush=True)
    text = [line for diff in diffs.values() for line in diff.diff]
    if text:
        path = directory / "diff.txt"
        path.write_text("\n".join(text) + "\n")
        print("\n" + "\n".join(text[:LINES_ON_SCREEN]))
        left = len(text) - LINES_ON_SCREEN
        print(f"\n{f'{left:,} more lines' if left > 0 else 'The same'}: {shown(path)}", flush=True)
    for side, result in (("bare", bare), ("kurma", kurma)):
        ticks = f", {result.words.tick:,} instructions" if result.words.tick is not None else ""
        say(f"{SIDES[side]}: {result.why} (status {int(result.status)}{ticks}); logs: {shown(result.directory)}/")
    say(f"{words} (status {int(status)})")
    return status
