"""`./kurma fuzz`: builds libFuzzer targets and runs them; says what was found, where it is kept, how to repeat it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from . import build, packages
from .errors import FrontDoorError, Status
from .fuzz_target import PRESET, SUMMARY, Target, kept, progress, targets, verdict
from .paths import ROOT, shown
from .progress import Ticker, say

ALL = "all"
DEFAULT_SECONDS = 60
SEED = 1                     # Of runs that repeat.
SECONDS_FOR_ONE_INPUT = 60   # No input takes a hundredth of a second: one that takes so long has no end.
LONGEST_INPUT = 1024         # Bytes: no target takes more steps than that.
MOST_INPUTS = 30             # Of one target's corpus: what is checked in is to start from, not all there is.
TAIL_LINES = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", help="a target's name, or all; without it: the list")
    parser.add_argument("--seconds", type=int, metavar="N", help=f"how long, for each target (default {DEFAULT_SECONDS})")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at a time (default 1)")
    parser.add_argument("--runs", type=int, metavar="N",
                        help="instead of --seconds: that many executions, the same ones each time")
    parser.add_argument("--input", type=Path, metavar="FILE", help="only this input, each step told: repeats a finding")
    parser.add_argument("--merge", action="store_true",
                        help="no run: the target's corpus anew, of few inputs that reach what it and all runs reached")


def command(arguments: argparse.Namespace) -> Status:
    known = targets()
    if arguments.target is None:
        _list(known.values())
        return Status.POWER_OFF
    chosen = _chosen(arguments, known)
    build_targets(target.name for target in chosen)
    if arguments.input is not None:
        return _repeat(chosen[0], arguments.input)
    if arguments.merge:
        for target in chosen:
            _merge(target)
        return Status.POWER_OFF
    return _fuzz(chosen, arguments)


def build_targets(names: Iterable[str]) -> None:
    packages.ensure(packages.BUILD | packages.FUZZ)
    build.configure(PRESET)
    build.build(PRESET, list(names))


def _list(known: Iterable[Target]) -> None:
    for target in known:
        print(f"{target.name.ljust(18)}  {target.room.ljust(11)}  {len(target.seeds):3} inputs  {target.about}")


def _chosen(arguments: argparse.Namespace, known: dict[str, Target]) -> list[Target]:
    if arguments.target != ALL and arguments.target not in known:
        raise FrontDoorError(f"no fuzz target {arguments.target}; there are: {', '.join(known)}, and {ALL}")
    chosen = list(known.values()) if arguments.target == ALL else [known[arguments.target]]
    for option, value in (("--seconds", arguments.seconds), ("--jobs", arguments.jobs), ("--runs", arguments.runs)):
        if value is not None and value < 1:
            raise FrontDoorError(f"{option} {value}: give a number above 0")
    asked = [option for option, given in (("--seconds", arguments.seconds is not None),
                                          ("--runs", arguments.runs is not None),
                                          ("--input", arguments.input is not None), ("--merge", arguments.merge))
             if given]
    if len(asked) > 1:
        raise FrontDoorError(f"{' and '.join(asked)} exclude each other")
    if arguments.input is not None and (len(chosen) != 1 or not arguments.input.is_file()):
        raise FrontDoorError(f"--input {arguments.input}: give one target and a file that is there")
    return chosen


def environment(telling: bool = False) -> dict[str, str]:
    """Stack traces with names, by binutils, which the compiler brings along. No search for leaks: it stops the process by
    ptrace, and under load, or in a container, it has been seen never to go on; what leaks meets libFuzzer's limit."""
    return {"ASAN_OPTIONS": "allow_addr2line=1:detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1", **os.environ,
            **({"KURMA_FUZZ_TELL": "1"} if telling else {})}


def _repeat(target: Target, path: Path) -> Status:
    done = subprocess.run([target.binary, f"-timeout={SECONDS_FOR_ONE_INPUT}", path.resolve()],
                          stdin=subprocess.DEVNULL, env=environment(telling=True))
    say(f"{target.name} {'holds' if done.returncode == 0 else 'does NOT hold'} for {shown(path)}")
    return Status.POWER_OFF if done.returncode == 0 else Status.TESTS_FAILED


class Job:
    """One process of one target, and its log."""

    def __init__(self, target: Target, number: int, seconds: int | None, runs: int | None) -> None:
        self.target, self.runs, self.seconds = target, runs, seconds
        findings = target.results / "findings"
        for directory in (findings, target.added):
            directory.mkdir(parents=True, exist_ok=True)
        self.log = target.results / ("runs.log" if runs else f"log-{number}.txt")
        self.start = time.monotonic()
        words = [str(target.binary), f"-artifact_prefix={findings}/", f"-timeout={SECONDS_FOR_ONE_INPUT}",
                 f"-max_len={LONGEST_INPUT}", "-len_control=20", "-detect_leaks=0"]
        if runs:
            # In the order of their names, which a directory does not give; without hints from comparisons, since
            # some compare addresses, and those are new each time. What is found is not kept.
            seeds = target.results / "seeds.txt"
            seeds.write_text(",".join(str(path) for path in target.seeds))
            words += [f"-runs={runs}", f"-seed={SEED}", "-use_cmp=0", f"-seed_inputs=@{seeds}"]
        else:
            words += [f"-max_total_time={seconds}", "-reload=1", str(target.added), str(target.corpus)]
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.STDOUT, start_new_session=True, env=environment())

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stage(self) -> str:
        left = f"{max(0, self.seconds - int(time.monotonic() - self.start))} s left" if self.seconds else f"of {self.runs:,}"
        return f"{self.target.name}: {progress(self.said())}, {left}"

    def report(self) -> Status:
        """Tells how it ended; to be asked once, when it has."""
        text = self.said()
        wrong = verdict(self.process.returncode, text, self.runs, len(self.target.seeds) if self.runs else None)
        if wrong is None:
            say(f"{self.target.name}: {progress(text)}, in {time.monotonic() - self.start:.0f} s; nothing found")
            return Status.POWER_OFF
        say(f"{self.target.name}: {wrong}")
        for line in [line for line in text.splitlines() if SUMMARY.search(line)] or text.splitlines()[-TAIL_LINES:]:
            say(f"  {line}")
        say(f"  log: {shown(self.log)}")
        for path in kept(text):
            say(f"  kept: {shown(path)}")
            say(f"  repeat: ./kurma fuzz {self.target.name} --input {shown(path)}")
        return Status.TESTS_FAILED


def _fuzz(chosen: list[Target], arguments: argparse.Namespace) -> Status:
    seconds = None if arguments.runs else (arguments.seconds or DEFAULT_SECONDS)
    waiting = list(chosen if len(chosen) > 1 or arguments.runs else chosen * arguments.jobs)
    running: list[Job] = []
    status, ticker, started = Status.POWER_OFF, Ticker(), 0
    with ExitStack() as stack:
        while waiting or running:
            while waiting and len(running) < arguments.jobs:
                job = Job(waiting.pop(0), started, seconds, arguments.runs)
                started += 1
                stack.enter_context(build.stopped_on_exit(job.process))
                running.append(job)
            for job in [job for job in running if job.process.poll() is not None]:
                running.remove(job)
                ticker.quiet()
                status = job.report() or status
            ticker.tick("; ".join(job.stage() for job in running) + (f"; {len(waiting)} wait" if waiting else ""))
            time.sleep(0.2)
    return status


def _merge(target: Target) -> None:
    fresh = target.corpus.with_name(target.name + ".merged")
    shutil.rmtree(fresh, ignore_errors=True)   # Of a merge that was stopped.
    fresh.mkdir(parents=True)
    sources = [path for path in (target.corpus, target.added) if path.is_dir()]
    log = target.results / "merge.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        done = subprocess.run([target.binary, "-set_cover_merge=1", "-use_counters=0", fresh, *sources], cwd=ROOT,
                              stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment())
    if done.returncode != 0:
        raise FrontDoorError(f"{target.name}: merge failed; see {shown(log)}", Status.TESTS_FAILED)
    for path in target.seeds:
        path.unlink()
    target.corpus.mkdir(parents=True, exist_ok=True)
    # The longest first: they reach the most, and what the others reach is seldom far from there.
    for path in sorted(fresh.iterdir(), key=lambda path: path.stat().st_size, reverse=True)[:MOST_INPUTS]:
        path.rename(target.corpus / path.name)
    shutil.rmtree(fresh)
    say(f"{target.name}: {len(target.seeds)} inputs, {sum(path.stat().st_size for path in target.seeds)} bytes")
