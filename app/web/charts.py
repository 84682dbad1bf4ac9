"""Drawings as inline SVG: a competitor's interval, and the axis above a column of them.

Pure functions of numbers. Geometry stands in attributes and colour in the stylesheet, so that pages need no inline style.
A circle is always the fit and a diamond always the live rating; the one that ranks is filled (class `on`).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count

from markupsafe import Markup

from app.services.shapes import By

WIDTH = 240.0
HEIGHT = 36
AXIS_HEIGHT = 16
INSET = 12.0
KINDS: tuple[By, ...] = ("fit", "live")
TICK_STEPS = (10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000)
MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn of one competitor, in points; None where it is not known.

    `lower` and `upper` end the whisker, and `whisker_of` says whose interval that is.
    """

    by: By
    live: float
    fit: float | None = None
    lower: float | None = None
    upper: float | None = None
    whisker_of: By = "fit"

    def extent(self) -> Iterator[float]:
        yield from (value for value in (self.live, self.fit, self.lower, self.upper) if value is not None)


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from points to the drawing's width, with the values that its axis names."""

    low: float
    high: float
    ticks: tuple[int, ...]

    def x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return INSET + share * (WIDTH - 2 * INSET)


def common_scale(marks: Iterable[Marks]) -> Scale:
    """The one scale on which all the marks of an island fit."""
    values = [value for mark in marks for value in mark.extent()]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    margin = max(10.0, (high - low) * 0.02)
    low, high = low - margin, high + margin
    step = _tick_step(high - low)
    ticks = tuple(range(math.ceil(low / step) * step, math.floor(high / step) * step + 1, step))
    return Scale(low, high, ticks)


def _tick_step(span: float) -> int:
    longer = (int(lead * 10.0**exponent) for exponent in count(4) for lead in (1, 2, 5))
    return next(step for step in chain(TICK_STEPS, longer) if span / step < MOST_TICKS)


def axis(scale: Scale, grid: str) -> Markup:
    """The axis with its values; its lines, under the id `grid`, are what every row draws behind its marks."""
    lines = "".join(f"M{_number(scale.x(tick))} 0v{HEIGHT}" for tick in scale.ticks)
    labels = Markup("").join(Markup('<text x="{}" y="12">{}</text>').format(_number(scale.x(tick)), tick) for tick in scale.ticks)
    return Markup('<svg class="axis" viewBox="0 0 {:.0f} {}" aria-hidden="true"><defs><path id="{}" d="{}"/></defs>{}</svg>').format(
        WIDTH, AXIS_HEIGHT, grid, lines, labels
    )


def interval(marks: Marks, scale: Scale, grid: str, title: str, description: str) -> Markup:
    """One competitor's ratings and interval; `title` and `description` say the same to those who do not see it."""
    return Markup('<svg viewBox="0 0 {:.0f} {}" role="img"><title>{}</title><desc>{}</desc><use href="#{}"/>{}</svg>').format(
        WIDTH, HEIGHT, title, description, grid, Markup("").join(_shapes(marks, scale))
    )


def _shapes(marks: Marks, scale: Scale) -> Iterator[Markup]:
    middle = HEIGHT // 2
    if marks.lower is not None and marks.upper is not None:
        left, right = scale.x(marks.lower), scale.x(marks.upper)
        yield Markup('<path class="w" d="M{} {}v8m0-4H{}m0-4v8"/>').format(_number(left), middle - 4, _number(right))
    drawings = {"live": _diamond(scale.x(marks.live), middle)}
    if marks.fit is not None:
        drawings["fit"] = _circle(scale.x(marks.fit), middle)
    for kind in sorted(drawings, key=lambda kind: kind == marks.by):
        yield drawings[kind].format("on" if kind == marks.by else "off")


def _diamond(x: float, y: int) -> Markup:
    return Markup(f'<path class="{{}}" d="M{_number(x)} {y - 5}l5 5-5 5-5-5z"/>')  # noqa: S704 - numbers only


def _circle(x: float, y: int) -> Markup:
    return Markup(f'<circle class="{{}}" cx="{_number(x)}" cy="{y}" r="4.5"/>')  # noqa: S704 - numbers only


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
