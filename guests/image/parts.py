"""Parts that several root images have: a program with its libraries, Debian's kernel, its KVM, its small QEMU."""

import pathlib
import re
import subprocess
import sys
from collections.abc import Iterable

from .archive import Archive
from .packages import Packages

LIBRARY_FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64")
LOADER = "ld-linux-x86-64.so.2"
KERNEL = "linux-image-cloud-amd64"
QEMU = "usr/bin/qemu-system-x86_64-microvm"
# The first one is for speed: Linux checks the signatures of the others with it.
KVM_MODULES = (
    "arch/x86/crypto/sha256-ssse3.ko",
    "virt/lib/irqbypass.ko",
    "arch/x86/kvm/kvm.ko",
    "arch/x86/kvm/kvm-intel.ko",
)


def kernel_of(packages: Packages) -> bytes:
    return next((packages.root(KERNEL) / "boot").glob("vmlinuz-*")).read_bytes()


def add_kvm(archive: Archive, packages: Packages) -> None:
    modules = next((packages.root(KERNEL) / "lib/modules").iterdir())
    for module in KVM_MODULES:
        source = modules / "kernel" / module
        archive.file("lib/modules/" + source.name, source.read_bytes(), 0o644)


def add_qemu(archive: Archive, packages: Packages, firmware: Iterable[str]) -> None:
    add_with_libraries(archive, packages.root("qemu-system-x86") / QEMU, packages)
    for name in firmware:
        source = packages.root("qemu-system-data") / "usr/share/qemu" / name
        archive.file("lib/qemu/" + name, source.read_bytes(), 0o644)


def add_with_libraries(archive: Archive, program: pathlib.Path, packages: Packages) -> None:
    """Adds a program to /bin, and to /lib each library that it needs, directly or through another."""
    archive.file("bin/" + program.name, program.read_bytes(), 0o755)
    archive.file("lib64/" + LOADER, _find_library(LOADER, packages).read_bytes(), 0o755)
    done = {LOADER}
    waiting = _needed_libraries(program)
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        library = _find_library(name, packages)
        archive.file("lib/x86_64-linux-gnu/" + name, library.read_bytes(), 0o755)
        waiting += _needed_libraries(library)


def _needed_libraries(program: pathlib.Path) -> list[str]:
    """The DT_NEEDED names of an ELF file."""
    dump = subprocess.run(["objdump", "-p", str(program)], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^\s+NEEDED\s+(\S+)", dump, re.MULTILINE)


def _find_library(name: str, packages: Packages) -> pathlib.Path:
    for folder in LIBRARY_FOLDERS:
        for root in packages.roots():
            candidate = root / folder / name
            if candidate.exists():
                return candidate.resolve()
    sys.exit(f"build-image: no package of image-packages.txt has {name}")
