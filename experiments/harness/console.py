"""L1's console: COM1 as a file that is followed, or as a terminal that is typed into."""

from __future__ import annotations

import os
import pty
import sys
import termios
import tty
from pathlib import Path

CTRL_A = 0x01
CTRL_BRACKET = 0x1D


class FileConsole:
    """COM1 goes to console.log, which is followed. Output only; the machine stays deterministic."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "console.log"
        self._path.touch()
        self._file = self._path.open("rb")
        self.com1 = "mode=file, dev=console.log"

    def read(self) -> bytes:
        return self._file.read()

    def close(self) -> None:
        self._file.close()


class TerminalConsole:
    """COM1 is a pseudo-terminal; what is typed at our own terminal reaches it. console.log keeps the output."""

    def __init__(self, directory: Path) -> None:
        self._log = (directory / "console.log").open("wb")
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.com1 = f"mode=term, dev={os.ttyname(self._slave)}"
        self._escape = False

    def read(self) -> bytes:
        data = b""
        try:
            while chunk := os.read(self.master, 65536):
                data += chunk
        except (BlockingIOError, OSError):
            pass
        self._log.write(data)
        self._log.flush()
        return data

    def type(self, data: bytes) -> bool:
        """Passes typed bytes on; True when the user asked to leave (Ctrl-], or Ctrl-A x; Ctrl-A twice sends one)."""
        passed = bytearray()
        for byte in data:
            if self._escape:
                self._escape = False
                if byte in b"xX":
                    return True
                passed.append(byte)
            elif byte == CTRL_A:
                self._escape = True
            elif byte == CTRL_BRACKET:
                return True
            else:
                passed.append(byte)
        if passed:
            os.write(self.master, bytes(passed))
        return False

    def close(self) -> None:
        self._log.close()
        os.close(self.master)
        os.close(self._slave)


class RawTerminal:
    """Our own terminal passes every key on while a machine runs, and is put back whatever happens."""

    def __init__(self) -> None:
        self._saved: list[object] | None = None

    def __enter__(self) -> "RawTerminal":
        descriptor = sys.stdin.fileno()
        self._saved = termios.tcgetattr(descriptor)
        tty.setraw(descriptor)
        mode = termios.tcgetattr(descriptor)
        mode[1] |= termios.OPOST   # Our own lines still end with a carriage return.
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
        return self

    def __exit__(self, *_: object) -> None:
        if self._saved is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._saved)
