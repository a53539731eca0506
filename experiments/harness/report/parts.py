"""The parts of an experiment's section that are words and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import numbers
from .html import Markup, joined, table, tag

# How a value's certainty (papers/README.md) is shown: its words, and whether it is to be taken with care.
CERTAINTY = {"read at the source": ("read at the source", "sure"), "quoted by others": ("quoted by others", "quoted"),
             "from memory": ("unverified: from memory", "unverified"), "counted by us": ("counted by us", "sure"),
             "measured by us": ("measured by us", "sure")}


def paragraphs(text: str, kind: str | None = None) -> Markup:
    return joined(tag("p", " ".join(part.split()), class_=kind) for part in re.split(r"\n\s*\n", text.strip()))


def heading(name: str, unit: str) -> Markup:
    return joined([name, tag("span", unit, class_="unit")], " ") if unit else joined([name])


def result_table(data: Mapping[str, Any]) -> Markup:
    title = str(data.get("title", ""))
    headings = [heading(str(column.get("name", "")), str(column.get("unit", ""))) for column in data["columns"]]
    columns = [[row[place] for row in data["rows"]] for place in range(len(headings))]
    return joined([tag("h3", title), table(title, headings, columns)])


def certainty(words: Any) -> Markup:
    """An unknown word is no certainty at all."""
    shown, kind = CERTAINTY.get(str(words), (f"unverified: {words or 'its certainty is not told'}", "unverified"))
    return tag("span", shown, class_=f"certainty {kind}")


def beside_table(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """The paper's value and ours next to each other, the paper's with its certainty."""
    headings = ["operation", "theirs", "certainty", "ours", "what was measured here", "their processor", "source"]
    cells = [[_operation(row), _valued(row.get("theirs"), row.get("unit")), certainty(row.get("certainty")),
              _valued(row.get("ours"), row.get("ours_unit")), str(row.get("ours_what", "")), str(row.get("processor", "")),
              f"{row.get('paper', '')}, {row.get('source_table', '')}"] for row in rows]
    return joined([tag("h3", "Beside the papers"), table("Beside the papers", headings, list(zip(*cells)), kind="beside")])


def _operation(row: Mapping[str, Any]) -> Markup:
    configuration = row.get("configuration")
    return joined([row.get("operation", ""), tag("small", configuration) if configuration else ""], " ")


def _valued(value: Any, unit: Any) -> Markup:
    return tag("span", f"{numbers.cell_text(value)} ", tag("span", unit or "", class_="unit"), class_="valued")


def revision(made_with: Mapping[str, Any]) -> str:
    git = made_with.get("git")
    if not isinstance(git, Mapping):
        return str(git or "unknown")
    return str(git.get("revision", "unknown"))[:12] + (", with changes of its own" if git.get("modified") else "")


def platform(made_with: Mapping[str, Any]) -> str:
    found = made_with.get("platform")
    return str(found.get("name", "")) if isinstance(found, Mapping) else ""


def made_with(data: Mapping[str, Any]) -> Markup:
    """The revision, and every version of what it ran on, folded flat: a name and its value a line."""
    lines = [("Kurma", revision(data))]
    for key, value in data.items():
        if key != "git":
            lines += flat(str(key), value)
    return joined([tag("h3", "Made with"),
                   tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in lines), class_="versions")])


def flat(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [pair for key, part in value.items() for pair in flat(name if key == "packages" else f"{name}: {key}", part)]
    if isinstance(value, list):
        return [(name, ", ".join(map(str, value)))] if value else []
    return [(name, numbers.cell_text(value))]


def boots_table(boots: Mapping[str, Any]) -> Markup:
    """What was booted, folded away on a screen; on paper it is there."""
    if not boots:
        return Markup("")
    keys = list(dict.fromkeys(key for boot in boots.values() for key in boot))
    columns: list[list[Any]] = [list(boots)]
    columns += [[_configured(boot.get(key)) for boot in boots.values()] for key in keys]
    words = f"{len(boots)} boots and how each was configured" if len(boots) > 1 else "One boot and how it was configured"
    return tag("details", tag("summary", words), table(words, ["boot", *keys], columns))


def _configured(value: Any) -> Any:
    if isinstance(value, Mapping):
        return joined((tag("div", f"{key}: {part}") for key, part in value.items()), "")
    if isinstance(value, list):
        return " ".join(map(str, value))
    return value
