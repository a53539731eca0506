"""Writes the small payloads of the boot tests: each is right but for the one thing that its name tells.

usage: make_payloads.py DIRECTORY (which has flat.bin)
"""

from __future__ import annotations

import stat
import struct
import sys
from pathlib import Path

MULTIBOOT_MAGIC = 0x1BADB002
WANTS_VIDEO_MODE = 1 << 2
ELF_HEADER_BYTES, PROGRAM_HEADER_BYTES = {32: 52, 64: 64}, {32: 32, 64: 56}
HALT = b"\xf4\xeb\xfd"     # hlt; jmp back to it
LOADED_AT = 0x100000
SEGMENT_OFFSET = 0x1000
PAGE = 4096
GIB = 1 << 30

# An archive behind one that is packed in LZ4's old format: Linux reads that as ending at a word of zeros.
END_OF_LZ4 = bytes(4)

NOBODY = b"nobody:x:65534:65534:nobody:/:/bin/sh\n"

LINUX_SETUP_SECTORS = 4
LINUX_KERNEL_BYTES = 64 * 1024


FLAT_IMAGE, FLAT_ADDRESS, FLAT_ZEROED = "flat.bin", 0x300000, 4096


def multiboot_header(flags: int = 0) -> bytes:
    return struct.pack("<III", MULTIBOOT_MAGIC, flags, -(MULTIBOOT_MAGIC + flags) & 0xFFFFFFFF)


def elf(bits: int = 32, flags: int = 0, address: int = LOADED_AT, memory_size: int = PAGE,
        code: bytes = HALT.ljust(PAGE, b"\0")) -> bytes:
    """An ELF with a Multiboot header and one segment, as the System V ABI, chapter 4, draws it."""
    ident = b"\x7fELF" + bytes([1 if bits == 32 else 2, 1, 1]).ljust(12, b"\0")
    machine = 3 if bits == 32 else 62
    word = "I" if bits == 32 else "Q"
    header = ident + struct.pack(f"<HHI{word}{word}{word}IHHHHHH", 2, machine, 1, address, ELF_HEADER_BYTES[bits], 0, 0,
                                 ELF_HEADER_BYTES[bits], PROGRAM_HEADER_BYTES[bits], 1, 0, 0, 0)
    if bits == 32:
        program = struct.pack("<8I", 1, SEGMENT_OFFSET, address, address, len(code), memory_size, 7, PAGE)
    else:
        program = struct.pack("<II6Q", 1, 7, SEGMENT_OFFSET, address, address, len(code), memory_size, PAGE)
    return (header + program + multiboot_header(flags)).ljust(SEGMENT_OFFSET, b"\0") + code


def cut_in_headers() -> bytes:
    """An ELF whose program headers would begin within the file and end behind it."""
    image = bytearray(elf()[:PAGE])
    struct.pack_into("<I", image, 28, PAGE - 8)
    return bytes(image)


def linux(protocol: int = 0x020F, preferred: int = 0x1000000, init_size: int = 1 << 20, command_line: int = 2047,
          ramdisk_max: int = 0x7FFFFFFF) -> bytes:
    """A bzImage as far as its header goes (Documentation/arch/x86/boot.rst); its kernel halts at once."""
    setup = bytearray((LINUX_SETUP_SECTORS + 1) * 512)
    setup[0x1F1] = LINUX_SETUP_SECTORS
    struct.pack_into("<I", setup, 0x1F4, LINUX_KERNEL_BYTES // 16)
    struct.pack_into("<H", setup, 0x1FE, 0xAA55)
    setup[0x200:0x202] = b"\xeb\x6a"
    struct.pack_into("<4sH", setup, 0x202, b"HdrS", protocol)
    struct.pack_into("<II", setup, 0x22C, ramdisk_max, 0x200000)
    struct.pack_into("<I", setup, 0x238, command_line)
    struct.pack_into("<QI", setup, 0x258, preferred, init_size)
    return bytes(setup) + HALT.ljust(LINUX_KERNEL_BYTES, b"\0")


def cpio(files: dict[str, tuple[int, bytes]]) -> bytes:
    """An initramfs ("newc" cpio) of files with their modes."""
    result = bytearray()

    def append(inode: int, path: str, mode: int, content: bytes) -> None:
        name = path.encode() + b"\0"
        numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        for part in (b"070701" + b"".join(b"%08X" % number for number in numbers) + name, content):
            result.extend(part + b"\0" * (-len(part) % 4))

    for inode, (path, (mode, content)) in enumerate(files.items(), 1):
        append(inode, path, mode, content)
    append(0, "TRAILER!!!", 0, b"")
    return bytes(result)


def make(directory: Path) -> None:
    whole = elf()
    flat = (directory / FLAT_IMAGE).read_bytes()
    init, ctl_init = ((Path(__file__).parent / name).read_bytes() for name in ("second_init.sh", "ctl_init.sh"))
    payloads = {
        "no_image.bin": b"This is a text, and neither an ELF nor a kernel.\n" * 200,
        "no_elf.bin": multiboot_header().ljust(2 * PAGE, b"\0"),
        "cut_short.elf": whole[:SEGMENT_OFFSET + 100],
        "cut_in_headers.elf": cut_in_headers(),
        "wants_3_gib.elf": elf(memory_size=3 * GIB),
        "wants_l0s_place.elf": elf(address=0x3E000000),
        "wants_low_memory.elf": elf(address=0x9F000, memory_size=0x2000),
        "wraps_around.elf": elf(bits=64, address=0x200000, memory_size=(1 << 64) - PAGE),
        "64_bits.elf": elf(bits=64, address=FLAT_ADDRESS, memory_size=len(flat) + FLAT_ZEROED, code=flat),
        "wants_informations_place.elf": elf(address=0x10000),
        "wants_video.elf": elf(flags=WANTS_VIDEO_MODE),
        "old_linux.bin": linux(protocol=0x0204),
        "short_command_line_linux.bin": linux(command_line=10),
        "cut_short_linux.bin": linux()[:-LINUX_KERNEL_BYTES // 2],
        "wants_2_gib_linux.bin": linux(init_size=2 * GIB),
        "low_ramdisk_linux.bin": linux(ramdisk_max=0xFFFFFF),
        "second.cpio": END_OF_LZ4 + cpio({"second-init": (stat.S_IFREG | 0o755, init)}),
        "ctl.cpio": END_OF_LZ4 + cpio({"ctl-init": (stat.S_IFREG | 0o755, ctl_init),
                                       "etc/passwd": (stat.S_IFREG | 0o644, NOBODY)}),
    }
    for name, content in payloads.items():
        (directory / name).write_bytes(content)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
