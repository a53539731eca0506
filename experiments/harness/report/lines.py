"""A line for each series over x; what was not measured is a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator, NullLocator

from .. import numbers
from .figures import Figure
from .sheet import LINE, MARGIN, SMALL, Sheet, Style, height_of, spread, width_of, wrapped

HEIGHT, NARROW_HEIGHT = 300.0, 230.0
MARKERS = "os^Dvp"
FEW = 9     # So many x are all marked on the axis.


def draw(figure: Figure, style: Style) -> Canvas:
    sheet = Sheet(style)
    sheet.head(figure.title, [series.label for series in figure.series])
    theme = style.theme
    unit = wrapped(figure.unit + (" (logarithmic axis)" if figure.log else ""), SMALL, style.width - 2 * MARGIN)
    sheet.words(MARGIN, sheet.bottom, unit, size=SMALL, color=theme.muted)
    sheet.bottom += height_of(unit, SMALL) + 6
    ticks, low, high = _y_axis(figure)
    words = [numbers.tick(tick) for tick in ticks]
    left = MARGIN + max(width_of(word, SMALL) for word in words) + 8
    width = style.width - left - 16
    tall = NARROW_HEIGHT if style.narrow else HEIGHT
    axes = sheet.axes(left, width, tall)
    axes.set_yscale("log" if figure.log else "linear")
    axes.set_xscale("log" if figure.log_x else "linear")
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, words)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=theme.grid, linewidth=0.7)
    _x_axis(axes, figure, width)
    for index, series in enumerate(figure.series):
        values = [math.nan if value is None or (figure.log and value <= 0) else value for value in series.values]
        axes.plot(figure.places, values, color=theme.series[index], marker=MARKERS[index], markersize=5.5, linewidth=1.8,
                  markeredgecolor=theme.ink, markeredgewidth=0.4, clip_on=False, solid_joinstyle="round")
    axes.spines["bottom"].set(visible=True, color=theme.muted, linewidth=0.9)
    sheet.bottom += 5 + SMALL * LINE + 4
    label = wrapped(figure.x_label + (" (logarithmic axis)" if figure.log_x else ""), SMALL, width)
    sheet.words(left, sheet.bottom, label, size=SMALL, color=theme.muted)
    sheet.bottom += height_of(label, SMALL)
    return sheet.finished()


def _y_axis(figure: Figure) -> tuple[list[float], float, float]:
    """Ticks, and where the axis begins and ends: at zero where it can, so that heights may be compared."""
    values = figure.numbers
    if figure.log:
        positive = [value for value in values if value > 0]
        low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
        high = max(high, low + 1)
        within = (1, 2, 5) if high - low < 2 else (1,)
        ticks = [step * 10.0 ** decade for decade in range(low, high + 1) for step in within]
        return [tick for tick in ticks if tick <= 10.0 ** high], 10.0 ** low, 10.0 ** high
    places = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(min(0.0, *values), max(0.0, *values))
    ticks = [float(tick) for tick in places]
    return ticks, ticks[0], ticks[-1]


def _x_axis(axes: Axes, figure: Figure, width: float) -> None:
    xs = [float(x) for x in figure.places]
    low, high = _limits(xs, figure.log_x)
    axes.set_xlim(low, high)
    marked = xs if len(xs) <= FEW or figure.log_x else [
        float(x) for x in MaxNLocator(nbins=max(2, int(width / 80))).tick_values(low, high) if low <= x <= high]
    words = [numbers.tick(x) for x in marked]
    at = [_part(x, low, high, figure.log_x) * width for x in marked]
    shown = _within(at, [width_of(word, SMALL) for word in words], width)
    axes.set_xticks([marked[index] for index in shown], [words[index] for index in shown])


def _within(at: Sequence[float], widths: Sequence[float], width: float) -> list[int]:
    return [index for index in spread(at, widths) if at[index] + widths[index] / 2 <= width + 14]


def _limits(xs: Sequence[float], log: bool) -> tuple[float, float]:
    """A little more than what was measured, on both sides."""
    if log:
        edge = (xs[-1] / xs[0]) ** 0.04 if len(xs) > 1 else 2.0
        return xs[0] / edge, xs[-1] * edge
    edge = (xs[-1] - xs[0]) * 0.04 or 1.0
    return xs[0] - edge, xs[-1] + edge


def _part(x: float, low: float, high: float, log: bool) -> float:
    if log:
        return (math.log(x) - math.log(low)) / (math.log(high) - math.log(low))
    return (x - low) / (high - low)
