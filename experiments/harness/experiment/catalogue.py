"""The experiments that there are: each folder of experiments/ that has an experiment.py."""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import FrontDoorError
from ..paths import ROOT
from .matrix import Experiment

FOLDER = ROOT / "experiments"
ALL = "all"


def names(folder: Path = FOLDER) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/experiment.py"))


def load(name: str, folder: Path = FOLDER) -> Experiment:
    """Its folder's name may have hyphens, so Python cannot import it by a statement."""
    path = folder / name / "experiment.py"
    spec = importlib.util.spec_from_file_location(f"experiment_{name.replace('-', '_')}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module   # Where dataclass looks for the module of a class.
    spec.loader.exec_module(module)
    found = getattr(module, "EXPERIMENT", None)
    if not isinstance(found, Experiment):
        raise FrontDoorError(f"{path} defines no EXPERIMENT")
    return found


def chosen(wanted: Sequence[str], folder: Path = FOLDER) -> dict[str, Experiment]:
    """By the names on the command line; `all` stands for every one."""
    known = names(folder)
    for name in wanted:
        if name not in known and name != ALL:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise FrontDoorError(f"no experiment {name!r}{hint}: there are {', '.join(known)}, and `{ALL}`")
    return {name: load(name, folder) for name in known if ALL in wanted or name in wanted}
