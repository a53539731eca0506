"""Draws figures by matplotlib. A process of its own, since the front door may run under a Python that has none:
`/usr/bin/python3 -m harness.report.draw` reads a job from standard input and writes the drawings for the page on standard
output. Into the job's directory go each figure's files; those of figures that are gone are removed."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from . import bars, lines
from .figures import Figure, figure_of
from .inline import for_page
from .sheet import DARK, LIGHT, Style

WIDE, NARROW = 740.0, 320.0
FOR_PAGE = replace(LIGHT, page=None)
FILES = {"": Style(LIGHT, WIDE, titled=True), "-dark": Style(DARK, WIDE, titled=True)}
ON_PAGE = {"wide": Style(FOR_PAGE, WIDE), "narrow": Style(FOR_PAGE, NARROW, narrow=True)}
PNG_DPI = 144


def drawn(figure: Figure, style: Style) -> Canvas:
    return (bars if figure.kind == "bars" else lines).draw(figure, style)


def svg(canvas: Canvas, title: str = "") -> str:
    """The same drawing is the same text: no date in it."""
    file = io.StringIO()
    named = {"Title": title} if title else {}
    FigureCanvasSVG(canvas).print_svg(file, metadata={"Date": None, "Creator": "Kurma", **named})
    return file.getvalue()


def files_of(stem: Path, suffix: str) -> tuple[Path, Path]:
    """The SVG and the PNG."""
    return stem.with_name(f"{stem.name}{suffix}.svg"), stem.with_name(f"{stem.name}{suffix}.png")


def write(figure: Figure, stem: Path) -> None:
    for suffix, style in FILES.items():
        canvas = drawn(figure, style)
        as_svg, as_png = files_of(stem, suffix)
        as_svg.write_text(svg(canvas, figure.title))
        canvas.set_dpi(PNG_DPI)
        FigureCanvasAgg(canvas).print_png(as_png, metadata={"Software": None})


def remove(stem: Path) -> None:
    for suffix in FILES:
        for path in files_of(stem, suffix):
            path.unlink(missing_ok=True)


def page_drawings(figure: Figure, stem: str) -> dict[str, str]:
    """By width: SVG that may stand in a page beside others."""
    return {width: for_page(svg(drawn(figure, style)), f"{stem}-{width}") for width, style in ON_PAGE.items()}


def main() -> int:
    job: dict[str, Any] = json.load(sys.stdin)
    out = Path(job["out"])
    made = {}
    for stem in job["gone"]:
        remove(out / stem)
    for stem, data in job["figures"].items():
        figure = figure_of(data)
        write(figure, out / stem)
        made[stem] = page_drawings(figure, stem)
    json.dump(made, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
