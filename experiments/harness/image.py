"""A bootable CD image: GRUB's core with the boot commands inside, and the files they name.

The core carries only the modules that the commands need and no menu, so that the BIOS reads little of it. GRUB
talks on COM2, never on COM1, so that L1's console stays L1's own, and its errors can be read on the host.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .errors import FrontDoorError
from .paths import ROOT

sys.path.append(str(ROOT / "guests"))
from image.archive import Archive  # noqa: E402  (what the guests' root images are made with)

MULTIBOOT_MAGIC = b"\x02\xb0\xad\x1b"
MULTIBOOT_SEARCH_BYTES = 8192  # Multiboot 0.6.96, 3.1: the header lies within the first 8192 bytes, 32-bit aligned.
LINUX_MAGIC_OFFSET = 0x202     # Linux Documentation/arch/x86/boot.rst: "HdrS".
ROOT_ARCHIVE = "root.cpio"
GRUB_MODULES = ["biosdisk", "iso9660", "serial", "terminal", "boot"]


@dataclass(frozen=True)
class BootFile:
    """A file that GRUB loads, and the words it hands over with it."""

    path: Path
    cmdline: str = ""


@dataclass(frozen=True)
class BootPlan:
    """What GRUB loads: `loader` is `multiboot` or `linux`; the first file is the kernel. `root_files` are added to
    Linux's root image: what each is called there, and its contents or where they are."""

    loader: str
    kernel: BootFile
    modules: list[BootFile] = field(default_factory=list)
    root_files: dict[str, str | Path] = field(default_factory=dict)


def kind_of(path: Path) -> str:
    """`multiboot`, `linux`, or `unknown`, by the headers that their boot protocols define."""
    with path.open("rb") as file:
        head = file.read(MULTIBOOT_SEARCH_BYTES)
    if head[LINUX_MAGIC_OFFSET:LINUX_MAGIC_OFFSET + 4] == b"HdrS":
        return "linux"
    if any(head[at:at + 4] == MULTIBOOT_MAGIC for at in range(0, len(head) - 11, 4)):
        return "multiboot"
    return "unknown"


def grub_word(word: str) -> str:
    """One word as GRUB's rescue parser reads it back unchanged."""
    return "'" + word.replace("'", "'\\''") + "'"


def grub_words(cmdline: str) -> str:
    return "".join(" " + grub_word(word) for word in cmdline.split())


def grub_config(plan: BootPlan) -> str:
    """The commands in GRUB's core. A failed `boot` leaves GRUB at its rescue prompt, which platform_bochs sees."""
    lines = ["serial --unit=1 --speed=115200", "terminal_output serial"]
    lines.append(f"{plan.loader} /boot/0{grub_words(plan.kernel.cmdline)}")
    if plan.loader == "linux":
        if plan.modules:
            names = " ".join(f"/boot/{number}" for number, _ in enumerate(plan.modules, 1))
            lines.append(f"initrd {names}")
    else:
        for number, module in enumerate(plan.modules, 1):
            lines.append(f"module /boot/{number}{grub_words(module.cmdline)}")
    lines.append("boot")
    return "\n".join(lines) + "\n"


def with_root_archive(plan: BootPlan, directory: Path) -> BootPlan:
    """The same plan with its root files, if it has any, as one more module: `directory`/root.cpio."""
    if not plan.root_files:
        return plan
    root = directory / ROOT_ARCHIVE
    root.write_bytes(_root_archive(plan.root_files))
    # Before the other archives: Linux finds no end in a compressed one but that of its input. Under Kurma the first
    # module is Linux itself.
    at = 0 if plan.loader == "linux" else 1
    return BootPlan(plan.loader, plan.kernel, [*plan.modules[:at], BootFile(root), *plan.modules[at:]])


def make_iso(plan: BootPlan, directory: Path) -> Path:
    """Writes grub.cfg and boot.iso to `directory`; takes about 0.2 s, mostly xorriso."""
    plan = with_root_archive(plan, directory)
    config, core, iso = directory / "grub.cfg", directory / "grub.img", directory / "boot.iso"
    config.write_text(grub_config(plan))
    _tool(["grub-mkimage", "-O", "i386-pc-eltorito", "-o", str(core), "-p", "/boot", "-c", str(config),
           *GRUB_MODULES, plan.loader], "grub-pc-bin grub-common")
    grafts = [f"/boot/grub.img={core}"]
    for number, file in enumerate([plan.kernel, *plan.modules]):
        grafts.append(f"/boot/{number}={_escaped(file.path.resolve())}")
    _tool(["xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", "KURMA", "-o", str(iso), "-b", "boot/grub.img",
           "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-graft-points", *grafts], "xorriso")
    core.unlink()
    (directory / ROOT_ARCHIVE).unlink(missing_ok=True)
    return iso


def _root_archive(files: dict[str, str | Path]) -> bytes:
    archive = Archive()
    for name, content in files.items():
        archive.file(name, content.read_bytes() if isinstance(content, Path) else content.encode(), 0o644)
    return archive.bytes()


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("=", "\\=")


def _tool(command: list[str], packages: str) -> None:
    if shutil.which(command[0]) is None:
        raise FrontDoorError(f"{command[0]} is missing: apt-get install -y --no-install-recommends {packages}")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        detail = (done.stderr or done.stdout).strip().splitlines()
        raise FrontDoorError(f"{command[0]} failed: {detail[-1] if detail else done.returncode}")
