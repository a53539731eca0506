"""Debian packages: which are missing, and installing them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from .errors import FrontDoorError
from .paths import BENCH, GUESTS, L0_GUESTS, ROOT, shown
from .progress import Ticker, say

BUILD = {"g++": "compiler", "cmake": "build", "ninja-build": "build"}
RUN = {"bochs": "the machine with VMX", "bochsbios": "its BIOS", "vgabios": "its VGA BIOS", "grub-pc-bin": "boot loader",
       "grub-common": "makes boot images", "xorriso": "makes boot images",
       "libfaketime": "makes Bochs's random numbers repeat"}
FUZZ = {"clang-14": "compiles fuzz targets", "libclang-rt-14-dev": "libFuzzer and its sanitizers"}
QEMU = {"qemu-system-x86": "boots L0 without VMX, and where the processor has it", "seabios": "its BIOS"}
REPORT = {"python3-matplotlib": "draws the report's figures"}
PERF = {"linux-perf": "counts the host's KVM's exits"}
EVENTS = {"libpfm4": "encodes hardware events by their names"}
TESTS = {"libgtest-dev": "host tests", **QEMU, **EVENTS,
         "python3": "tests and tools", **FUZZ, **REPORT, "chromium": "opens the report's page, as a reader would",
         "chromium-driver": "tells it what to do", "python3-selenium": "tells it what to do, from Python"}
APT = ["apt-get", "install", "-y", "--no-install-recommends"]


def guests() -> dict[str, str]:
    """What the guests' own packages.txt ask for, one name a line."""
    wanted: dict[str, str] = {}
    for path in sorted([*GUESTS.glob("*/packages.txt"), *L0_GUESTS.glob("*/packages.txt")]):
        wanted |= dict.fromkeys(names_in(path), f"guest {path.parent.name}")
    return wanted


def bench() -> dict[str, str]:
    """What the benches' packages.txt asks for."""
    return dict.fromkeys(names_in(BENCH / "packages.txt"), "benches")


def names_in(path: Path) -> list[str]:
    """The names of a packages.txt: one a line, `#` begins a remark."""
    names = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [name for name in names if name]


def missing(wanted: Iterable[str]) -> list[str]:
    names = list(wanted)
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *names],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    there = {line.split()[0] for line in done.stdout.splitlines() if line.split()[1:2] == ["ii"]}
    return [name for name in names if name not in there]


def ensure(wanted: dict[str, str]) -> None:
    """Installs what is missing, saying what and why; silent and quick when all is there."""
    if shutil.which("dpkg-query") is None or shutil.which("apt-get") is None:
        raise FrontDoorError("no dpkg and apt here: Kurma sets itself up on Debian 12 (or in a container of it)")
    absent = missing(wanted)
    if not absent:
        return
    if os.geteuid() != 0:
        raise FrontDoorError(f"packages are missing and this is not root; run: sudo {' '.join([*APT, *absent])}")
    say("installs from Debian: " + ", ".join(f"{name} ({wanted[name]})" for name in absent))
    if not _known(absent):
        _apt(["apt-get", "update"], "apt-get update")
    if not _apt([*APT, *absent], "apt-get install", may_fail=True):
        _apt(["apt-get", "update"], "apt-get update, since the lists may be old")
        _apt([*APT, *absent], "apt-get install again")
    still = missing(wanted)
    if still:
        raise FrontDoorError(f"apt-get reported success, yet these are not installed: {' '.join(still)}")


def _known(names: list[str]) -> bool:
    """Whether apt's lists have a version of each to install."""
    done = subprocess.run(["apt-cache", "policy", *names], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"})
    return done.stdout.count("Candidate:") == len(names) and "Candidate: (none)" not in done.stdout


def _apt(command: list[str], what: str, may_fail: bool = False) -> bool:
    log = ROOT / "build" / "apt.log"
    log.parent.mkdir(exist_ok=True)
    ticker = Ticker()
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
        try:
            while process.poll() is None:
                ticker.tick(what)
                time.sleep(0.1)
        finally:
            ticker.quiet()
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode == 0:
        return True
    if may_fail:
        return False
    tail = log.read_text(errors="replace").splitlines()[-5:]
    raise FrontDoorError(f"{what} failed; full log {shown(log)}, its end:\n  " + "\n  ".join(tail))
