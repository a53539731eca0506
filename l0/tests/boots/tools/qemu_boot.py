"""Boots Kurma by `qemu -kernel` in QEMU's software emulation, which has no VMX, and checks L0's log.

usage: qemu_boot.py KURMA.ELF PAYLOAD REGEX [WORDS OF KURMA'S COMMAND LINE]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_SECONDS = 60


def main(words: list[str]) -> int:
    kurma, payload, pattern, *knobs = words
    with tempfile.TemporaryDirectory(prefix="kurma-qemu-") as directory:
        log = Path(directory) / "l0.log"
        command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-display", "none", "-nodefaults", "-no-reboot",
                   "-kernel", kurma, "-initrd", payload, "-debugcon", f"file:{log}"]
        if knobs:
            command += ["-append", " ".join(knobs)]
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = None
        text = log.read_text() if log.is_file() else ""
    print(text, end="")
    failures = []
    if status != 0:
        failures.append("QEMU was not switched off by Kurma" if status is None else f"QEMU's status is {status}")
    if re.search(pattern, text, re.MULTILINE) is None:
        failures.append(f"L0's log: not found: {pattern}")
    if not text.endswith("kurma: end refused\n"):
        failures.append("L0's log does not end with the refusal")
    for failure in failures:
        print(f"qemu_boot: FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
