"""Configures and builds a CMake preset, with progress, full logs, and the end of the log on failure."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from . import packages
from .errors import FrontDoorError, Interrupted
from .paths import ROOT, build_dir, shown
from .progress import Ticker

TARGETS = {"kurma": "kurma.elf", "micro": "micro.elf", "linux-kvm": "linux_kvm_image"}
LINES_SHOWN_ON_FAILURE = 30
NINJA_STEP = re.compile(rb"\[(\d+)/(\d+)\]")


def images(preset: str, names: list[str]) -> None:
    """Builds the named images (keys of TARGETS) in a preset's build directory."""
    wanted = dict(packages.BUILD)
    if "linux-kvm" in names:
        wanted |= packages.guests()
    packages.ensure(wanted)
    configure(preset)
    build(preset, [TARGETS[name] for name in names])


def configure(preset: str) -> None:
    directory = build_dir(preset)
    if (directory / "build.ninja").exists() and (directory / "CMakeCache.txt").exists():
        return   # Ninja itself configures again when a list of sources has changed.
    _logged(["cmake", "--preset", preset], directory.parent / f"{preset}-configure.log", f"configures {preset}")


def build(preset: str, targets: list[str] | None = None) -> None:
    command = ["cmake", "--build", "--preset", preset]
    if targets:
        command += ["--target", *targets]
    _logged(command, build_dir(preset).parent / f"{preset}-build.log", f"builds {preset}")


def _logged(command: list[str], log: Path, what: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    ticker = Ticker()
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   env={**os.environ, "LC_ALL": "C"})
        try:
            while process.poll() is None:
                ticker.tick(f"{what} {_steps(log)}")
                time.sleep(0.05)
        except (KeyboardInterrupt, Interrupted):
            process.terminate()
            process.wait()
            raise
        finally:
            ticker.quiet()
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-LINES_SHOWN_ON_FAILURE:]
        raise FrontDoorError("\n".join([f"{' '.join(command)} failed; the end of {shown(log)}:", *tail]))


def _steps(log: Path) -> str:
    found = NINJA_STEP.findall(log.read_bytes())
    return f"{int(found[-1][0])}/{int(found[-1][1])}" if found else ""
