"""Debian's Bochs as the machine: its configuration, its process, and how its end is read from its log.

Two runs of one image are equal to the tick (`clock: sync=none`, a fixed `time0`, a VGA timer driven by ticks), unless
the image uses RDRAND or RDSEED: Bochs 2.7 seeds these by the host's clock.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .errors import FrontDoorError

DEFAULT_CPU = "corei7_haswell_4770"
DEFAULT_MEMORY_MIB = 1024
MIN_MEMORY_MIB = 8
MAX_MEMORY_MIB = 4096
MAX_HOST_MEMORY_MIB = 2048   # Bochs keeps at most this much in its own memory; the rest, in a file, starts slowly.
MAX_PROCESSORS = 8
BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGABIOS = "/usr/share/vgabios/vgabios-stdvga.bin"
INSTRUCTIONS_PER_SECOND = 50_000_000   # How many ticks make an emulated second; see README, "The machine".
EMULATED_START_TIME = 1_000_000_000
CMOS_FILE = "cmos.bin"
GRUB_PROMPTS = (b"grub> ", b"grub rescue> ")   # Where its commands end when one of them fails.


# Bochs seeds the numbers that RDRAND gives by the host's clock. A clock that stands still makes them the same in every run.
_STOPPED_CLOCK = {"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
                  "FAKETIME": "2001-09-09 01:46:40", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}


class Ending(Enum):
    """Why Bochs ended, or what made us end it."""

    SHUTDOWN_PORT = "the guest wrote Shutdown to port 0x8900"
    SOFT_OFF = "ACPI soft-off"
    TRIPLE_FAULT = "triple fault"
    RESET = "the guest reset the machine"
    LOADER_FAILED = "GRUB could not load or start the image"
    OTHER = "Bochs ended on its own"
    NEVER_STARTED = "Bochs did not start"


@dataclass(frozen=True)
class Machine:
    cpu: str = DEFAULT_CPU
    processors: int = 1
    memory_mib: int = DEFAULT_MEMORY_MIB


def known_models() -> list[str]:
    """The processor models this Bochs has, in its own order."""
    if shutil.which("bochs") is None:
        raise FrontDoorError("bochs is missing: apt-get install -y --no-install-recommends bochs bochsbios vgabios")
    done = subprocess.run(["bochs", "--help", "cpu"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    _, _, rest = (done.stdout + done.stderr).partition("Supported CPU models:")
    return re.findall(r"^([a-z][a-z0-9_]+)$", rest, re.MULTILINE)


def check_machine(machine: Machine) -> None:
    models = known_models()
    if machine.cpu not in models:
        raise FrontDoorError(f"unknown CPU model {machine.cpu!r}; this Bochs has: {', '.join(models)}")
    if not MIN_MEMORY_MIB <= machine.memory_mib <= MAX_MEMORY_MIB:
        raise FrontDoorError(f"--memory {machine.memory_mib}: Bochs takes {MIN_MEMORY_MIB} to {MAX_MEMORY_MIB} MiB")
    if not 1 <= machine.processors <= MAX_PROCESSORS:
        raise FrontDoorError(f"--cpus {machine.processors}: Bochs is given 1 to {MAX_PROCESSORS} processors")


def bochsrc(machine: Machine, iso: Path, com1: str) -> str:
    """The configuration; `com1` is Bochs's own description of COM1 (`mode=file, dev=...` or `mode=term, dev=...`)."""
    host = min(machine.memory_mib, MAX_HOST_MEMORY_MIB)
    return f"""# Written by ./kurma run. Run it again, by hand, in this directory: bochs -q -f bochsrc -rc bochs.rc
memory: guest={machine.memory_mib}, host={host}
romimage: file={BIOS}
vgaromimage: file={VGABIOS}
cpu: model={machine.cpu}, count={machine.processors}, ips={INSTRUCTIONS_PER_SECOND}, reset_on_triple_fault=0
clock: sync=none, time0={EMULATED_START_TIME}
ata0-master: type=cdrom, path={iso.name}, status=inserted
boot: cdrom
cmosimage: file={CMOS_FILE}, rtc_init=time0
com1: enabled=1, {com1}
com2: enabled=1, mode=file, dev=grub.log
port_e9_hack: enabled=1
plugin_ctrl: speaker=0, gameport=0, parallel=0
speaker: enabled=0
sound: waveoutdrv=dummy, waveout=none, waveindrv=dummy, midioutdrv=dummy
display_library: rfb, options="timeout=0"
vga: extension=vbe, update_freq=5, realtime=0
log: bochs.log
debug: action=ignore
info: action=report
error: action=ignore
panic: action=fatal
"""


def cmos(memory_mib: int) -> bytes:
    """The CMOS memory as Bochs itself fills it for this machine, but for the bit that asks the BIOS to start fast.

    The BIOS waits three emulated seconds for a key that nobody will type; the bit saves 153 million ticks a boot.
    """
    registers = bytearray(128)
    registers[0x0A], registers[0x0B], registers[0x0D] = 0x26, 0x02, 0x80   # RTC: rate, 24 hours, battery good.
    registers[0x10], registers[0x14] = 0x40, 0x07                          # Floppy A:, equipment.
    registers[0x15:0x17] = (640).to_bytes(2, "little")                     # KiB of base memory.
    above_1_mib = min((memory_mib - 1) * 1024, 0xFC00).to_bytes(2, "little")
    registers[0x17:0x19] = registers[0x30:0x32] = above_1_mib              # KiB above 1 MiB.
    above_16_mib = min(max(memory_mib - 16, 0) * 16, 0xBF00)
    registers[0x34:0x36] = above_16_mib.to_bytes(2, "little")              # 64-KiB blocks above 16 MiB.
    registers[0x3D] = 0x03                                                 # Boots from CD.
    registers[0x3F] = 0x01                                                 # Starts fast.
    registers[0x2E:0x30] = sum(registers[0x10:0x2E]).to_bytes(2, "big")
    return bytes(registers)


class Bochs:
    """One Bochs in a session of its own. `stop` ends it, whatever state it is in; it never outlives this process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "bochs.rc").write_text("c\nq\n")   # Its debugger stops first of all: continue; then quit.
        self._errors = (directory / "bochs.err").open("wb")
        try:
            self.process = subprocess.Popen(
                ["bochs", "-q", "-f", "bochsrc", "-rc", "bochs.rc"], cwd=directory, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True, preexec_fn=die_with_parent,
                env={**os.environ, "LC_ALL": "C", **_STOPPED_CLOCK})
        except FileNotFoundError:
            self._errors.close()
            raise FrontDoorError("bochs is missing: apt-get install -y --no-install-recommends bochs") from None
        assert self.process.stdout is not None
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._reset_seen = False
        self._log_read_to = 0

    def running(self) -> bool:
        return self.process.poll() is None

    def read_output(self) -> bytes:
        """What Bochs wrote since the last call; port 0xE9's bytes are in it."""
        return self.output.read() or b""

    def watch(self) -> Ending | None:
        """An ending that Bochs itself goes on after: a reset of the machine, or GRUB at its prompt."""
        if any(prompt in _bytes(self.directory / "grub.log") for prompt in GRUB_PROMPTS):
            return Ending.LOADER_FAILED
        try:
            with open(self.directory / "bochs.log", "rb") as log:
                log.seek(self._log_read_to)
                chunk = log.read()
        except FileNotFoundError:
            return None
        # A reset's line may be cut by this read: go on from the last whole line.
        whole = chunk.rfind(b"\n") + 1
        self._log_read_to += whole
        for line in chunk[:whole].splitlines():
            if b"bx_pc_system_c::Reset(" in line and not line.startswith(b"00000000000"):
                self._reset_seen = True
        return Ending.RESET if self._reset_seen else None

    def stop(self) -> None:
        if self.running():
            for sent in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self.process.pid, sent)
                    self.process.wait(timeout=2)
                    break
                except ProcessLookupError:
                    break
                except subprocess.TimeoutExpired:
                    continue
            self.process.wait()
        self._errors.close()

    def close(self) -> None:
        self.stop()
        self.output.close()

    def last_words(self) -> LastWords:
        return last_words(self.directory)


@dataclass(frozen=True)
class LastWords:
    """What bochs.log says of the end: why, at which tick, and in which words."""

    ending: Ending
    tick: int | None
    text: str


PANIC_LINE = re.compile(r"^(\d+)p(\[.{6}\]) >>PANIC<< (.*)$", re.MULTILINE)


def last_words(directory: Path) -> LastWords:
    log = _bytes(directory / "bochs.log").decode("utf-8", "replace")
    found = PANIC_LINE.findall(log)
    if not found:
        errors = _bytes(directory / "bochs.err").decode("utf-8", "replace").strip().splitlines()
        ending = Ending.OTHER if "Reset(HARDWARE)" in log else Ending.NEVER_STARTED
        return LastWords(ending, None, errors[-1] if errors else "no message")
    tick, unit, message = found[-1]
    return LastWords(_classify(message), int(tick), f"{unit} {message}")


def _classify(message: str) -> Ending:
    if "Shutdown port: shutdown requested" in message:
        return Ending.SHUTDOWN_PORT
    if "ACPI control: soft power off" in message:
        return Ending.SOFT_OFF
    if "3rd (" in message and "exception with no resolution" in message:
        return Ending.TRIPLE_FAULT
    return Ending.OTHER


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


_PR_SET_PDEATHSIG = 1   # linux/prctl.h


def die_with_parent() -> None:
    """Runs in the child: the kernel ends Bochs when this process is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
