"""Configures and builds a CMake preset, with progress, full logs, and the end of the log on failure."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import packages
from .errors import FrontDoorError
from .paths import ROOT, build_dir, shown
from .progress import Ticker

# By Ninja's names of the files, which do not depend on what their rooms call the targets.
TARGETS = {
    "kurma": ["l0/kurma.elf"],
    "micro": ["guests/l1-hypervisors/micro/micro.elf"],
    "conformance": ["guests/l1-hypervisors/conformance/conformance.elf"],
    "kvm": ["guests/l0-hypervisors/linux-kvm/vmlinuz", "guests/l0-hypervisors/linux-kvm/initrd.cpio"],
    "linux-work": ["guests/l1-hypervisors/linux-work/vmlinuz", "guests/l1-hypervisors/linux-work/initrd.cpio"],
    "linux-kvm": ["guests/l1-hypervisors/linux-kvm/vmlinuz", "guests/l1-hypervisors/linux-kvm/initrd.cpio"],
}
LINES_SHOWN_ON_FAILURE = 30
NINJA_STEP = re.compile(rb"\[(\d+)/(\d+)\]")


def images(preset: str, names: list[str]) -> None:
    """Builds the named images (keys of TARGETS) in a preset's build directory."""
    wanted = dict(packages.BUILD)
    if {"linux-kvm", "linux-work", "kvm"} & set(names):
        wanted |= packages.guests()
    packages.ensure(wanted)
    configure(preset)
    build(preset, [target for name in names for target in TARGETS[name]])


def configure(preset: str) -> None:
    directory = build_dir(preset)
    made, presets = directory / "build.ninja", ROOT / "CMakePresets.json"
    if made.exists() and made.stat().st_mtime > presets.stat().st_mtime:
        return   # Ninja itself configures again when a CMakeLists.txt or a list of sources has changed.
    _logged(["cmake", "--preset", preset], directory.parent / f"{preset}-configure.log", f"configures {preset}")


def build(preset: str, targets: list[str] | None = None) -> None:
    command = ["cmake", "--build", "--preset", preset]
    if targets:
        command += ["--target", *targets]
    _logged(command, build_dir(preset).parent / f"{preset}-build.log", f"builds {preset}")


def _logged(command: list[str], log: Path, what: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    ticker = Ticker()
    with one_at_a_time(log.parent / "lock", ticker), log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   start_new_session=True, env={**os.environ, "LC_ALL": "C"})
        with stopped_on_exit(process):
            while process.poll() is None:
                ticker.tick(f"{what} {_steps(log)}")
                time.sleep(0.05)
        ticker.quiet()
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-LINES_SHOWN_ON_FAILURE:]
        raise FrontDoorError("\n".join([f"{' '.join(command)} failed; the end of {shown(log)}:", *tail]))


@contextmanager
def stopped_on_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends a child that leads a session of its own, with its children, when we leave before it."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


@contextmanager
def one_at_a_time(path: Path, ticker: Ticker) -> Iterator[None]:
    """Two front doors at once do not build over each other; the kernel frees the lock of one that is gone."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                ticker.tick("waits for another ./kurma that builds")
                time.sleep(0.2)
        yield


def _steps(log: Path) -> str:
    found = NINJA_STEP.findall(log.read_bytes())
    return f"{int(found[-1][0])}/{int(found[-1][1])}" if found else ""
