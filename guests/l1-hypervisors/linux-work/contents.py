"""What each workload has in the image besides its folder of scripts: a function of its name.

To add a workload: a folder workloads/NAME with `run`, a function here if it needs files of packages, and its row in README.md.
A program built here comes by `--program NAME=FILE` into the workload's folder, see CMakeLists.txt.
"""

import pathlib
from collections.abc import Callable

from image.archive import Archive
from image.packages import Packages
from image.parts import add_with_libraries

GCC = "usr/lib/gcc/x86_64-linux-gnu/12"
STB = "usr/include/stb"
# Of the C library's headers, folders that no source here includes.
FOREIGN_HEADERS = ("rpc", "rpcsvc", "net", "neteq", "nfs", "protocols", "scsi", "finclude")
LINUX_HEADERS = ("asm", "asm-generic", "linux/errno.h", "linux/limits.h", "linux/types.h", "linux/posix_types.h",
                 "linux/stddef.h")
UNUSED_INTRINSICS = ("avx512", "amx", "arm_")


def _program(archive: Archive, packages: Packages, package: str, path: str, place: str = "", name: str = "") -> None:
    add_with_libraries(archive, packages.root(package) / path, packages, prefix="usr/", place=place, name=name)


def _files(archive: Archive, root: pathlib.Path, path: str) -> None:
    """A file, or all below a folder; its place in the image is that in the package."""
    found = [root / path] if (root / path).is_file() else [file for file in sorted((root / path).rglob("*")) if file.is_file()]
    for file in found:
        archive.file(str(file.relative_to(root)), file.read_bytes(), 0o644)


def compile_(archive: Archive, packages: Packages) -> None:
    """The compiler's driver, the programs it starts, and what these read."""
    _program(archive, packages, "make", "usr/bin/make")
    _program(archive, packages, "gcc-12", "usr/bin/x86_64-linux-gnu-gcc-12", name="gcc")
    _program(archive, packages, "cpp-12", f"{GCC}/cc1", GCC)
    _program(archive, packages, "gcc-12", f"{GCC}/collect2", GCC)
    _program(archive, packages, "gcc-12", f"{GCC}/liblto_plugin.so", GCC)
    for tool, name in (("as", "as"), ("ld.bfd", "ld")):
        _program(archive, packages, "binutils-x86-64-linux-gnu", f"usr/bin/x86_64-linux-gnu-{tool}", name=name)

    for header in sorted((packages.root("libgcc-12-dev") / GCC / "include").glob("*.h")):
        if not header.name.startswith(UNUSED_INTRINSICS):
            archive.file(f"{GCC}/include/{header.name}", header.read_bytes(), 0o644)
    headers = packages.root("libc6-dev")
    for entry in sorted((headers / "usr/include").iterdir()):
        if entry.name not in FOREIGN_HEADERS:
            _files(archive, headers, f"usr/include/{entry.name}")
    for path in LINUX_HEADERS:
        _files(archive, packages.root("linux-libc-dev"), f"usr/include/{path}")
    _files(archive, packages.root("linux-libc-dev"), "usr/include/x86_64-linux-gnu/asm")
    _files(archive, packages.root("libstb-dev"), STB)


def gzip(archive: Archive, packages: Packages) -> None:
    _program(archive, packages, "gzip", "bin/gzip", "workloads/gzip")
    for source in sorted((packages.root("libstb-dev") / STB).iterdir()):
        archive.file(f"workloads/gzip/text/{source.name}", source.read_bytes(), 0o644)


def pipes(archive: Archive, packages: Packages) -> None:
    _program(archive, packages, "rt-tests", "usr/bin/hackbench")


def server(archive: Archive, packages: Packages) -> None:
    # One program, which looks at its name; Debian's redis-server is a link to it.
    _program(archive, packages, "redis-tools", "usr/bin/redis-check-rdb", name="redis-server")
    _program(archive, packages, "redis-tools", "usr/bin/redis-benchmark")


OF_WORKLOAD: dict[str, Callable[[Archive, Packages], None]] = {
    "compile": compile_, "gzip": gzip, "pipes": pipes, "server": server}
