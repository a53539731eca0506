"""JSON that a guest printed between its other lines, held against L0's own at the end of the run."""

from __future__ import annotations

import json
import re
from typing import Any


def problem(pattern: str, text: str, counters: Any) -> str | None:
    """What is wrong with the JSON after the line that matches `pattern`; None if nothing is.

    An object must have the members that L0's own counters have, a list must hold at least one object, each with the
    members of L0's own turns.
    """
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        return f"not found: {pattern}"
    begin = text.find("\n", found.end()) + 1
    try:
        value, _ = json.JSONDecoder().raw_decode(text, begin)
    except json.JSONDecodeError as error:
        return f"no JSON after {pattern}: {error}"
    if not isinstance(counters, dict):
        return "L0 printed no counters to compare with"
    if isinstance(value, dict):
        return _members(value, counters) or _members(value["knobs"], counters["knobs"]) or _members(
            value["totals"], counters["totals"])
    if not isinstance(value, list) or not value:
        return f"after {pattern} stands neither an object nor a list with something in it"
    if not counters["turns"]:
        return "L0 recorded no turns to compare with; leave trace=turns on to the end"
    return next((wrong for turn in value if (wrong := _members(turn, counters["turns"][0]))), None)


def _members(value: dict[str, Any], model: dict[str, Any]) -> str | None:
    return None if list(value) == list(model) else f"the members are {list(value)}, in L0's own {list(model)}"
