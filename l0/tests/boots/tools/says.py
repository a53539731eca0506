"""Runs a command that must end with a status and say something.

usage: says.py STATUS REGEX WORDS...
"""

from __future__ import annotations

import re
import subprocess
import sys

LIMIT_SECONDS = 570   # CTest gives 600: who is stopped here still says what it was doing.


def main(words: list[str]) -> int:
    status, pattern, *command = words
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT_SECONDS)
    print(done.stdout, end="")
    failures = []
    if done.returncode != int(status):
        failures.append(f"status {done.returncode}, expected {status}")
    if re.search(pattern, done.stdout, re.MULTILINE) is None:
        failures.append(f"not found: {pattern}")
    if "Traceback" in done.stdout:
        failures.append("a Python traceback is no answer")
    for failure in failures:
        print(f"says: FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
