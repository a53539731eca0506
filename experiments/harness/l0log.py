"""Reads L0's words (port 0xE9) out of the platform's output: log lines, counters, and how the run ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .l0 import L0

PREFIX = L0.KURMA.prefix
JSON_BEGIN = "json-begin"
JSON_END = "json-end"
END = "end "
REFUSED = "refused: "
CAUSES = ("power-off", "reset", "l1-death", "panic", "refused")


@dataclass
class L0Log:
    """Feed it bytes; it keeps L0's lines apart from the guest's and the platform's own on the same stream."""

    on_line: Callable[[str], None] | None = None
    on_other: Callable[[str], None] | None = None
    prefix: str = PREFIX
    lines: list[str] = field(default_factory=list)
    json_text: str | None = None
    cause: str | None = None
    _partial: bytes = b""
    _collecting: list[str] | None = None

    def feed(self, data: bytes) -> None:
        *whole, self._partial = (self._partial + data).split(b"\n")
        for raw in whole:
            self._line(raw.decode("utf-8", "backslashreplace").rstrip("\r"))

    def take_line(self, line: str) -> None:
        """A line that another log left over."""
        self._line(line)

    def close(self) -> None:
        if self._partial:
            self.feed(b"\n")

    def _line(self, line: str) -> None:
        inside = self._collecting is not None
        if not inside and not line.startswith(self.prefix):
            if self.on_other:
                self.on_other(line)
            return
        self.lines.append(line)
        if self.on_line:
            self.on_line(line)
        own = line.removeprefix(self.prefix) if line.startswith(self.prefix) else ""
        if own == JSON_BEGIN:
            self._collecting = []
        elif own == JSON_END:
            self.json_text = "\n".join(self._collecting or [])
            self._collecting = None
        elif own.startswith(END):
            self.cause = own.removeprefix(END).strip()
            self._collecting = None
        elif self._collecting is not None:
            self._collecting.append(line)

    @property
    def refusals(self) -> list[str]:
        return [line for line in self.lines if line.startswith(self.prefix + REFUSED)]

    def counters(self) -> Any:
        """L0's counters; None where L0 printed none; ValueError where it printed no JSON."""
        return None if self.json_text is None else json.loads(self.json_text)
