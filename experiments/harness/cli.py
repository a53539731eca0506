"""The front door's commands and their help."""

from __future__ import annotations

import argparse
import signal
import sys

from . import run_command
from .errors import MEANING, FrontDoorError, Interrupted, Status
from .progress import say

ABOUT = """Kurma is a small hypervisor for research on nested virtualization: it runs unmodified hypervisors, Linux KVM
first, on one level of Intel VMX, and counts what each exit costs. Without VMX in this machine it runs on Bochs."""

STATUSES = "exit statuses:\n" + "\n".join(f"  {int(status):3}  {text}" for status, text in MEANING.items())


def parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="./kurma", description=ABOUT, epilog=STATUSES, formatter_class=formatter)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="boot one L1: ./kurma run linux-kvm", formatter_class=formatter,
                              epilog=STATUSES, description="Boots one L1; its COM1 is this terminal.")
    run_command.add_arguments(run)
    run.set_defaults(function=run_command.command)
    return top


def main(words: list[str]) -> int:
    for caught in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, _interrupt)
    try:
        arguments = parser().parse_args(words)
        return int(arguments.function(arguments))
    except FrontDoorError as error:
        say(str(error))
        return int(error.status)
    except (KeyboardInterrupt, Interrupted):
        say("stopped")
        return int(Status.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Status.INTERRUPTED)


def _interrupt(_number: int, _frame: object) -> None:
    raise Interrupted
