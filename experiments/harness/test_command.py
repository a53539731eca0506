"""`./kurma test`: set up, build everything, and let CTest run it."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from . import bench_command, build, fuzz_command, fuzz_target, packages
from .errors import FrontDoorError, Status
from .paths import ROOT
from .progress import say

BOOT_LABEL = "boot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="host tests only, without the boots on Bochs")
    parser.add_argument("ctest", nargs="*", metavar="CTEST-WORDS",
                        help="after -- : passed on to ctest, e.g. ./kurma test -- -R vmclear")


def command(arguments: argparse.Namespace) -> Status:
    wanted = packages.BUILD | packages.TESTS | packages.bench()
    packages.ensure(wanted if arguments.quick else wanted | packages.RUN | packages.guests())
    build.configure("host")
    build.build("host")
    fuzz_command.build_targets(fuzz_target.targets())
    bench_command.build_program()
    if not arguments.quick:
        build.images("host", ["kurma", "micro", "conformance", "linux-kvm", "linux-work", "kvm"])
    words = ["ctest", "--preset", "host", "--parallel", str(min(2, os.cpu_count() or 1))]
    if arguments.quick:
        words += ["--label-exclude", f"^{BOOT_LABEL}$"]
    words += arguments.ctest
    say(f"runs {' '.join(words)}")
    try:
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True)
    except FileNotFoundError:
        raise FrontDoorError("ctest is missing: apt-get install -y --no-install-recommends cmake") from None
    with build.stopped_on_exit(process):
        status = process.wait()
    _say_log_path(status)
    return Status.POWER_OFF if status == 0 else Status.TESTS_FAILED


def _say_log_path(status: int) -> None:
    log = Path("build/host/Testing/Temporary/LastTest.log")
    if status != 0 and (ROOT / log).exists():
        say(f"full output of every test: {log}")
