"""What the front door says on stderr while something takes long."""

from __future__ import annotations

import sys
import time

LINE_EVERY_SECONDS = 10.0     # Where stderr is no terminal.
STATUS_EVERY_SECONDS = 0.5    # Where it is one,
SILENCE_SECONDS = 2.0         # once nothing else was shown for so long.


def say(message: str) -> None:
    print(f"kurma: {message}", file=sys.stderr, flush=True)


class Ticker:
    """A status line that moves on a terminal and is a line now and then elsewhere."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._start = time.monotonic()
        self._last = self._start
        self._shown = False

    def elapsed(self) -> float:
        return time.monotonic() - self._start

    def tick(self, what: str) -> None:
        now = time.monotonic()
        wait = (STATUS_EVERY_SECONDS if self._shown else SILENCE_SECONDS) if self._tty else LINE_EVERY_SECONDS
        if now - self._last < wait:
            return
        self._last = now
        text = f"kurma: {self.elapsed():4.0f} s  {what}"
        if self._tty:
            sys.stderr.write("\r\033[K" + text)
            sys.stderr.flush()
            self._shown = True
        else:
            print(text, file=sys.stderr, flush=True)

    def quiet(self) -> None:
        """Takes the status line away: something else wants the screen."""
        self._last = time.monotonic()
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._shown = False
