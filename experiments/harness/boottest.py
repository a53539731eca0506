"""Boots an image and checks what it said: the helper by which CTest runs boot tests. See README beside it."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from . import expect_json, expect_turns, run_command
from .errors import FrontDoorError, Status
from .image import BootFile, BootPlan
from .payload import Images, boot_plan, check_choice
from .run import Request, Result, Run, drive

TAIL_LINES = 40
DEFAULT_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Failure:
    what: str


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="boottest", description=__doc__, epilog="After -- : the words of ./kurma run.")
    top.add_argument("--name", required=True, help="the test's name; its logs go to IMAGES/boot-tests/NAME")
    top.add_argument("--images", required=True, type=Path, help="the build directory that has the images")
    top.add_argument("--expect-status", type=int, default=0, metavar="N", help="exit status of the run (default 0)")
    for stream, what in (("console", "L1's console"), ("guest", "what L1 wrote on port 0xE9"), ("l0", "L0's log")):
        top.add_argument(f"--expect-{stream}", action="append", default=[], metavar="REGEX",
                         help=f"must be found in {what}; ^ and $ match at lines; may be repeated")
        top.add_argument(f"--reject-{stream}", action="append", default=[], metavar="REGEX",
                         help=f"must not be found in {what}; may be repeated")
    top.add_argument("--expect-json", action="append", default=[], metavar="REGEX",
                     help="after the line of L1's console that matches must stand JSON with the members of L0's own; "
                          "may be repeated")
    top.add_argument("--expect-turns", type=int, metavar="N",
                     help="L0's JSON must have turns that join without a gap, in at least N whole rounds, rightly numbered")
    top.add_argument("--repeat", type=int, default=1, metavar="N",
                     help="boot N times; console, port 0xE9, L0's log and the last tick must be equal")
    top.add_argument("--equal-bare", metavar="REGEX",
                     help="boot without Kurma too; L1's lines (console, port 0xE9) that match must be there and be the same")
    top.add_argument("--unchecked", action="store_true",
                     help="skip the front door's own checks, so that L0's answer to a bad payload is seen")
    top.add_argument("--no-payload", action="store_true", help="boot Kurma without any module (L1 is not used)")
    return top


def main(words: list[str]) -> int:
    if "--" not in words:
        parser().error("no -- before the words of ./kurma run")
    split = words.index("--")
    options = parser().parse_args(words[:split])
    runner = argparse.ArgumentParser(prog="boottest ... --")
    run_command.add_arguments(runner)
    arguments = runner.parse_args(words[split + 1:])
    if options.repeat < 1:
        parser().error("--repeat: at least 1")
    base = options.images / "boot-tests" / options.name
    shutil.rmtree(base, ignore_errors=True)
    try:
        results = [_boot(options, arguments, base / f"run-{number}", arguments.l0)
                   for number in range(1, options.repeat + 1)]
        bare = _boot(options, arguments, base / "bare", "none") if options.equal_bare else None
    except FrontDoorError as error:
        print(f"boottest {options.name}: {error}")
        return int(error.status) or 1
    failures = [failure for result in results for failure in check(options, result)]
    failures += check_equal(results)
    if bare is not None:
        failures += check_same_lines(options.equal_bare, results[0], bare)
    _report(options.name, results + ([bare] if bare else []), failures)
    return 1 if failures else 0


def _boot(options: argparse.Namespace, arguments: argparse.Namespace, directory: Path, l0: str) -> Result:
    arguments = argparse.Namespace(**{**vars(arguments), "l0": l0, "knobs": arguments.knobs if l0 != "none" else []})
    choice, machine = run_command.choice_of(arguments), run_command.machine_of(arguments)
    images = Images(options.images)
    if not options.unchecked and not options.no_payload:
        run_command.check_arguments(arguments)
        check_choice(choice)
    if options.no_payload:
        plan = BootPlan("multiboot", BootFile(images.kurma, " ".join(choice.knobs)))
    else:
        plan = boot_plan(choice, images)
    directory.mkdir(parents=True)
    run = Run(Request(options.name, plan, machine, choice.l0, directory,
                      arguments.timeout or DEFAULT_TIMEOUT_SECONDS))
    drive([run])
    assert run.result is not None
    return run.result


def check(options: argparse.Namespace, result: Result) -> list[Failure]:
    """What this run should have said and did not, or should not and did."""
    failures = []
    if int(result.status) != options.expect_status:
        failures.append(Failure(f"status is {int(result.status)} ({result.why}), expected {options.expect_status}"))
    streams = {"console": console_text(result), "guest": "\n".join(result.guest), "l0": "\n".join(result.l0.lines)}
    for stream, text in streams.items():
        for pattern in getattr(options, f"expect_{stream}"):
            if re.search(pattern, text, re.MULTILINE) is None:
                failures.append(Failure(f"{stream}: not found: {pattern}"))
        for pattern in getattr(options, f"reject_{stream}"):
            if (found := re.search(pattern, text, re.MULTILINE)) is not None:
                failures.append(Failure(f"{stream}: must not be there: {pattern} (found {found.group(0)!r})"))
    for pattern in options.expect_json:
        if (wrong := expect_json.problem(pattern, streams["console"], result.l0.counters())) is not None:
            failures.append(Failure(f"console: {wrong}"))
    if options.expect_turns is not None:
        if (wrong := expect_turns.problem(result.l0.counters(), options.expect_turns)) is not None:
            failures.append(Failure(f"turns: {wrong}"))
    return failures


def check_equal(results: list[Result]) -> list[Failure]:
    """Runs of one image are equal to the tick: console, L0's log with its counters, last tick."""
    first, failures = results[0], []
    for number, other in enumerate(results[1:], 2):
        for what, one, two in (("console", first.console, other.console), ("port 0xE9", first.guest, other.guest),
                               ("L0's log", first.l0.lines, other.l0.lines),
                               ("last tick", first.words.tick, other.words.tick)):
            if one != two:
                failures.append(Failure(f"run 1 and run {number} differ in their {what}: compare {first.directory} "
                                        f"with {other.directory}"))
        if first.words.tick is None:
            failures.append(Failure("no last tick to compare: Bochs did not end by itself"))
    return failures


def check_same_lines(pattern: str, result: Result, bare: Result) -> list[Failure]:
    def matching(of: Result) -> list[str]:
        return [line for line in [*console_text(of).split("\n"), *of.guest] if re.search(pattern, line)]
    kurma, alone = matching(result), matching(bare)
    failures = []
    if bare.status is not Status.POWER_OFF:
        failures.append(Failure(f"the bare run ended with status {int(bare.status)} ({bare.why})"))
    if not alone:
        failures.append(Failure(f"no line of the bare run matches {pattern}"))
    if kurma != alone:
        at = next((i for i, pair in enumerate(zip(kurma, alone)) if pair[0] != pair[1]), min(len(kurma), len(alone)))
        failures.append(Failure(f"the {at + 1}th line that matches {pattern} differs: "
                                f"on Kurma {kurma[at:at + 1]}, bare {alone[at:at + 1]}"))
    return failures


def console_text(result: Result) -> str:
    return result.console.decode("utf-8", "replace").replace("\r", "")


def _report(name: str, results: list[Result], failures: list[Failure]) -> None:
    for result in results:
        ticks = f", last tick {result.words.tick:,}" if result.words.tick is not None else ""
        print(f"boottest {name}: status {int(result.status)}, {result.why}{ticks}, {result.seconds:.1f} s, "
              f"logs in {result.directory}")
    for failure in failures:
        print(f"boottest {name}: FAILED: {failure.what}")
    if failures:
        for result in results:
            _tail("console", console_text(result).split("\n"))
            _tail("port 0xE9", result.guest)
            _tail("L0's log", result.l0.lines)


def _tail(title: str, lines: list[str]) -> None:
    print(f"--- the last lines of {title}:")
    print("\n".join(lines[-TAIL_LINES:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
