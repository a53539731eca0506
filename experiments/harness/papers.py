"""papers/, the figures of others, as the front door sees them; the code for it lives beside the tables."""

from __future__ import annotations

import sys

from .paths import ROOT

sys.path.insert(0, str(ROOT / "papers"))

from find import FindError, Placed, all_rows, comparable, description, find, ratio, weaker  # noqa: E402
from tables import CERTAINTIES, NO_EXPERIMENT_YET, NOT_ON_BOCHS, Row, TableError  # noqa: E402

__all__ = ["CERTAINTIES", "FindError", "NOT_ON_BOCHS", "NO_EXPERIMENT_YET", "Placed", "Row", "TableError", "all_rows",
           "comparable", "description", "find", "ratio", "shown_certainty", "weaker"]


def shown_certainty(certainty: str) -> str:
    """With the word that papers/README.md asks for where nobody has looked it up."""
    return f"{certainty}, unverified" if certainty == "from memory" else certainty
