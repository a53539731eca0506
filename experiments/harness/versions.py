"""What a result was made with: the revision of Kurma, and the versions of what it ran on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .paths import ROOT


def git() -> dict[str, object]:
    """The revision, and whether the tree had changes of its own; `unknown` outside a clone."""
    revision = _output(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    changes = _output(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return {"revision": revision or "unknown", "modified": bool(changes)}


def host() -> dict[str, object]:
    """What the platform and the images were made from."""
    return {"debian": debian_release(),
            "packages": debian_packages(["bochs", "bochsbios", "g++-12", "grub-pc-bin", "xorriso"])}


def debian_packages(names: list[str]) -> dict[str, str]:
    text = _output(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names])
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)


def guest_packages(versions_file: Path) -> dict[str, str]:
    """Of the linux-kvm image: its kernel and its QEMU, among the packages it was assembled from."""
    if not versions_file.is_file():
        return {}
    pairs = (line.split(None, 1) for line in versions_file.read_text().splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def qemu() -> str:
    """Its own word, which has Debian's version of it."""
    first = _output(["qemu-system-x86_64", "--version"]).partition("\n")[0]
    return first.removeprefix("QEMU emulator version ") or "unknown"


def debian_release() -> str:
    try:
        return Path("/etc/debian_version").read_text().strip()
    except FileNotFoundError:
        return "not Debian"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
