"""The result of an experiment as a document, and whether two of them are equal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import versions
from ..errors import FrontDoorError
from ..payload import Images
from . import beside, events
from .matrix import Experiment
from .platform import Platform
from .readings import Reading, Readings
from .store import summary
from .text import as_text

FILE, TEXT_FILE = "result.json", "result.txt"
NOT_COMPARED = "made_with"   # Where and of what a result was made; all else must be equal in two runs.
GUEST_PACKAGES = ("linux-image-", "qemu-system-")


def document(name: str, experiment: Experiment, readings: Readings, images: Images,
             platform: Platform) -> dict[str, Any]:
    """On Bochs equal for equal images: nothing of the host's time is in it."""
    findings, told = experiment.evaluate(readings), platform.told
    boots = list(readings.by_boot.values())
    quick = " --quick" if readings.quick else ""
    counted = events.tables(platform.event, boots) if platform.event else []
    return {"experiment": name, "title": told(experiment.title), "question": told(experiment.question),
            "quick": readings.quick, "repeat": f"./kurma experiment {name}{quick}{platform.words}",
            "sentence": told(findings.sentence),
            "made_with": made_with(boots, images, platform),
            "boots": {reading.boot.name: summary(reading) for reading in boots},
            "tables": [*told([one.as_json() for one in findings.tables]), *(one.as_json() for one in counted)],
            "figures": told([one.as_json() for one in findings.figures]),
            "beside": [beside.as_json(replace(one, ours_unit=told(one.ours_unit), ours_what=told(one.ours_what)))
                       for one in findings.beside]}


def made_with(boots: Iterable[Reading], images: Images, platform: Platform) -> dict[str, Any]:
    boots = list(boots)
    files = {reading.boot.l1: images.versions_of(reading.boot.l1) for reading in boots
             if reading.boot.l1.startswith("linux-")}
    if any(reading.boot.l0.has_kvm for reading in boots):
        files["L0 linux-kvm"] = images.l0_linux("versions.txt")
    guests = {guest: {package: version for package, version in versions.guest_packages(file).items()
                      if package.startswith(GUEST_PACKAGES)} for guest, file in sorted(files.items())}
    cpus = [platform.host.processor()] if platform.is_qemu else sorted({reading.boot.cpu for reading in boots})
    return {"git": versions.git(), "platform": platform.made_with(), "host": versions.host(), "guests": guests, "cpu": cpus}


def write(result: Mapping[str, Any], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / TEXT_FILE).write_text(as_text(result) + "\n")
    (directory / FILE).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def read(directory: Path, name: str) -> dict[str, Any]:
    path = directory / name / FILE
    try:
        found = json.loads(path.read_text())
        if isinstance(found, dict) and found.get("experiment") == name:
            return found
    except FileNotFoundError:
        raise FrontDoorError(f"{path} is not there: ./kurma experiment {name} --out {directory} makes it") from None
    except (OSError, ValueError) as error:
        raise FrontDoorError(f"{path}: {error}") from None
    raise FrontDoorError(f"{path} is no result of the experiment {name}")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Where two results differ: each place with both values."""
    return list(_differences("", {key: value for key, value in before.items() if key != NOT_COMPARED},
                             {key: value for key, value in after.items() if key != NOT_COMPARED}))


def _differences(place: str, before: Any, after: Any) -> Iterable[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences(f"{place}/{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            yield from _differences(f"{place}/{index}", *pair)
    elif before != after:
        yield f"{place.removeprefix('/')}: {json.dumps(before)} before, {json.dumps(after)} now"
