"""Parts that several root images have: a program with its libraries, Debian's kernel, its KVM, its small QEMU."""

import pathlib
import re
import subprocess
import sys
from collections.abc import Iterable

from .archive import Archive
from .packages import Packages

HERE = pathlib.Path(__file__).resolve().parent
LINUX_L1_SCRIPT = HERE / "root/linux-l1"
LIBRARY_FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64")
LOADER = "ld-linux-x86-64.so.2"
KERNEL = "linux-image-cloud-amd64"
QEMU = "usr/bin/qemu-system-x86_64-microvm"
L1_FIRMWARE = ("qboot.rom", "linuxboot_dma.bin", "kvmvapic.bin")
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


def add_busybox(archive: Archive, packages: Packages, folder: str = "bin") -> None:
    """With a link for each of its programs."""
    busybox = packages.root("busybox-static") / "bin/busybox"
    archive.file(f"{folder}/busybox", busybox.read_bytes(), 0o755)
    applets = subprocess.run([str(busybox), "--list"], check=True, capture_output=True, text=True).stdout
    for applet in applets.split():
        archive.symlink(f"{folder}/{applet}", "busybox")


def add_linux_l1(archive: Archive, packages: Packages) -> None:
    """What every Linux L1 has: mount points, the console, the shared part of its first process, busybox, KVM, QEMU."""
    for folder in ("dev", "proc", "sys", "tmp"):
        archive.directory(folder)
    archive.console()
    archive.file("lib/linux-l1", LINUX_L1_SCRIPT.read_bytes(), 0o644)
    add_busybox(archive, packages)
    add_kvm(archive, packages)
    add_qemu(archive, packages, L1_FIRMWARE)


def add_qemu(archive: Archive, packages: Packages, firmware: Iterable[str]) -> None:
    add_with_libraries(archive, packages.root("qemu-system-x86") / QEMU, packages)
    for name in firmware:
        source = packages.root("qemu-system-data") / "usr/share/qemu" / name
        archive.file("lib/qemu/" + name, source.read_bytes(), 0o644)


def add_with_libraries(archive: Archive, program: pathlib.Path, packages: Packages, *, prefix: str = "",
                       place: str = "", name: str = "") -> None:
    """Adds a program to /bin, or to `place` and under `name`, and to /lib each library that it needs, directly or through
    another. The folders /bin, /lib and /lib64 are below `prefix`."""
    archive.file(f"{place or prefix + 'bin'}/{name or program.name}", program.read_bytes(), 0o755)
    add_libraries(archive, _needed_libraries(program), packages, prefix)


def add_libraries(archive: Archive, names: Iterable[str], packages: Packages, prefix: str = "") -> None:
    """These, those that they need, and the loader."""
    archive.file(f"{prefix}lib64/{LOADER}", _find_library(LOADER, packages).read_bytes(), 0o755)
    done = {LOADER}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        library = _find_library(name, packages)
        archive.file(f"{prefix}lib/x86_64-linux-gnu/{name}", library.read_bytes(), 0o755)
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
