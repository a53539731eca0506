"""Horizontal bars in groups, one below the other, the number at each bar's end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from .. import numbers
from .figures import Figure
from .sheet import LABEL, LINE, MARGIN, SMALL, Sheet, Style, height_of, spread, width_of, wrapped

BAR, ONLY_BAR = 12.0, 15.0      # A bar's height among others of its group, and alone.
BETWEEN_BARS, BETWEEN_GROUPS = 1.5, 11.0
LABEL_PART = 0.36               # The names' part of a wide sheet, at most.
AFTER_BAR = 4.0                 # From a bar's end to its number.
SHORTEST = 0.12                 # Decades of the shortest bar on a logarithmic axis.


@dataclass(frozen=True)
class Bar:
    """From `start` to `end`; `words` is the number after it."""

    start: float
    end: float
    series: int
    words: str
    missing: bool = False


@dataclass(frozen=True)
class Scale:
    """From values to pixels, with `left` free for the numbers of what is below zero."""

    low: float
    per_unit: float
    left: float
    log: bool

    def at(self, value: float) -> float:
        if self.log:
            return self.left + (max(0.0, math.log10(value) - self.low) * self.per_unit if value > 0 else 0.0)
        return self.left + (value - self.low) * self.per_unit


def draw(figure: Figure, style: Style) -> Canvas:
    sheet = Sheet(style)
    sheet.head(figure.title, [series.label for series in figure.series])
    names, left = _names(figure, style)
    width = style.width - left - MARGIN
    rows = [_bars_of(figure, group) for group in range(len(figure.places))]
    scale = _scale([bar for row in rows for bar in row], figure.log, width)
    heights = [_group_height(row, figure.stacked) for row in rows]
    tall = sum(_with_name(name, height, style.narrow) + BETWEEN_GROUPS for height, name in zip(heights, names))
    top, axes = sheet.bottom, sheet.axes(left, width, tall)
    axes.set_xlim(0, width)
    axes.set_ylim(tall, 0)
    axes.set_yticks([])
    y = BETWEEN_GROUPS / 2
    for row, name, height in zip(rows, names, heights):
        own = _with_name(name, height, style.narrow)
        if style.narrow:
            sheet.words(left + AFTER_BAR, top + y, name)
            _draw_row(axes, row, y + own - height, scale, sheet, figure.stacked)
        else:
            sheet.words(left - 10, top + y + own / 2, name, ha="right", va="center", multialignment="right")
            _draw_row(axes, row, y + (own - height) / 2, scale, sheet, figure.stacked)
        y += own + BETWEEN_GROUPS
    _axis(axes, figure, scale, width, sheet)
    sheet.bottom += 5 + SMALL * LINE + 4
    unit = figure.unit + (" (logarithmic axis)" if figure.log else "")
    words = wrapped(unit, SMALL, style.width - left - MARGIN)
    sheet.words(left, sheet.bottom, words, size=SMALL, color=style.theme.muted)
    sheet.bottom += height_of(words, SMALL)
    return sheet.finished()


def _names(figure: Figure, style: Style) -> tuple[list[str], float]:
    """The groups' names in lines, and where the bars begin: beside the names, or on a narrow sheet below them."""
    most = (style.width - 2 * MARGIN - AFTER_BAR) if style.narrow else style.width * LABEL_PART
    names = [wrapped(str(place), LABEL, most) for place in figure.places]
    left = MARGIN if style.narrow else MARGIN + max(width_of(name, LABEL) for name in names) + 10
    return names, left


def _with_name(name: str, height: float, narrow: bool) -> float:
    """The height of a group with its name: on a narrow sheet above the bars, else beside them."""
    return height_of(name, LABEL) + 2 + height if narrow else max(height, height_of(name, LABEL))


def _bars_of(figure: Figure, group: int) -> list[Bar]:
    values = [series.values[group] for series in figure.series]
    if not figure.stacked:
        return [Bar(0, 0, index, numbers.NOT_MEASURED, True) if value is None else Bar(0, value, index, numbers.text(value))
                for index, value in enumerate(values)]
    measured = [(index, value) for index, value in enumerate(values) if value is not None]
    if not measured:
        return [Bar(0, 0, 0, numbers.NOT_MEASURED, True)]
    bars, sum_ = [], 0.0
    for index, value in measured:
        bars.append(Bar(sum_, sum_ + value, index, ""))
        sum_ += value
    partly = "" if len(measured) == len(values) else ", not all measured"
    bars[-1] = Bar(bars[-1].start, sum_, bars[-1].series, numbers.text(float(f"{sum_:.6g}")) + partly)
    return bars


def _group_height(row: Sequence[Bar], stacked: bool) -> float:
    if stacked or len(row) == 1:
        return ONLY_BAR
    return len(row) * (BAR + BETWEEN_BARS) - BETWEEN_BARS


def _scale(bars: Sequence[Bar], log: bool, width: float) -> Scale:
    """As long as the numbers after the bars leave room for."""
    room = max(width_of(bar.words, SMALL) for bar in bars if bar.end >= 0) if any(b.end >= 0 for b in bars) else 0.0
    room = width - room - AFTER_BAR - 2
    if log:
        positive = [bar.end for bar in bars if bar.end > 0]
        low = math.floor(math.log10(min(positive)) - SHORTEST)
        return Scale(low, room / (math.log10(max(positive)) - low), 0, True)
    below = [bar for bar in bars if bar.end < 0]
    left = max((width_of(bar.words, SMALL) for bar in below), default=0.0) + (AFTER_BAR + 2 if below else 0)
    low, high = min(0.0, *(bar.end for bar in bars)), max(0.0, *(bar.end for bar in bars))
    return Scale(low, (room - left) / ((high - low) or 1), left, False)


def _draw_row(axes: Axes, row: Sequence[Bar], y: float, scale: Scale, sheet: Sheet, stacked: bool) -> None:
    theme = sheet.style.theme
    tall = ONLY_BAR if stacked or len(row) == 1 else BAR
    for bar in row:
        start, end = scale.at(bar.start), scale.at(bar.end)
        if end != start:
            axes.barh(y + tall / 2, end - start, height=tall, left=start, color=theme.series[bar.series],
                      edgecolor=theme.ink if stacked else "none", linewidth=0.5 if stacked else 0)
        if bar.words:
            side, gap = ("right", -AFTER_BAR) if bar.end < 0 else ("left", AFTER_BAR)
            axes.text(end + gap, y + tall / 2, bar.words, ha=side, va="center_baseline", fontsize=SMALL,
                      color=theme.muted if bar.missing else theme.ink)
        if not stacked:
            y += BAR + BETWEEN_BARS


def _axis(axes: Axes, figure: Figure, scale: Scale, width: float, sheet: Sheet) -> None:
    theme = sheet.style.theme
    values = _log_ticks(scale, width) if figure.log else _linear_ticks(scale, width)
    words = [numbers.tick(value) for value in values]
    widths = [width_of(word, SMALL) for word in words]
    at = [scale.at(value) for value in values]
    shown = [index for index in spread(at, widths, 12) if at[index] + widths[index] / 2 <= width]
    axes.set_xticks([at[index] for index in shown], [words[index] for index in shown])
    # The first tick's word would stick out of a narrow sheet.
    for label, index in zip(axes.get_xticklabels(), shown):
        if at[index] < widths[index] / 2:
            label.set_ha("left")
    for value, x in zip(values, at):
        axes.axvline(x, color=theme.grid, linewidth=0.7, zorder=0)
    axes.axvline(scale.at(0), color=theme.muted, linewidth=0.9)


def _linear_ticks(scale: Scale, width: float) -> list[float]:
    low, high = scale.low - scale.left / scale.per_unit, scale.low + (width - scale.left) / scale.per_unit
    steps = MaxNLocator(nbins=max(2, int(width / 90)), steps=[1, 2, 2.5, 5, 10])
    return [float(value) for value in steps.tick_values(low, high) if low <= value <= high]


def _log_ticks(scale: Scale, width: float) -> list[float]:
    low, high = scale.low, scale.low + width / scale.per_unit
    within = (1, 2, 5) if high - low < 2 else (1,)
    values = [step * 10.0 ** decade for decade in range(int(low), math.ceil(high) + 1) for step in within]
    return [value for value in values if low <= math.log10(value) <= high]
