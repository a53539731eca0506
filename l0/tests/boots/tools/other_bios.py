"""A boot test on a Bochs whose BIOS treats IA32_FEATURE_CONTROL otherwise: leaves it open, or locks VMX off.

usage: other_bios.py unlocked|locked-off WORDS OF ./kurma boottest

Bochs's BIOS executes RDMSR 3Ah, OR EAX with 5 (VMX allowed, locked), WRMSR. The copy that is booted ORs another number.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "experiments"))

from harness import boottest, platform_bochs  # noqa: E402

# mov $0x3a,%ecx; rdmsr; or $5,%eax; wrmsr: once for the boot processor in 32-bit code, once for the others in 16-bit code.
SETTING = {"boot": b"\xb9\x3a\0\0\0\x0f\x32\x83\xc8\x05\x0f\x30", "others": b"\x66\xb9\x3a\0\0\0\x0f\x32\x66\x83\xc8\x05\x0f\x30"}
VALUES = {"unlocked": 0, "locked-off": 1}


def changed(bios: bytes, value: int) -> bytes:
    for which, code in SETTING.items():
        if bios.count(code) != 1:
            raise SystemExit(f"other_bios: {platform_bochs.BIOS} sets IA32_FEATURE_CONTROL {bios.count(code)} times for {which}")
        bios = bios.replace(code, code.replace(b"\xc8\x05", b"\xc8" + bytes([value])))
    return bios


def main(words: list[str]) -> int:
    bios = changed(Path(platform_bochs.BIOS).read_bytes(), VALUES[words[0]])
    with tempfile.TemporaryDirectory(prefix="kurma-bios-") as directory:
        copy = Path(directory) / "bios.bin"
        copy.write_bytes(bios)
        platform_bochs.BIOS = str(copy)
        return boottest.main(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
