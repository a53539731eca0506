"""A paper's figure beside ours, with its certainty; never one in cycles beside one in instructions."""

from __future__ import annotations

from typing import Any

from .. import papers
from .findings import Beside, FindingsError, rounded


def as_json(beside: Beside) -> dict[str, Any]:
    row = papers.find(beside.paper, beside.table, beside.operation, beside.configuration)
    theirs, unit, configuration, certainty = row.number, row.unit, row.configuration, row.certainty
    if beside.over is not None:
        operation, part = beside.over
        base = papers.find(beside.paper, beside.table, operation, part)
        theirs, unit = papers.ratio(row, base), "factor"
        certainty = papers.weaker(row.certainty, base.certainty)
        configuration = f"{row.operation} ({row.configuration}) over {base.operation} ({base.configuration})"
    if not papers.comparable(unit, beside.ours_unit):
        raise FindingsError(f"{beside.paper}, {beside.table}, {beside.operation}: "
                            f"{unit} never stand beside {beside.ours_unit}")
    return {"paper": beside.paper, "source_table": row.source_table, "operation": beside.operation,
            "configuration": configuration, "theirs": rounded(theirs), "unit": unit, "processor": row.processor,
            "certainty": certainty, "ours": rounded(beside.ours), "ours_unit": beside.ours_unit,
            "ours_what": beside.ours_what}
