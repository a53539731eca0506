"""How the front door ends: its exit statuses, and the exceptions that carry them."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Exit statuses of every command; README and `./kurma --help` show the same list."""

    POWER_OFF = 0
    TESTS_FAILED = 1
    USAGE = 2
    TIME_OUT = 3
    L1_DEATH = 4
    L0_PANIC = 5
    REFUSED = 6
    RESET = 7
    DIFFERENT = 8
    INTERRUPTED = 130


MEANING: dict[Status, str] = {
    Status.POWER_OFF: "the guest switched the machine off itself",
    Status.TESTS_FAILED: "something that was tested, measured or drawn is not right",
    Status.USAGE: "bad arguments, or set-up is incomplete",
    Status.TIME_OUT: "time-out; the machine was stopped, all logs are kept",
    Status.L1_DEATH: "death of L1 (triple fault, unhandled exit), or the platform ended otherwise",
    Status.L0_PANIC: "L0 panicked",
    Status.REFUSED: "L0 refused the machine, the payload or a knob",
    Status.RESET: "the guest reset the machine",
    Status.DIFFERENT: "(oracle, compare) the bare platform and Kurma answered differently, and no written reason covers it; "
                      "(versus) a row is over its budget; (experiment --verify) the two runs are not equal",
    Status.INTERRUPTED: "you stopped it (Ctrl-C, Ctrl-], Ctrl-A x)",
}


class FrontDoorError(Exception):
    """One line for people: what is wrong and what to do. Ends the command with `status`."""

    def __init__(self, message: str, status: Status = Status.USAGE) -> None:
        super().__init__(message)
        self.status = status


class Interrupted(Exception):
    """The user, or a signal, asked to stop. Every open machine is closed on the way out."""
