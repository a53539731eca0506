"""Results as experiments write them, for tests: one like a real one, and one with all that is hard to show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HOSTILE = """<script>alert("1")</script> & <img src=x onerror=alert(2)> --> ]]> $x_1$ 'quoted' \\frac"""
LONG = ("L2 CPUID → L1 (11 reads, 3 writes) → L2, without VMCS shadowing, with every one of the optimizations switched off "
        "at once")
UNBROKEN = "an_identifier_of_more_letters_than_any_column_has_room_for_and_without_a_single_place_to_break_it"
# Single level, Linux KVM as L0, Kurma.
MEASURED = {
    "L1 CPUID": (1, 998, 95), "L1 VMREAD that exits, no shadowing": (1, 1177, 113), "L1 VMCLEAR": (1, 2547, 201),
    "L1 VMPTRLD, alternating": (1, 7054, 255), "L2 CPUID → L1 (3 reads, 1 write) → L2, shadowing": (13, 12973, 642),
    "L2 CPUID → L1 (11 reads, 3 writes) → L2, no shadowing": (34, 28233, 2213),
    "L2 first touch, L0 fills alone": (None, 4632, 332),
    "an interrupt while L2 runs, reflected to L1": (9, 27764, 638), "Linux KVM as L1: its L2's CPUID": (960, 14835, 1552)}
SIDES = ("single level", "Linux KVM as L0", "Kurma")
BOOT = {"l0": "kurma", "l1": "micro", "knobs": ["vmcs_access=trap"], "cmdline": "mode=costs", "cpu": "corei7_haswell_4770",
        "images": "3f9a77c03f9a77c0", "ended": "power-off", "instructions": 1234567890,
        "console": "77c03f9a77c03f9a", "counters": None}


def beside(certainty: str, **changes: Any) -> dict[str, Any]:
    return {"paper": "turtles-osdi-2010", "source_table": "table 2", "operation": "kernbench",
            "configuration": "overhead over a single level", "theirs": 14.5, "unit": "percent",
            "processor": "Intel Xeon, not known which", "certainty": certainty, "ours": 9.37, "ours_unit": "percent",
            "ours_what": "compile in a Linux L2 over a single level", **changes}


def bars(name: str, groups: list[str], series: dict[str, list[Any]], **changes: Any) -> dict[str, Any]:
    return {"kind": "bars", "name": name, "title": f"Figure {name}", "unit": "instructions", "groups": groups, "log": False,
            "stacked": False, "series": [{"label": label, "values": values} for label, values in series.items()], **changes}


def lines(name: str, x: list[float], series: dict[str, list[Any]], **changes: Any) -> dict[str, Any]:
    return {"kind": "lines", "name": name, "title": f"Figure {name}", "x_label": "pages touched", "x": x,
            "unit": "instructions per page", "log_x": False, "log": False,
            "series": [{"label": label, "values": values} for label, values in series.items()], **changes}


def result(name: str, **changes: Any) -> dict[str, Any]:
    columns = [{"name": "operation", "unit": ""}, *({"name": side, "unit": "instructions"} for side in SIDES)]
    return {"experiment": name, "title": "What one exit costs", "quick": False, "repeat": f"./kurma experiment {name}",
            "question": "What does one operation cost an L2, next to a single level and to Linux KVM as L0?",
            "sentence": "Under Kurma an exit of L2 that L1 handles costs 642 instructions, under KVM 20.2 times as many.",
            "made_with": {"git": {"revision": "a73eb59d" * 5, "modified": False},
                          "host": {"debian": "12.5", "packages": {"bochs": "2.7+dfsg-4"}},
                          "guests": {"linux-kvm": {"linux-image-6.1": "6.1.90-1", "qemu-system-x86": "1:7.2"}},
                          "cpu": ["corei7_haswell_4770"]},
            "boots": {"micro-kurma": BOOT},
            "tables": [{"title": "Instructions of one operation", "columns": columns,
                        "rows": [[operation, *row] for operation, row in MEASURED.items()]}],
            "figures": [bars("costs", list(MEASURED), {side: [row[place] for row in MEASURED.values()]
                                                       for place, side in enumerate(SIDES)}, log=True)],
            "beside": [beside("quoted by others")], **changes}


def hard(name: str) -> dict[str, Any]:
    """Every figure and every name is one that something could go wrong with."""
    thirty = [f"{LONG} ({number})" if number % 7 == 0 else f"operation {number}" for number in range(30)]
    six = {f"series {number}" if number else LONG: [None if (group + number) % 5 == 0 else 10.0 ** (group % 7) * (number + 1)
                                                    for group in range(30)] for number in range(6)}
    x = [2.0 ** power for power in range(14)]
    figures = [bars("thirty", thirty, six, log=True), bars("one", ["the only group"], {"the only series": [42]}),
               bars("hostile", [HOSTILE, UNBROKEN, ""], {HOSTILE: [1, None, 3], UNBROKEN: [0.001, 2e12, 0]}, unit=HOSTILE,
                    title=HOSTILE),
               bars("stacked", ["cpuid", "out", "nothing"], {"VMREAD": [3, 12.5, None], "VMWRITE": [None, 2, None]},
                    stacked=True),
               bars("below-zero", ["compile", "pipes", "server"], {"Kurma": [12.5, -3.2, 0], "KVM": [-11.25, 8, None]}),
               bars("zeros", ["a", "b"], {"Kurma": [0, 0]}), bars("one-decade", ["a", "b"], {"Kurma": [100, 0]}, log=True),
               lines("many-x", x, {"4K pages": [5000 / (n + 1) for n in range(14)],
                                   LONG: [None if n % 4 == 2 else 100.5 * n for n in range(14)]}, log_x=True),
               lines("one-x", [512], {HOSTILE: [3], "other": [None]}, log=True, x_label=HOSTILE),
               lines("crowded", list(range(0, 4_000_000, 100_000)), {"a": [10.0 ** (n % 9) for n in range(40)]}, log=True)]
    columns = [{"name": HOSTILE, "unit": HOSTILE},
               *({"name": f"column {n} of many", "unit": "instructions"} for n in range(12))]
    tables = [{"title": HOSTILE, "columns": columns, "rows": [[UNBROKEN, *[None, 0.00123, 1234567890123, -3.5] * 3],
                                                              [LONG, *[1, 2.25, "words", None] * 3]]},
              {"title": "one row", "columns": columns[1:3], "rows": [[7, None]]}]
    rows = [beside("quoted by others", ours_what=LONG), beside("from memory", operation=UNBROKEN, configuration=HOSTILE),
            beside("read at the source", configuration=None), beside(HOSTILE),
             beside("counted by us", theirs=183000, ours=None)]
    return result(name, title=HOSTILE, question=f"{HOSTILE}\n\n{UNBROKEN}", sentence=f"{LONG} {UNBROKEN} {HOSTILE}",
                  quick=True, repeat=f"./kurma experiment {name} --quick --out {UNBROKEN}/{UNBROKEN}", figures=figures,
                  tables=tables,
                  beside=rows, boots={UNBROKEN: {**BOOT, "cmdline": HOSTILE}, LONG: BOOT})


def write(directory: Path, *results: dict[str, Any]) -> Path:
    for one in results:
        folder = directory / one["experiment"]
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(one), encoding="utf-8")
    return directory
