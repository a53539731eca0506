"""One boot from request to verdict. Several may be driven at once by one loop (demo does)."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .console import FileConsole, TerminalConsole
from .errors import Interrupted, Status
from .guestlog import GuestLog
from .image import BootPlan, make_iso
from .l0 import L0
from .l0log import L0Log
from .platform_bochs import CMOS_FILE, Bochs, Ending, LastWords, Machine, bochsrc, cmos
from .qemu import Qemu
from .verdict import loader_words, verdict

POLL_SECONDS = 0.05
END_GRACE_SECONDS = 5.0   # L0 has said `end`; Bochs follows at once unless something is wrong.


@dataclass(frozen=True)
class Request:
    """Everything that decides a run. `timeout` is for the whole of it, `silence` for the time without a word of L1's;
    `until` ends it well when a line of L1's matches."""

    name: str
    plan: BootPlan
    machine: Machine
    l0: L0
    directory: Path
    timeout: float | None = None
    interactive: bool = False
    silence: float | None = None
    until: re.Pattern[str] | None = None
    accelerator: str | None = None   # QEMU's; without one the machine is Bochs.
    perf: bool = False               # perf records KVM's exits beside it.


@dataclass(frozen=True)
class Result:
    status: Status
    why: str
    seconds: float
    words: LastWords
    l0: L0Log
    console: bytes
    directory: Path
    guest: list[str] = field(default_factory=list)   # What L1 wrote on port 0xE9.

    @property
    def complaint(self) -> str | None:
        """The first line in which a guest of ours says that something is wrong: its other lines are not to be believed."""
        lines = self.console.decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in lines if "ERROR" in line), None)


@dataclass
class Run:
    """A machine that runs. `step` moves bytes; `result` is there once it has ended; `close` always ends the machine."""

    request: Request
    on_console: Callable[[bytes], None] | None = None
    on_l0_line: Callable[[str], None] | None = None
    on_guest_line: Callable[[str], None] | None = None
    result: Result | None = None
    console_bytes: bytearray = field(default_factory=bytearray)

    def start(self) -> None:
        request = self.request
        self._start = time.monotonic()
        request.directory.mkdir(parents=True, exist_ok=True)
        self.console: FileConsole | TerminalConsole = (
            TerminalConsole(request.directory) if request.interactive else FileConsole(request.directory))
        self._l0_file = (request.directory / "l0.log").open("w")
        self._guest_file = (request.directory / "guest.log").open("w")
        self.guest = GuestLog(self._guest_line)
        self.upper = L0Log(self._l0_line, self.guest.feed, L0.KVM.prefix) if request.l0 is L0.KVM_ON_KURMA else None
        self.l0 = L0Log(self._l0_line, self.upper.take_line if self.upper else self.guest.feed, request.l0.prefix)
        self._ended_at: float | None = None
        self._heard_at = self._start
        self._said_until = False
        self._machine = self._start_machine()

    def _start_machine(self) -> Bochs | Qemu:
        request = self.request
        self._iso: Path | None = None
        if request.accelerator is not None:
            return Qemu(request.directory, request.plan, request.machine, self.console.com1, request.accelerator,
                        request.perf)
        self._iso = make_iso(request.plan, request.directory)
        (request.directory / "bochsrc").write_text(bochsrc(request.machine, self._iso, self.console.com1))
        (request.directory / CMOS_FILE).write_bytes(cmos(request.machine.memory_mib))
        return Bochs(request.directory)

    def _l0_line(self, line: str) -> None:
        self._l0_file.write(line + "\n")
        self._l0_file.flush()
        if self.on_l0_line:
            self.on_l0_line(line)

    def _guest_line(self, line: str) -> None:
        self._heard_at = time.monotonic()
        self._said_until = self._said_until or self._matches_until(line)
        self._guest_file.write(line + "\n")
        if self.on_guest_line:
            self.on_guest_line(line)

    def _console(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        if self.request.until is not None:
            begun = self.console_bytes.rfind(b"\n") + 1
            *whole, _ = (bytes(self.console_bytes[begun:]) + data).split(b"\n")
            self._said_until = self._said_until or any(
                self._matches_until(line.decode("utf-8", "replace").rstrip("\r")) for line in whole)
        self.console_bytes += data
        if self.on_console:
            self.on_console(data)

    def _matches_until(self, line: str) -> bool:
        return self.request.until is not None and self.request.until.search(line) is not None

    def mid_line(self) -> bool:
        """Whether the console stands within a line, as at a prompt: no place for a status line."""
        return bool(self.console_bytes) and not self.console_bytes.endswith(b"\n")

    def stage(self) -> str:
        if self.console_bytes or self.guest.lines:
            return "L1 runs"
        if not self.request.l0.exists:
            return "BIOS and GRUB load the image, or L1 is silent so far"
        if self.l0.lines:
            return "L0 is up, L1 is silent so far"
        return f"BIOS and GRUB load {self.request.l0.title} and L1"

    def step(self) -> None:
        """Moves what there is to move; sets `result` when the machine has ended or must end."""
        running = self._machine.running()
        self._move()
        if not running:
            self._finish(self._machine.watch(), None)   # A reset may be the last thing but one that the log tells.
            return
        if (self.l0.cause is not None) and self._ended_at is None:
            self._ended_at = time.monotonic()
        if self._ended_at is not None and time.monotonic() - self._ended_at > END_GRACE_SECONDS:
            self._finish(None, None)
        elif (ending := self._machine.watch()) is not None:
            self._finish(ending, None)
        elif self._said_until:
            self._finish(None, Status.POWER_OFF)
        elif _over(self.request.timeout, self._start) or _over(self.request.silence, self._heard_at):
            self._finish(None, Status.TIME_OUT)

    def interrupt(self) -> None:
        self._finish(None, Status.INTERRUPTED)

    def _move(self) -> None:
        self.l0.feed(self._machine.read_output())
        data = self.console.read()
        if data:
            self._console(data)

    def _finish(self, seen: Ending | None, forced: Status | None) -> None:
        self._machine.stop()
        self._move()
        self.l0.close()
        seconds = time.monotonic() - self._start
        words = self._machine.last_words()
        if seen is not None:
            words = LastWords(seen, words.tick, loader_words(self.request.directory) or seen.value)
        status, why = verdict(self.request.l0, self.l0, words, forced)
        if self.upper is not None and status is Status.POWER_OFF:
            status, why = verdict(L0.KVM, self.upper, words, forced)
        self.close()
        self.result = Result(status, why, seconds, words, self.l0, bytes(self.console_bytes), self.request.directory,
                             self.guest.lines)

    def close(self) -> None:
        self._machine.close()
        self.console.close()
        self._l0_file.close()
        self._guest_file.close()
        if self._iso is not None:
            self._iso.unlink(missing_ok=True)


def _over(limit: float | None, since: float) -> bool:
    return limit is not None and time.monotonic() - since > limit


def drive(runs: Iterable[Run], at_once: int = 1, each_round: Callable[[list[Run]], None] | None = None) -> None:
    """Runs them all, `at_once` at a time, and leaves no machine behind. A run is asked for when there is room for it."""
    waiting, active = iter(runs), list[Run]()
    try:
        while True:
            while len(active) < at_once and (run := next(waiting, None)) is not None:
                run.start()
                active.append(run)
            if not active:
                break
            _wait(active)
            for run in active:
                run.step()
            active = [run for run in active if run.result is None]
            if each_round:
                each_round(active)
    except (KeyboardInterrupt, Interrupted):
        for run in active:
            if run.result is None:
                run.interrupt()
        raise Interrupted from None
    finally:
        for run in active:
            if run.result is None:
                run.close()


def _wait(active: list[Run]) -> None:
    typed = [run for run in active if isinstance(run.console, TerminalConsole)]
    sources: list[int] = [run.console.master for run in typed]  # type: ignore[union-attr]
    if typed:
        sources.append(sys.stdin.fileno())
    ready, _, _ = select.select(sources, [], [], POLL_SECONDS)
    if typed and sys.stdin.fileno() in ready:
        data = os.read(sys.stdin.fileno(), 4096)
        console = typed[0].console
        assert isinstance(console, TerminalConsole)
        if data and console.type(data):
            raise Interrupted
