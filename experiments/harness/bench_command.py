"""`./kurma bench`: builds the benches of the pure rooms, runs them, says of each room what is measured."""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from . import build, packages, versions
from .errors import FrontDoorError, Status
from .paths import BENCH, build_dir, new_run_dir, shown
from .progress import say

PRESET = "bench"
TARGET = "kurma_bench"
NOT_ROOMS = ("main", "hardware_counters")
ABOUT_LINE = re.compile(r"// [A-Z]+ \(([\w/.]+)\): (.+)")   # ROOM (door): what is measured.
COUNTERS_NOTE = "hardware counters"                         # By this name in the program's context.
DEBUG_WARNING = "***WARNING*** Library was built as DEBUG"

HELP = "time the pure rooms on this machine (Google Benchmark), with their VMCS accesses per call"
ABOUT = """\
Installs what is missing, builds the preset `bench` (Release, no sanitizers), runs Google Benchmark over the pure rooms,
and counts each call's VMCS accesses. What the columns mean, and why these are not the counts on metal: bench/README.md."""


def examples() -> str:
    lines = [f"  {name.ljust(10)}  {about}" for name, about in rooms().items()]
    return "rooms:\n" + "\n".join(lines) + """

examples:
  ./kurma bench                                          every room
  ./kurma bench merge reflect --repetitions 9            two of them; read the smallest of the nine
  ./kurma bench merge --counters instructions,branch-misses
  ./kurma bench route -- --benchmark_min_time=2          whatever else Google Benchmark knows
"""


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """A bench's words, and those after -- for Google Benchmark. argparse loses them where an option stands between."""
    if words[:1] != ["bench"] or "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1:]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help="only these rooms (default: all)")
    parser.add_argument("--counters", metavar="A,B", help="the processor's counters, by libpfm4's names "
                                                          "(default instructions,cycles)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything as JSON (default: below results/)")
    parser.add_argument("--repetitions", type=int, metavar="N", help="each bench N times, then their mean and spread")


def rooms(folder: Path = BENCH) -> dict[str, str]:
    """Each room's name and what its benches measure, as the first line of its file says."""
    found = {}
    for path in sorted(folder.glob("*.cpp")):
        if path.stem in NOT_ROOMS:
            continue
        with path.open() as file:
            match = ABOUT_LINE.fullmatch(file.readline().rstrip())
        if match is None:
            raise FrontDoorError(f"{shown(path)}: its first line must be `// ROOM (door): what is measured`")
        found[path.stem] = f"{match[2]} [{match[1]}]"
    return found


def words_for(arguments: argparse.Namespace, known: Iterable[str]) -> list[str]:
    """The bench program's flags; what the user wrote after -- comes last and has the last word."""
    chosen, flags = arguments.rooms, arguments.after
    for name in chosen:
        if name not in known:
            raise FrontDoorError(f"no room {name} among the benches; there are: {', '.join(known)}")
    if arguments.repetitions is not None and arguments.repetitions < 1:
        raise FrontDoorError(f"--repetitions {arguments.repetitions}: give a number above 0")
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    if chosen and any(flag.startswith("--benchmark_filter") for flag in flags):
        raise FrontDoorError("rooms and --benchmark_filter exclude each other: a filter may name a room, as ^merge/")
    if any(flag.startswith("--benchmark_out") for flag in flags):
        raise FrontDoorError("--benchmark_out: use --json FILE, which adds the revision")
    words = [f"--benchmark_filter=^({'|'.join(chosen)})/"] if chosen else []
    if arguments.counters:
        words.append(f"--counters={arguments.counters}")
    if arguments.repetitions:
        words.append(f"--benchmark_repetitions={arguments.repetitions}")
    return words + flags


def command(arguments: argparse.Namespace) -> Status:
    known = rooms()
    words = words_for(arguments, known)
    build_program()
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "bench.json"
        status = _run([str(build_dir(PRESET) / "bench" / TARGET), *words, f"--benchmark_out={raw}",
                       "--benchmark_out_format=json"], Table(known, print))
        if status != 0:
            say(f"{TARGET} ended with status {status}; what it said stands above")
            return Status.TESTS_FAILED
        said = json.loads(raw.read_text())
    path = arguments.json or new_run_dir("bench") / "bench.json"
    path.write_text(json.dumps({"what": "the pure rooms on this machine, by Google Benchmark", "git": versions.git(),
                                "host": versions.host(), "rooms": known, **said}, indent=2) + "\n")
    print(f"\nThe same as JSON: {shown(path)}", flush=True)
    wrong = complaints(said["benchmarks"], expected_rooms(arguments.rooms, arguments.after, known))
    for line in wrong:
        say(line)
    return Status.TESTS_FAILED if wrong else Status.POWER_OFF


def build_program() -> None:
    packages.ensure(packages.BUILD | packages.bench())
    build.configure(PRESET)
    build.build(PRESET, [TARGET])


class Table:
    """Google Benchmark's lines, passed on, with a line before each room's first row."""

    def __init__(self, known: dict[str, str], show: Callable[[str], None]) -> None:
        self._known, self._show, self._room = known, show, ""

    def line(self, text: str) -> None:
        room = text.partition("/")[0]
        if text.startswith(DEBUG_WARNING):
            self._show("Debian's Google Benchmark has its assertions on; it works outside of the timed loops, and Kurma's "
                       "code here is Release.")
        elif text.startswith(f"{COUNTERS_NOTE}: none"):
            self._show(f"NO HARDWARE COUNTERS on this machine, only times: {text.partition('none: ')[2]}")
        else:
            if room in self._known and room != self._room:
                self._room = room
                self._show(f"\n{room}: {self._known[room]}")
            self._show(text)


def _run(words: list[str], table: Table) -> int:
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, start_new_session=True)
    with build.stopped_on_exit(process):   # type: ignore[arg-type]
        assert process.stdout is not None
        for line in process.stdout:
            table.line(line.rstrip("\n"))
        return process.wait()


def expected_rooms(asked: list[str], flags: list[str], known: Iterable[str]) -> list[str]:
    """Those that must have rows; a filter of the user's own, or a listing, may leave out any."""
    if any(flag.startswith(("--benchmark_filter", "--benchmark_list_tests")) for flag in flags):
        return []
    return asked or list(known)


def complaints(rows: list[dict[str, object]], expected: Iterable[str]) -> list[str]:
    """What is wrong with a run: a row that failed or took no time at all, a room without a row."""
    wrong = []
    for row in rows:
        time = row.get("cpu_time")
        if row.get("error_occurred"):
            wrong.append(f"{row['name']}: {row.get('error_message', 'failed')}")
        elif row.get("run_type") == "iteration" and not (
                isinstance(time, (int, float)) and math.isfinite(time) and time > 0):
            wrong.append(f"{row['name']}: no time was measured ({time!r})")
    there = {str(row["name"]).partition("/")[0] for row in rows}
    return wrong + [f"{room}: no bench has run" for room in expected if room not in there]
