"""An SVG file becomes a part of a page: colours by the names of the page's style, ids of its own, nothing superfluous."""

from __future__ import annotations

import re

from .sheet import LIGHT

# The page's style gives each of these its colour, in light and in dark.
VARIABLES = {LIGHT.ink: "--figure-ink", LIGHT.muted: "--figure-muted", LIGHT.grid: "--figure-grid",
             **{colour: f"--figure-{number}" for number, colour in enumerate(LIGHT.series, 1)}}


class InlineError(ValueError):
    """A drawing that would not follow the page's colours."""


def for_page(svg: str, prefix: str) -> str:
    """`prefix` keeps the ids of one drawing apart from those of another."""
    body = svg[svg.index("<svg"):]
    for gone in (r"<!--.*?-->", r"<metadata>.*?</metadata>", r"<style.*?</style>"):
        body = re.sub(gone, "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(href="|url\()#', rf"\g<1>#{prefix}-", body)
    body = body.replace("xlink:href", "href")
    size = re.search(r'viewBox="0 0 ([\d.]+) [\d.]+"', body)
    if size is None:
        raise InlineError(f"{prefix}: a drawing without a size")
    # Hidden from those who do not see it: the figure around it has the words.
    body = re.sub(r"<svg[^>]*>", f'<svg viewBox="{size[0][9:-1]}" style="max-width: {size[1]}px" aria-hidden="true" '
                                 'focusable="false">', body, count=1)
    body = re.sub(r'style="([^"]*)"', lambda found: f'style="{_named(found[1], prefix)}"', body)
    return re.sub(r"\n\s*", "\n", body).strip()


def _named(style: str, prefix: str) -> str:
    def variable(found: re.Match[str]) -> str:
        name = VARIABLES.get(found[0].lower())
        if name is None:
            raise InlineError(f"{prefix}: the colour {found[0]} has no name on the page")
        return f"var({name})"
    return re.sub(r"#[0-9a-fA-F]{6}\b", variable, style)
