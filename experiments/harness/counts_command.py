"""`./kurma counts`: measures the guarded rows and compares them with the checked-in file, or writes that file anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import counts_file, setups, versions
from .counts_file import Comparison, Table, compare, rows_of, written
from .errors import FrontDoorError, Status
from .paths import new_run_dir, shown
from .payload import Images
from .progress import say

HELP = "compare what every operation costs with the checked-in figures; --update writes them anew"
ABOUT = """\
Boots what experiments/counts/counts.toml lists and compares every row's ticks and counts with the file. A figure that grew
fails, and so does one that fell: the file is updated in the same commit that lowers it."""
EXAMPLES = """\
examples:
  ./kurma counts                    every boot: is each figure what the file says?
  ./kurma counts micro              one of them
  ./kurma counts --update           write the figures that fell, and rows that are new; refuses what grew
  ./kurma counts --update --grown   write what grew, too: say in the commit what it buys
"""
SKIPPED = 77   # CTest's word for "did not run": see experiments/CMakeLists.txt.
KERNEL_PACKAGE = "linux-image-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("boots", nargs="*", metavar="BOOT", help="only these tables of the file (default: all)")
    parser.add_argument("--update", action="store_true", help="write the measured figures into the file")
    parser.add_argument("--grown", action="store_true", help="with --update: also those that grew")
    parser.add_argument("--images", type=Path, metavar="DIR", help="boot this build directory's images; build nothing")


def command(arguments: argparse.Namespace) -> Status | int:
    if arguments.grown and not arguments.update:
        raise FrontDoorError("--grown belongs to --update")
    tables = counts_file.read()
    chosen = _chosen(arguments.boots, tables)
    images = Images(arguments.images) if arguments.images else setups.images_for([table.setup for table in chosen])
    chosen, left_out = _of_this_kernel(chosen, kernel_of(images), arguments.update)
    costs = setups.measure([table.setup for table in chosen], images,
                           new_run_dir("counts", *([arguments.images / "boot-tests"] if arguments.images else [])))
    measured = {name: Table(tables[name].setup, rows_of(found), kernel_of(images) if _is_linux(tables[name]) else "")
                for name, found in costs.items()}
    comparisons = {name: compare(tables[name].rows, table.rows) for name, table in measured.items()}
    for name, comparison in comparisons.items():
        _report(name, comparison, len(measured[name].rows))
    if arguments.update:
        return _update(tables, measured, comparisons, arguments.grown)
    if any(comparison.all for comparison in comparisons.values()):
        _advise(comparisons)
        return Status.TESTS_FAILED
    return SKIPPED if left_out else Status.POWER_OFF


def _chosen(names: list[str], tables: dict[str, Table]) -> list[Table]:
    for name in names:
        if name not in tables:
            raise FrontDoorError(f"no boot {name} in {shown(counts_file.FILE)}; there are: {', '.join(tables)}")
    return [tables[name] for name in names or tables]


def _is_linux(table: Table) -> bool:
    return table.setup.l1 == "linux-kvm"


def kernel_of(images: Images) -> str:
    """The version of linux-kvm's kernel package; empty where that image has not been built."""
    packages = versions.guest_packages(images.versions_of("linux-kvm"))
    return next((f"{name} {version}" for name, version in packages.items() if name.startswith(KERNEL_PACKAGE)), "")


def _of_this_kernel(tables: list[Table], kernel: str, update: bool) -> tuple[list[Table], list[str]]:
    """Without those whose figures are another kernel's, which are named; an update measures them for this one."""
    left_out = [] if update else [table for table in tables if _is_linux(table) and table.kernel != kernel]
    for table in left_out:
        say(f"NOT COMPARED: {table.setup.name}: its figures are those of {table.kernel or 'no kernel'}, and the image here "
            f"has {kernel or 'none'}. To guard this kernel: ./kurma counts {table.setup.name} --update --grown")
    return [table for table in tables if table not in left_out], [table.setup.name for table in left_out]


def _report(name: str, comparison: Comparison, rows: int) -> None:
    if not comparison.all:
        print(f"{name}: {rows} rows, each as in {shown(counts_file.FILE)}")
    for difference in [*comparison.grown, *comparison.fallen]:
        print(f"{name}: {difference}")
    for what, these in (("measured, and not in the file", comparison.new),
                        ("in the file, and not measured", comparison.gone)):
        if these:
            print(f"{name}: {what}: {', '.join(these)}")


def _advise(comparisons: dict[str, Comparison]) -> None:
    if any(comparison.grown for comparison in comparisons.values()):
        say("FAILED: figures grew. Find what made them grow (git bisect run ./kurma counts); if it is worth it, "
            "./kurma counts --update --grown, and say in the commit what it buys")
    else:
        say("FAILED: the figures are not those of the file any more, and none grew. Run ./kurma counts --update and commit "
            f"{shown(counts_file.FILE)} together with what lowered them")


def _update(tables: dict[str, Table], measured: dict[str, Table], comparisons: dict[str, Comparison],
            also_grown: bool) -> Status:
    grown = [name for name, comparison in comparisons.items() if comparison.grown]
    if grown and not also_grown:
        say(f"not written: figures grew in {', '.join(grown)}; --update --grown writes them all the same")
        return Status.TESTS_FAILED
    counts_file.FILE.write_text(written({**tables, **measured}.values()))
    say(f"wrote {shown(counts_file.FILE)}; commit it together with what changed the figures")
    return Status.POWER_OFF
