"""`./kurma oracle`: its words, and which of its ways they mean."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import FrontDoorError, Status
from ..platform_bochs import DEFAULT_CPU
from . import random_run, sweep
from .campaign import Plan
from .differences import load, shown_list
from .setup import AT_ONCE, GUEST, SILENCE_SECONDS, add_shared_arguments, make_setup

RANDOM_CASES = 100_000
BATCH = 25_000

HELP = "ask the bare processor and Kurma the same questions; the answers must be the same"
ABOUT = """\
Boots conformance, an L1 that tries everything and prints what the processor answers, on the bare platform and on
Kurma, and compares: word for word, but for the written list of deliberate differences
(experiments/oracle/differences.toml, which may only shrink). The bare processor is the specification. With --random the
questions are VM entries with states that are nearly valid; what does not match is cut down to the mutations that do it."""
EXAMPLES = """\
examples:
  ./kurma oracle                                        every topic on four processor models: the whole answer
  ./kurma oracle --cpu corei7_skylake_x                 on one
  ./kurma oracle --topic capabilities --topic fields    some topics (./kurma run conformance --cmdline mode=topics)
  ./kurma oracle --set vmcs_access=trap                 with Kurma in another way of working
  ./kurma oracle --random --seed 7 --cases 100000       near-valid states, entered on both sides
  ./kurma oracle --random --seed 7 --case 1234          one of them in words, and what of it makes the difference
  ./kurma oracle --differences                          what may differ, and why
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cpu", action="append", metavar="MODEL",
                        help=f"a processor model of Bochs's; may be repeated (default: {', '.join(sweep.DEFAULT_MODELS)}; "
                             f"with --random {DEFAULT_CPU})")
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
                        help="a boot that says nothing new for so long hangs, and is stopped "
                             f"(default {SILENCE_SECONDS:.0f})")
    add_shared_arguments(parser, "run")
    add_random_arguments(parser)


def add_random_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("random VM entries")
    group.add_argument("--random", action="store_true",
                       help="valid states with a few mutations at the edges of the checks, entered on both sides")
    group.add_argument("--seed", type=int, default=1, metavar="S", help="which cases (default 1)")
    group.add_argument("--cases", type=int, default=RANDOM_CASES, metavar="N", help=f"how many (default {RANDOM_CASES:,})")
    group.add_argument("--first", type=int, default=0, metavar="I", help="begin with this case of the seed (default 0)")
    group.add_argument("--case", type=int, metavar="I", help="only this case, in words; if it differs, it is minimised")
    group.add_argument("--mutations", type=_mask, metavar="MASK",
                       help="with --case: only those mutations of it (bit K: mutation K), not minimised")
    group.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"cases of one boot (default {BATCH:,})")
    group.add_argument("--jobs", type=int, default=AT_ONCE, metavar="N",
                       help=f"boots at a time; a pair is two of them (default {AT_ONCE})")


def _mask(text: str) -> int:
    return int(text, 0)


def command(arguments: argparse.Namespace) -> Status:
    differences = load(arguments.list) if arguments.list else load()
    if arguments.differences:
        print(shown_list(differences))
        return Status.POWER_OFF
    _check(arguments)
    if not arguments.random:
        setup = make_setup(arguments, sweep.DEFAULT_MODELS, "oracle")
        return sweep.run(setup, arguments.topic, differences, arguments.json)
    setup = make_setup(arguments, [DEFAULT_CPU], "oracle-random")
    if arguments.case is not None:
        plan = Plan(arguments.seed, arguments.case, 1, 1, arguments.jobs)
        return random_run.run_case(setup, plan, arguments.mutations, differences)
    plan = Plan(arguments.seed, arguments.first, arguments.cases, arguments.batch, arguments.jobs)
    return random_run.run(setup, plan, differences, arguments.json)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        raise FrontDoorError(f"--json {arguments.json}: its directory does not exist")
    for topic in arguments.topic:
        if not topic or any(character.isspace() for character in topic):
            raise FrontDoorError(f"--topic {topic!r}: a topic is one word")
    if arguments.topic and arguments.random:
        raise FrontDoorError("--topic is for the sweep; --random has none")
    if not arguments.random and (arguments.case is not None or arguments.mutations is not None):
        raise FrontDoorError("--case and --mutations go with --random")
    if arguments.mutations is not None and arguments.case is None:
        raise FrontDoorError("--mutations are those of one case: give --case too")
    for option, least in (("seed", 0), ("cases", 1), ("first", 0), ("batch", 1), ("jobs", 1), ("case", 0), ("mutations", 0)):
        value = getattr(arguments, option)
        if value is not None and value < least:
            raise FrontDoorError(f"--{option} {value}: at least {least}")
