"""How a run ended: from L0's own word, the machine's last ones and the loader's to an exit status and its reason."""

from __future__ import annotations

from pathlib import Path

from .errors import Status
from .l0 import L0
from .l0log import L0Log
from .platform_bochs import Ending, LastWords


def verdict(kind: L0, l0: L0Log, words: LastWords, forced: Status | None) -> tuple[Status, str]:
    """The exit status and its one-line reason. L0's own word counts first, then Bochs's."""
    if forced is Status.INTERRUPTED:
        return forced, "stopped"
    if forced is Status.POWER_OFF:
        return forced, "L1 said what was waited for"
    if kind.exists and l0.cause is not None:
        return _of_cause(l0)
    if forced is Status.TIME_OUT:
        return forced, "time-out: the machine was stopped"
    if words.ending is Ending.NEVER_STARTED:
        return Status.USAGE, f"the platform did not start: {words.text}"
    if words.ending is Ending.LOADER_FAILED:
        return Status.USAGE, f"GRUB could not load the image: {words.text}"
    if kind is L0.KVM:
        return Status.L0_PANIC, f"Linux, as L0, ended the machine without a word of its keeper's: {words.text}"
    if kind is L0.KURMA:
        return Status.L1_DEATH, f"the machine ended without L0's word: {words.text}"
    if words.ending in (Ending.SHUTDOWN_PORT, Ending.SOFT_OFF):
        return Status.POWER_OFF, "the guest switched the machine off"
    if words.ending is Ending.RESET:
        return Status.RESET, "the guest reset the machine"
    return Status.L1_DEATH, f"the machine died: {words.text}"


def _of_cause(l0: L0Log) -> tuple[Status, str]:
    cause = l0.cause or ""
    if cause == "refused":
        return Status.REFUSED, l0.refusals[-1].removeprefix(l0.prefix) if l0.refusals else "refused by L0"
    known = {
        "power-off": (Status.POWER_OFF, "the guest switched the machine off"),
        "reset": (Status.RESET, "the guest reset the machine"),
        "l1-death": (Status.L1_DEATH, _last_said(l0, "L1 died: ") or "L1 died; L0's log says where"),
        "panic": (Status.L0_PANIC, _last_said(l0, "panic: ", "L0 panicked: ") or "L0 panicked; its log says where"),
    }
    return known.get(cause, (Status.L0_PANIC, f"L0 ended with an unknown cause {cause!r}"))


def _last_said(l0: L0Log, begin: str, instead: str | None = None) -> str | None:
    """L0's last line that begins so, which tells why, with other first words if told."""
    line = next((line for line in reversed(l0.lines) if line.startswith(l0.prefix + begin)), None)
    return None if line is None else (begin if instead is None else instead) + line[len(l0.prefix + begin):]


def loader_words(directory: Path) -> str:
    """GRUB's own error lines, from its terminal on COM2."""
    try:
        text = (directory / "grub.log").read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        return ""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    errors = [at for line in lines if (at := line[line.find("error: ") + 7:] if "error: " in line else "")]
    return errors[0].rstrip(".") if errors else ""   # The later ones follow from the first.
