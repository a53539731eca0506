"""A boot test that also looks into the directory of its run: files must be there and say something.

usage: kept_logs.py --file NAME=REGEX ... -- WORDS OF ./kurma boottest
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "experiments"))

from harness import boottest  # noqa: E402


def main(words: list[str]) -> int:
    split = words.index("--")
    parser = argparse.ArgumentParser(prog="kept_logs", description=__doc__)
    parser.add_argument("--file", action="append", required=True)
    wanted = parser.parse_args(words[:split]).file
    test = words[split + 1:]
    status = boottest.main(test)
    directory = Path(test[test.index("--images") + 1]) / "boot-tests" / test[test.index("--name") + 1] / "run-1"
    for entry in wanted:
        name, _, pattern = entry.partition("=")
        path = directory / name
        text = path.read_bytes().decode("utf-8", "replace").replace("\r", "") if path.is_file() else None
        if text is None or re.search(pattern, text, re.MULTILINE) is None:
            print(f"kept_logs: FAILED: {path}: " + ("is not there" if text is None else f"not found: {pattern}"))
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
