"""What the oracle's two ways of asking have in common: which program, on which machines, in which directory."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from .. import build, packages
from ..errors import FrontDoorError
from ..pair import Limits, Pair, make_pair
from ..paths import RESULTS, build_dir, new_run_dir
from ..payload import BUILT_IN, Choice, Images, check_choice
from ..platform_bochs import Machine, check_machine

GUEST = "conformance"
SILENCE_SECONDS = 30.0
AT_ONCE = 2


@dataclass(frozen=True)
class Setup:
    """`program` is conformance, or the path of another image that prints such lines."""

    program: str
    models: list[str]
    knobs: list[str]
    images: Images
    directory: Path
    silence: float = SILENCE_SECONDS
    reproduce: list[str] = field(default_factory=list)   # Options of this call that its like must be given too.

    def pair(self, name: str, model: str, words: list[str]) -> Pair:
        choice = Choice(self.program, cmdline=" ".join(words), knobs=self.knobs)
        return make_pair(name, choice, Machine(model), self.images, self.directory, Limits(silence=self.silence))


def add_shared_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """Options by which tests keep to the images of their own build directory."""
    parser.add_argument("--images", type=Path, metavar="DIR",
                        help="take the images of this build directory as they are (default: build/metal, built first)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR",
                        help=f"where the directory of this {command} is made (default results/)")


def images_of(arguments: argparse.Namespace, names: list[str]) -> Images:
    """The images to boot; without --images they are built first."""
    packages.ensure(packages.RUN)
    if arguments.images is not None:
        if not arguments.images.is_dir():
            raise FrontDoorError(f"--images {arguments.images}: no such directory")
        return Images(arguments.images)
    build.images("metal", [*(name for name in names if name in BUILT_IN), "kurma"])
    return Images(build_dir("metal"))


def make_setup(arguments: argparse.Namespace, default_models: list[str], name: str) -> Setup:
    models = list(dict.fromkeys(arguments.cpu or default_models))
    check_choice(Choice(arguments.image, knobs=arguments.knobs))
    if arguments.silence <= 0:
        raise FrontDoorError(f"--silence {arguments.silence:g}: give a number of seconds above 0")
    packages.ensure(packages.RUN)
    for model in models:
        check_machine(Machine(model))
    images = images_of(arguments, [arguments.image])
    reproduce = [word for knob in arguments.knobs for word in ("--set", knob)]
    if arguments.image != GUEST:
        reproduce += ["--image", arguments.image]
    return Setup(arguments.image, models, arguments.knobs, images, new_run_dir(name, arguments.results),
                 arguments.silence, reproduce)
