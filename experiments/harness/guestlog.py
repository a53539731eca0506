"""What a guest writes on port 0xE9: the lines of Bochs's standard output that are neither L0's nor Bochs's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

# Bochs's debugger says this when it has read its configuration; before it there is only the banner.
_DEBUGGER_STARTS = "Next at t=0"
# ... and shows an instruction where it begins, `(0) [0x0000fffffff0] f000:fff0 ...`, and where the machine stops,
# `(0).[68163301] [0x000000101a60] 0008:0000000000101a60 ...`: in the middle of a line, if a guest stops there.
_INSTRUCTION = re.compile(r"\(\d+\)(?: |\.\[\d+\] )\[0x[0-9a-f]+\] [0-9a-f]{4}:[0-9a-f]+ \(.*$")


@dataclass
class GuestLog:
    """Feed it lines; it keeps the guest's."""

    on_line: Callable[[str], None] | None = None
    lines: list[str] = field(default_factory=list)
    _begun: bool = False

    def feed(self, line: str) -> None:
        if not self._begun:
            self._begun = line == _DEBUGGER_STARTS
            return
        stopped = _INSTRUCTION.search(line)
        own = line[:stopped.start()] if stopped else line
        if stopped and not own:
            return
        self.lines.append(own)
        if self.on_line:
            self.on_line(own)
