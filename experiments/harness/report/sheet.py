"""The paper that a figure is drawn on: its colours, its measures, its legend. The unit is the pixel, 72 to the inch."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

PER_INCH = 72
FONT = "DejaVu Sans"
LABEL, SMALL, HEADING = 11.0, 10.0, 13.0     # Sizes of letters.
LINE = 1.3                                   # From line to line, in sizes.
MARGIN = 4.0
SWATCH = 10.0

rcParams.update({"svg.hashsalt": "kurma", "svg.fonttype": "path", "font.family": FONT, "text.parse_math": False,
                 "axes.unicode_minus": True, "path.simplify": False})

_measure = TextToPath()


@dataclass(frozen=True)
class Theme:
    """`page` is None where the page's own background is to be seen."""

    page: str | None
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]


# Okabe and Ito's colours, which stay apart for the colour-blind; no two roles share one, so that the page can name them.
LIGHT = Theme("#ffffff", "#1d2226", "#59646d", "#dcdfe2", ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"))
DARK = Theme("#14181b", "#e6e8ea", "#a5afb7", "#3a4249", ("#56b4e9", "#e69f00", "#2bbf93", "#e09cc3", "#ee7733", "#3a8fd0"))


@dataclass(frozen=True)
class Style:
    """How wide the sheet is, and whether it carries its title (the page writes that itself)."""

    theme: Theme
    width: float
    narrow: bool = False
    titled: bool = False


def width_of(words: str, size: float, bold: bool = False) -> float:
    """Of its longest line."""
    font = FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")
    return max((_measure.get_text_width_height_descent(line, font, False)[0] for line in words.split("\n")), default=0.0)


def wrapped(words: str, size: float, width: float, bold: bool = False) -> str:
    """In lines of at most this width; a word that is longer than a line is broken."""
    words = " ".join(words.split()) or " "
    letters = max(4, int(width / (width_of(words, size, bold) / len(words) or 1)))
    while letters > 4:
        lines = "\n".join(textwrap.wrap(words, letters, break_long_words=True)) or words
        if width_of(lines, size, bold) <= width:
            return lines
        letters -= 1
    return "\n".join(textwrap.wrap(words, letters))


def height_of(words: str, size: float) -> float:
    return (words.count("\n") + 1) * size * LINE


class Sheet:
    """Things are put on it from the top down; it is as tall as what was put on it."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.canvas = Canvas(figsize=(style.width / PER_INCH, 1), dpi=PER_INCH)
        self.bottom = MARGIN
        self._late: list[tuple[float, float, str, dict[str, object]]] = []
        self._swatches: list[tuple[float, float, str]] = []

    def head(self, title: str, labels: Sequence[str]) -> None:
        """The title where this sheet carries it, and the legend: one series alone has to be named, too."""
        if self.style.titled and title:
            words = wrapped(title, HEADING, self.style.width - 2 * MARGIN, bold=True)
            self.words(MARGIN, self.bottom, words, size=HEADING, weight="bold")
            self.bottom += height_of(words, HEADING) + 6
        self._legend(labels)

    def _legend(self, labels: Sequence[str]) -> None:
        x, row = MARGIN, 0.0
        for label, colour in zip(labels, self.style.theme.series):
            words = wrapped(label, SMALL, self.style.width - 2 * MARGIN - SWATCH - 6)
            wide = SWATCH + 6 + width_of(words, SMALL)
            if x > MARGIN and x + wide > self.style.width - MARGIN:
                x, self.bottom, row = MARGIN, self.bottom + row, 0.0
            self._swatches.append((x, self.bottom + 1, colour))
            self.words(x + SWATCH + 6, self.bottom, words, size=SMALL)
            x, row = x + wide + 18, max(row, height_of(words, SMALL) + 4)
        self.bottom += row + 6

    def words(self, x: float, top: float, words: str, *, size: float = LABEL, **options: object) -> None:
        """`top` is the upper edge of the first line, unless the options align it in another way."""
        self._late.append((x, top, words, {"color": self.style.theme.ink, "fontsize": size, "va": "top",
                                           "linespacing": 1.15, **options}))

    def axes(self, left: float, width: float, height: float) -> Axes:
        """Below what is there already, measured in pixels; placed when the height of the sheet is known."""
        axes = self.canvas.add_axes((0, 0, 1, 1))
        self._place = (axes, left, self.bottom, width, height)
        self.bottom += height
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, colors=self.style.theme.muted, labelsize=SMALL, pad=5)
        axes.set_axisbelow(True)
        return axes

    def finished(self) -> Canvas:
        theme, width, height = self.style.theme, self.style.width, self.bottom + MARGIN
        self.canvas.set_size_inches(width / PER_INCH, height / PER_INCH)
        if theme.page is None:
            self.canvas.patch.set_visible(False)
        else:
            self.canvas.patch.set_facecolor(theme.page)
        axes, left, top, wide, tall = self._place
        axes.set_position((left / width, 1 - (top + tall) / height, wide / width, tall / height))
        for x, y, colour in self._swatches:
            self.canvas.add_artist(Rectangle((x / width, 1 - (y + SWATCH) / height), SWATCH / width, SWATCH / height,
                                             facecolor=colour, edgecolor="none", transform=self.canvas.transFigure))
        for x, y, words, options in self._late:
            self.canvas.text(x / width, 1 - y / height, words, **options)
        return self.canvas


def spread(places: Sequence[float], widths: Sequence[float], gap: float = 8.0) -> Iterator[int]:
    """Which of these centred words can be shown without touching each other, from the first on."""
    free = float("-inf")
    for index, (place, width) in enumerate(zip(places, widths)):
        if place - width / 2 >= free:
            free = place + width / 2 + gap
            yield index
