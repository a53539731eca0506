"""A hardware event by its name: libpfm4 encodes it here, on the host, and L0 programs the counter with what comes out.

The names are those of this machine's processor, as perf and the kernel's tools have them. LIBPFM_FORCE_PMU=hsw (or skl, ...)
in the environment makes libpfm4 take another processor's.
"""

from __future__ import annotations

import argparse
import ctypes
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import packages
from .errors import FrontDoorError, Status

LIBRARY = "libpfm.so.4"
HELP = "the names that --event takes on this machine's processor"
LEVELS = ("l0", "l1", "l2")
BOOT_WORDS = ("event", "event_level")   # L0's own, beside the knobs.
NEAR = 3

# IA32_PERFEVTSEL's bits, SDM 3B 20.2.1.1; those that L0 sets itself, or that would be L1's to suffer, are taken away.
_SELECT, _PIN, _INTERRUPT, _ANY_THREAD, _ENABLE = 0xFF, 1 << 19, 1 << 20, 1 << 21, 1 << 22
_WORD = (1 << 32) - 1
_OS_NONE, _EVERY_LEVEL = 0, 0x1 | 0x8   # PFM_OS_NONE; PFM_PLM0 and PFM_PLM3.
_SUCCESS, _TYPE_CORE, _PRESENT = 0, 1, 1
_MOST_PMUS = 1024                       # More than libpfm4 knows.


class _EncodeArguments(ctypes.Structure):
    _fields_ = [("codes", ctypes.POINTER(ctypes.c_uint64)), ("name", ctypes.POINTER(ctypes.c_char_p)),
                ("size", ctypes.c_size_t), ("count", ctypes.c_int), ("index", ctypes.c_int)]


class _PmuInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("description", ctypes.c_char_p), ("size", ctypes.c_size_t),
                ("pmu", ctypes.c_int), ("type", ctypes.c_int), ("events", ctypes.c_int), ("first", ctypes.c_int),
                ("max_encoding", ctypes.c_int), ("counters", ctypes.c_int), ("fixed_counters", ctypes.c_int),
                ("flags", ctypes.c_uint)]


class _EventInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("description", ctypes.c_char_p), ("equivalent", ctypes.c_char_p),
                ("size", ctypes.c_size_t), ("code", ctypes.c_uint64), ("pmu", ctypes.c_int), ("data_type", ctypes.c_int),
                ("index", ctypes.c_int), ("attributes", ctypes.c_int), ("reserved", ctypes.c_int), ("flags", ctypes.c_uint)]


@dataclass(frozen=True)
class Event:
    """An event as L0 is told of it; `full_name` is libpfm4's, with the processor and every modifier, `name` the user's."""

    selector: int
    level: str
    full_name: str
    name: str

    @property
    def boot_words(self) -> list[str]:
        return [f"event={self.selector:#x}", f"event_level={self.level}"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--event", metavar="NAME[:MODIFIERS]",
                        help="count this event of the processor's, by libpfm4's name, in one level alone; needs a processor "
                             "with counters (--platform qemu); `./kurma events` shows the names")
    parser.add_argument("--event-level", choices=LEVELS, default="l1", help="the level that it is counted in (default l1)")


def of_arguments(arguments: argparse.Namespace) -> Event | None:
    return None if arguments.event is None else encode(arguments.event, arguments.event_level)


def refuse(arguments: argparse.Namespace) -> None:
    """Where nothing can be counted: Bochs's counters stand still."""
    if arguments.event is not None:
        raise FrontDoorError("--event needs a processor with counters: --platform qemu")


class _Library:
    def __init__(self) -> None:
        packages.ensure(packages.EVENTS)
        try:
            self.calls = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise FrontDoorError(f"--event needs {LIBRARY}: {error}; apt-get install -y libpfm4") from None
        self.calls.pfm_strerror.restype = ctypes.c_char_p
        if (result := self.calls.pfm_initialize()) != _SUCCESS:
            raise FrontDoorError(f"--event: libpfm4 does not start: {self.why(result)}")

    def why(self, result: int) -> str:
        return self.calls.pfm_strerror(result).decode()

    def encode(self, name: str) -> tuple[int, list[int], str]:
        full = ctypes.c_char_p()
        asked = _EncodeArguments(size=ctypes.sizeof(_EncodeArguments), name=ctypes.pointer(full))
        result = self.calls.pfm_get_os_event_encoding(name.encode(), ctypes.c_int(_EVERY_LEVEL), _OS_NONE,
                                                      ctypes.byref(asked))
        codes = [asked.codes[i] for i in range(asked.count)] if result == _SUCCESS else []
        return result, codes, full.value.decode() if full.value else name

    def processors(self) -> Iterator[_PmuInfo]:
        """The core PMUs that are here, or are forced to be."""
        for number in range(_MOST_PMUS):
            info = _PmuInfo(size=ctypes.sizeof(_PmuInfo))
            known = self.calls.pfm_get_pmu_info(number, ctypes.byref(info)) == _SUCCESS
            if known and info.flags & _PRESENT and info.type == _TYPE_CORE:
                yield info

    def events(self, pmu: _PmuInfo) -> Iterator[_EventInfo]:
        index = pmu.first
        while index != -1:
            info = _EventInfo(size=ctypes.sizeof(_EventInfo))
            if self.calls.pfm_get_event_info(index, _OS_NONE, ctypes.byref(info)) == _SUCCESS:
                yield info
            index = self.calls.pfm_get_event_next(index)


def names() -> list[tuple[str, str]]:
    """Each event of this processor, with what it counts."""
    library = _Library()
    return [(event.name.decode(), (event.description or b"").decode())
            for pmu in _x86(library) for event in library.events(pmu)]


def add_listing_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="only events whose name or description has it")


def list_command(arguments: argparse.Namespace) -> Status:
    """`./kurma events`."""
    word = arguments.word.lower()
    found = [(name, description) for name, description in names() if word in f"{name} {description}".lower()]
    if not found:
        raise FrontDoorError(f"no event of this processor's has {arguments.word!r}; without a word: all of them")
    width = max(len(name) for name, _ in found)
    for name, description in found:
        print(f"{name.ljust(width)}  {description}".rstrip())
    return Status.POWER_OFF


def encode(name: str, level: str) -> Event:
    library = _Library()
    _x86(library)
    result, codes, full_name = library.encode(name)
    if result != _SUCCESS:
        raise FrontDoorError(f"--event {name}: {library.why(result)}{_near(library, name)}")
    if len(codes) != 1:
        raise FrontDoorError(f"--event {name}: it needs a second register beside its counter's, which Kurma does not "
                             "program; choose another event")
    selector = codes[0] & ~(_INTERRUPT | _ENABLE)
    if selector & (_ANY_THREAD | _PIN) or selector > _WORD:
        raise FrontDoorError(f"--event {name}: Kurma counts one level alone, so the modifiers t, intx and intxcp are not "
                             "taken")
    if not selector & _SELECT:
        raise FrontDoorError(f"--event {name}: only a fixed counter has this event, and Kurma counts with a "
                             "general-purpose one; choose another, as UNHALTED_CORE_CYCLES")
    return Event(selector, level, full_name, name)


def _x86(library: _Library) -> list[_PmuInfo]:
    found = [pmu for pmu in library.processors() if not re.match(rb"amd64|arm|perf", pmu.name)]
    if not found:
        raise FrontDoorError("--event: libpfm4 knows no Intel processor's events here; to encode for another machine set "
                             "LIBPFM_FORCE_PMU to its name, as hsw or skl")
    return found


def _near(library: _Library, name: str) -> str:
    """What may have been meant. libpfm4's names are PMU::EVENT:UMASK:MODIFIERS."""
    wanted = name.rpartition("::")[2].partition(":")[0].upper()
    known = list(dict.fromkeys(event.name.decode() for pmu in _x86(library) for event in library.events(pmu)))
    if wanted in known:
        return (f"; {wanted} has unit masks and modifiers, as EVENT:UMASK:u: `showevtinfo` of libpfm4's or the SDM 3B names "
                "them")
    near = difflib.get_close_matches(wanted, known, NEAR, 0.5) or [one for one in known if wanted in one][:NEAR]
    return (f"; near it: {', '.join(near)}" if near else "") + "; ./kurma events names all"
