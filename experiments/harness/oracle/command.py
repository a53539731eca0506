"""`./kurma oracle`: its words, and which of its ways they mean."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import FrontDoorError, Status
from . import sweep
from .differences import load, shown_list
from .setup import GUEST, SILENCE_SECONDS, add_shared_arguments, make_setup

HELP = "ask the bare processor and Kurma the same questions; the answers must be the same"
ABOUT = """\
Boots conformance, an L1 that tries everything and prints what the processor answers, on the bare platform and on
Kurma, and compares: word for word, but for the written list of deliberate differences
(experiments/oracle/differences.toml, which may only shrink). The bare processor is the specification."""
EXAMPLES = """\
examples:
  ./kurma oracle                                        every topic on four processor models: the whole answer
  ./kurma oracle --cpu corei7_skylake_x                 on one
  ./kurma oracle --topic capabilities --topic fields    some topics (./kurma run conformance --cmdline mode=topics)
  ./kurma oracle --set vmcs_access=trap                 with Kurma in another way of working
  ./kurma oracle --differences                          what may differ, and why
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cpu", action="append", metavar="MODEL",
                        help=f"a processor model of Bochs's; may be repeated (default: {', '.join(sweep.DEFAULT_MODELS)})")
    parser.add_argument("--set", action="append", default=[], dest="knobs", metavar="KNOB=VALUE",
                        help="a knob of Kurma (./kurma run --help lists them); may be repeated")
    parser.add_argument("--topic", action="append", default=[], metavar="TOPIC",
                        help="only this topic of conformance; may be repeated (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result as JSON, here too")
    parser.add_argument("--differences", action="store_true", help="print the list of deliberate differences, and end")
    parser.add_argument("--list", type=Path, metavar="FILE",
                        help="another list of deliberate differences than experiments/oracle/differences.toml")
    parser.add_argument("--image", default=GUEST, metavar="FILE",
                        help="another Multiboot image that prints `case TOPIC/NAME: ANSWER` and `conformance: end`")
    parser.add_argument("--silence", type=float, default=SILENCE_SECONDS, metavar="SECONDS",
                        help=f"stop a boot that says nothing new for so long (default {SILENCE_SECONDS:.0f})")
    add_shared_arguments(parser, "run")


def command(arguments: argparse.Namespace) -> Status:
    differences = load(arguments.list) if arguments.list else load()
    if arguments.differences:
        print(shown_list(differences))
        return Status.POWER_OFF
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    for topic in arguments.topic:
        if not topic or any(character.isspace() for character in topic):
            raise FrontDoorError(f"--topic {topic!r}: a topic is one word")
    setup = make_setup(arguments, sweep.DEFAULT_MODELS, "oracle")
    return sweep.run(setup, arguments.topic, differences, arguments.json)
