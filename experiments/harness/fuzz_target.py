"""Fuzz targets, and what a run of libFuzzer has said."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from .paths import RESULTS, ROOT, build_dir

PRESET = "fuzz"
PULSE = re.compile(r"^#(\d+)\s.*\bcov: (\d+)", re.MULTILINE)
ENDED = re.compile(r"^Done (\d+) runs", re.MULTILINE)
SEEDS = re.compile(r"seed corpus: files: (\d+)")
KEPT = re.compile(r"Test unit written to (.+)$", re.MULTILINE)
SUMMARY = re.compile(r"broken law:|^SUMMARY:|runtime error:|terminate called|what\(\):")


@dataclass(frozen=True)
class Target:
    """ROOM/fuzz/NAME.cpp, with its corpus beside it."""

    name: str
    source: Path

    @property
    def room(self) -> str:
        return self.source.parents[1].name

    @property
    def about(self) -> str:
        """The first sentence of the source."""
        lines = itertools.takewhile(lambda line: len(line) > len("//"), self.source.read_text().splitlines())
        return " ".join(line.removeprefix("//").strip() for line in lines).partition(". ")[0].rstrip(".")

    @property
    def corpus(self) -> Path:
        return self.source.parent / "corpus" / self.name

    @property
    def seeds(self) -> list[Path]:
        return sorted(path for path in self.corpus.glob("*") if path.is_file())

    @property
    def binary(self) -> Path:
        return build_dir(PRESET) / "targets" / self.name

    @property
    def results(self) -> Path:
        """Findings, logs, and the inputs that runs by the clock have added to the corpus."""
        return RESULTS / "fuzz" / self.name

    @property
    def added(self) -> Path:
        return self.results / "corpus"


def targets() -> dict[str, Target]:
    return {path.stem: Target(path.stem, path) for path in sorted(ROOT.glob("*/fuzz/*.cpp"))}


def progress(text: str) -> str:
    pulses = PULSE.findall(text)
    if not pulses:
        return "starts"
    ended = ENDED.search(text)
    return f"{int(ended[1] if ended else pulses[-1][0]):,} executions, coverage {pulses[-1][1]}"


def verdict(code: int, text: str, runs: int | None, seeds: int | None) -> str | None:
    """What was wrong with a run that ended, if anything. A target that ran less than it was told to proves nothing."""
    if code != 0:
        return f"a finding (the target ended with status {code})"
    ended, read = ENDED.search(text), SEEDS.search(text)
    if ended is None:
        return "ended without a word"
    if runs is not None and int(ended[1]) < runs:
        return f"made only {ended[1]} of {runs} executions"
    if seeds is not None and (read is None or int(read[1]) != seeds):
        return f"read {read[1] if read else 'none'} of {seeds} inputs of its corpus"
    return None


def kept(text: str) -> list[Path]:
    """The inputs that libFuzzer has written down as findings."""
    return [Path(path) for path in KEPT.findall(text)]
