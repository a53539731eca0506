"""The page: all experiments' questions, sentences, figures, tables, and what the papers say, in one file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..platform_qemu import QEMU
from .. import numbers
from . import parts
from .html import Markup, joined, tag
from .results import Drawing, Result, Results

STYLE = Path(__file__).resolve().parent / "style.css"
# Nothing is fetched, nothing is executed, whatever a result may have in it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
LEAD = ("What Kurma costs, and what each of its optimizations buys: every figure was measured on one emulated processor "
        "(Bochs), where a tick is an instruction, so the same run gives the same number. Values of papers stand beside "
        "ours, each with how certain we are of it; their cycles are never compared with our instructions, only ratios and "
        "counts are.")
IN_CYCLES = ("Measured in QEMU with KVM, in cycles, which differ from run to run: {what}. The VMX that is used "
             "there is KVM's, so these are not the processor's own costs.")


def page(results: Results, drawn: Mapping[str, Mapping[str, str]]) -> str:
    """`drawn` has each figure's drawings, by its stem and by how wide they are."""
    body = [tag("header", tag("h1", "Kurma: experiments"), *_leads(results)),
            _contents(results), tag("main", _summary(results), *(_experiment(result, drawn) for result in results.found)),
            tag("footer", tag("p", "Made by ", tag("code", "./kurma report"), ". The figures are beside this page in ",
                              tag("code", "figures/"), " as SVG and PNG, for light and for dark paper."))]
    head = joined([Markup('<meta charset="utf-8">'),
                   Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
                   Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
                   Markup('<meta name="color-scheme" content="light dark">'), tag("title", "Kurma: experiments"),
                   Markup('<link rel="icon" href="data:,">'), tag("style", Markup(STYLE.read_text()))])
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{joined(body)}\n</body>\n</html>\n'


def _leads(results: Results) -> list[Markup]:
    """Where these were measured: on Bochs, if they do not say otherwise."""
    there = [result.data["title"] for result in results.found if parts.platform(result.data["made_with"]) == QEMU]
    words = [] if there and len(there) == len(results.found) else [LEAD]
    if there:
        words.append(IN_CYCLES.format(what="all of this" if not words else ", ".join(there)))
    return [tag("p", text, class_="lead") for text in words]


def anchor(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _contents(results: Results) -> Markup:
    links = [tag("li", tag("a", result.data["title"], href=f"#{anchor(result.name)}")) for result in results.found]
    return tag("nav", tag("h2", "Contents"), tag("ol", tag("li", tag("a", "What was found", href="#found")), *links),
               aria_label="Contents")


def _summary(results: Results) -> Markup:
    found = [tag("li", tag("a", result.data["title"], href=f"#{anchor(result.name)}"), " ", _quick(result),
                 tag("p", result.data["sentence"])) for result in results.found]
    blocks: list[Markup] = [tag("h2", "What was found", id="found")]
    blocks.append(tag("ul", *found, class_="found") if found else tag("p", "No experiment has a result here yet."))
    revisions = {parts.revision(result.data["made_with"]) for result in results.found}
    if len(revisions) > 1:
        blocks.append(tag("p", "These results are of more than one revision of Kurma: ", ", ".join(sorted(revisions)),
                          ". Compare between experiments with that in mind.", class_="note"))
    if results.missing:
        rows = [tag("li", "not run yet: ", tag("code", f"./kurma experiment {name}")) for name in results.missing]
        blocks.append(tag("ul", *rows, class_="missing"))
    if results.unreadable:
        rows = [tag("li", f"{name} cannot be read: {why}") for name, why in results.unreadable.items()]
        blocks.append(tag("ul", *rows, class_="note"))
    return tag("section", *blocks)


def _quick(result: Result) -> Markup:
    return tag("span", "quick run", class_="badge") if result.data.get("quick") else Markup("")


def _experiment(result: Result, drawn: Mapping[str, Mapping[str, str]]) -> Markup:
    data, name = result.data, anchor(result.name)
    blocks = [tag("h2", data["title"], " ", _quick(result), id=name), parts.paragraphs(data["question"], "question"),
              tag("p", data["sentence"], class_="sentence")]
    blocks += [_figure(drawing, drawn, name) for drawing in result.drawings]
    blocks += [parts.result_table(table) for table in data["tables"]]
    if data["beside"]:
        blocks.append(parts.beside_table(data["beside"]))
    blocks += [tag("h3", "How to repeat it"), tag("pre", tag("code", data["repeat"]), tabindex="0"),
               parts.made_with(data["made_with"]), parts.boots_table(data["boots"])]
    return tag("section", *blocks, class_="experiment", aria_labelledby=name)


def _figure(drawing: Drawing, drawn: Mapping[str, Mapping[str, str]], experiment: str) -> Markup:
    """Drawn twice, for wide and for narrow pages; the style shows one. What it shows in words is in its label."""
    if drawing.figure is None:
        return tag("p", f"The figure {drawing.title!r} cannot be drawn: {drawing.wrong}.", class_="note")
    caption = f"{experiment}-{anchor(drawing.figure.name)}-caption"
    pictures = [tag("div", Markup(svg), class_=width) for width, svg in drawn[drawing.stem].items()]
    links = joined((tag("a", kind.upper(), href=f"figures/{drawing.stem}.{kind}") for kind in ("svg", "png")), ", ")
    return tag("figure", tag("figcaption", drawing.title, " ", tag("small", links), id=caption),
               tag("div", *pictures, class_="picture", role="img", aria_label=in_words(drawing.figure)),
               aria_labelledby=caption, data_figure=drawing.stem)


def in_words(figure: Any) -> str:
    """For those who do not see it. The numbers themselves are in it, as far as a listener can bear."""
    kind = "Bars" if figure.kind == "bars" else "Lines"
    series = ", ".join(series.label for series in figure.series)
    places = f"{len(figure.places)} {'groups' if figure.kind == 'bars' else 'points'}"
    low, high = min(figure.numbers), max(figure.numbers)
    range_ = f"from {numbers.text(low)} to {numbers.text(high)} {figure.unit}"
    return f"{kind}: {figure.title}. {places}, {series}; {range_}. The table below has the numbers."
