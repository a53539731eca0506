"""The boots of an output directory: which are there already, on this platform and of the same images, and what they said."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Status
from ..image import BootPlan
from ..payload import Images, boot_plan
from ..run import Result
from .matrix import Boot
from .platform import Platform
from .readings import Reading

RECORD = "boot.json"
DIGEST_DIGITS = 16   # 64 bits: enough to tell images and consoles apart.


@dataclass(frozen=True)
class Store:
    """`directory`/boots, or the platform's folder for it. A boot is there once its record is, which is written last: a run
    that was cut off has none."""

    directory: Path
    images: Images
    platform: Platform = Platform()

    def directory_of(self, boot: Boot) -> Path:
        return self.directory / self.platform.folder / boot.name

    def find(self, boot: Boot) -> Reading | None:
        """The reading, if this boot ended well on this platform, with the images that are built now."""
        reading = Reading(boot, self.directory_of(boot))
        try:
            record = reading.record
        except (OSError, ValueError):
            return None
        there = record.get("boot"), record.get("platform", Platform().identity), record.get("images")   # Bochs, if not told.
        return reading if there == (boot.as_json(), self.platform.identity, self.digest(boot)) else None

    def forget(self, boot: Boot) -> None:
        shutil.rmtree(self.directory_of(boot), ignore_errors=True)

    def keep(self, boot: Boot, result: Result) -> Reading:
        """Of a boot that ended well. Raises ValueError where L0's counters are no JSON."""
        assert result.status is Status.POWER_OFF
        record = {"boot": boot.as_json(), "platform": self.platform.identity, "images": self.digest(boot),
                  "ended": result.why, "instructions": result.words.tick, "console": digest_of(result.console),
                  "counters": result.l0.counters()}
        path = result.directory / RECORD
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(record, indent=1) + "\n")
        unfinished.replace(path)
        return Reading(boot, result.directory)

    def digest(self, boot: Boot) -> str:
        """Of everything that GRUB loads: equal images and words give equal digests."""
        return plan_digest(boot_plan(self.platform.setup(boot).choice, self.images))


def summary(reading: Reading) -> dict[str, Any]:
    """What a result tells of a boot: enough to see whether another run's was equal."""
    record = reading.record
    counters = record["counters"]
    return {**record["boot"], "images": record["images"], "ended": record["ended"], "instructions": record["instructions"],
            "console": record["console"],
            "counters": None if counters is None else digest_of(json.dumps(counters, sort_keys=True).encode())}


def plan_digest(plan: BootPlan) -> str:
    parts = [plan.loader]
    for file in (plan.kernel, *plan.modules):
        parts += [file.cmdline, _of_file(file.path)]
    for name, contents in sorted(plan.root_files.items()):
        parts += [name, _of_file(contents) if isinstance(contents, Path) else contents]
    return digest_of("\0".join(parts).encode())


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGEST_DIGITS]


def _of_file(path: Path) -> str:
    return _of_version(path, path.stat().st_mtime_ns)


@functools.cache
def _of_version(path: Path, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
