"""A small writer of SVG diagrams: boxes, arrows that bend, loops, labels. Colours come from the page's CSS.

Coordinates grow to the right and downwards. The drawing keeps track of its extent, so nothing is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]

CHARACTER = 7.3  # width of a character of 12 px monospace, in px
LINE = 16.0
PADDING = 10.0
ARROW_HEAD = (
    '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0.8 L10,5 L0,9.2 z"/></marker>'
)
LABEL_AT = 0.4, 0.6, 0.3, 0.7, 0.5, 0.25, 0.75, 0.35, 0.65, 0.45, 0.55
"""Shares of the way at which a label may stand, off the middle first, where arrows cross."""
Area = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled box around a centre. The first line stands out."""

    centre: Point
    lines: tuple[str, ...]
    kind: str = "state"

    @property
    def size(self) -> Point:
        """Width and height."""
        width = max(len(line) for line in self.lines) * CHARACTER + 2 * PADDING
        return max(width, 40.0), max(len(self.lines) * LINE + PADDING, 34.0)

    def edge(self, towards: Point, gap: float = 0.0) -> Point:
        """Where the ray from the centre towards a point leaves the box."""
        (x, y), (width, height) = self.centre, self.size
        dx, dy = towards[0] - x, towards[1] - y
        if dx == dy == 0:
            return self.centre
        scale = min(
            (width / 2 + gap) / abs(dx) if dx else math.inf,
            (height / 2 + gap) / abs(dy) if dy else math.inf,
        )
        return x + dx * scale, y + dy * scale


@dataclass
class Drawing:
    """Elements in drawing order, and the box around them."""

    arrows: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    taken: list[Area] = field(default_factory=list)

    def box(self, box: Box) -> None:
        """Add a box with its text."""
        (x, y), (width, height) = box.centre, box.size
        left, top = x - width / 2, y - height / 2
        self.points += [(left, top), (left + width, top + height)]
        rows = []
        first = y - (len(box.lines) - 1) * LINE / 2
        for k, line in enumerate(box.lines):
            style = "name" if k == 0 else "more"
            rows.append(f'<text class="{style}" x="{x:.1f}" y="{first + k * LINE:.1f}">{escape(line)}</text>')
        shape = f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="9"/>'
        self.boxes.append(f'<g class="{escape(box.kind)}">{shape}{"".join(rows)}</g>')

    def arrow(self, source: Box, target: Box, label: Sequence[str], bend: float) -> None:
        """An arrow between two boxes; `bend` moves its middle sideways, as a share of its length."""
        (x0, y0), (x1, y1) = source.centre, target.centre
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        normal = ((y1 - y0) / length, -(x1 - x0) / length)
        control = ((x0 + x1) / 2 + 2 * bend * length * normal[0], (y0 + y1) / 2 + 2 * bend * length * normal[1])
        start, end = source.edge(control), target.edge(control, gap=3.0)
        self._path(f"M{_at(start)} Q{_at(control)} {_at(end)}")
        places: list[Point] = []
        for t in LABEL_AT:
            u = 1 - t
            x, y = (u * u * a + 2 * u * t * c + t * t * b for a, c, b in zip(start, control, end, strict=True))
            places.append((x, y))
        self.label(min(places, key=lambda place: self._covered(_area(place, label))), label)

    def horizontal(self, source: Box, target: Box, below: float | None = None) -> None:
        """An arrow that leaves to the right and arrives from the left; `below` is the depth of a way back."""
        (x0, y0), (x1, y1) = source.centre, target.centre
        start, end = (x0 + source.size[0] / 2, y0), (x1 - target.size[0] / 2 - 3.0, y1)
        if below is None:
            middle = (start[0] + end[0]) / 2
            self._path(f"M{_at(start)} C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {_at(end)}")
            return
        out, back = start[0] + 28, end[0] - 28
        self._path(
            f"M{_at(start)} C{_at((out, y0))} {_at((out, below))} {_at((start[0], below))} "
            f"L{_at((end[0], below))} C{_at((back, below))} {_at((back, y1))} {_at(end)}"
        )
        self.points += [(out, below + 6), (back, below + 6)]

    def loop(self, box: Box, angle: float, label: Sequence[str]) -> None:
        """An arrow from a box to itself, on the side that `angle` points to."""
        x, y = box.centre
        reach = 46.0 + math.hypot(*box.size) / 4

        def towards(turn: float, distance: float) -> Point:
            return x + distance * math.cos(angle + turn), y + distance * math.sin(angle + turn)

        first, second = towards(-0.5, reach * 1.35), towards(0.5, reach * 1.35)
        start, end = box.edge(towards(-0.42, reach)), box.edge(towards(0.42, reach), gap=3.0)
        self._path(f"M{_at(start)} C{_at(first)} {_at(second)} {_at(end)}")
        self.points += [first, second]
        tip = tuple((a + 3 * b + 3 * c + d) / 8 for a, b, c, d in zip(start, first, second, end, strict=True))
        width, height = max(map(len, label)) * CHARACTER, len(label) * LINE
        right, down = math.cos(angle) * (width / 2 + 5), math.sin(angle) * (height / 2 + 3)
        self.label((tip[0] + right, tip[1] + down), label)

    def entry(self, box: Box, angle: float) -> None:
        """The arrow that marks the start, coming from the side that `angle` points to."""
        x, y = box.centre
        reach = 34 + math.hypot(*box.size) / 2
        begin = (x + reach * math.cos(angle), y + reach * math.sin(angle))
        self._path(f"M{_at(begin)} L{_at(box.edge(begin, gap=3.0))}")
        self.label((x + (reach + 22) * math.cos(angle), y + (reach + 8) * math.sin(angle)), ["start"])

    def label(self, centre: Point, lines: Sequence[str]) -> None:
        """Text over the arrows."""
        left, top, right, bottom = area = _area(centre, lines)
        width, height = right - left, bottom - top
        self.taken.append(area)
        self.points += [(left, top), (right, bottom)]
        back = f'<rect x="{left:.1f}" y="{top + 1:.1f}" width="{width:.1f}" height="{height - 2:.1f}"/>'
        rows = [
            f'<text x="{centre[0]:.1f}" y="{top + (k + 0.5) * LINE:.1f}">{escape(line)}</text>'
            for k, line in enumerate(lines)
        ]
        self.labels.append(f'<g class="label">{back}{"".join(rows)}</g>')

    def render(self, title: str) -> str:
        """The drawing as an `<svg>` element."""
        margin = 12.0
        left, top = min(p[0] for p in self.points) - margin, min(p[1] for p in self.points) - margin
        width, height = max(p[0] for p in self.points) + margin - left, max(p[1] for p in self.points) + margin - top
        return (
            f'<svg role="img" aria-label="{escape(title)}" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}" '
            f'width="{width:.0f}" height="{height:.0f}" xmlns="http://www.w3.org/2000/svg">'
            f"<defs>{ARROW_HEAD}</defs>"
            + "".join([*self.arrows, *self.boxes, *self.labels])
            + "</svg>"
        )

    def _covered(self, area: Area) -> float:
        """How much of the labels so far an area would cover."""
        left, top, right, bottom = area
        return sum(
            max(min(right, r) - max(left, x), 0.0) * max(min(bottom, b) - max(top, y), 0.0) for x, y, r, b in self.taken
        )

    def _path(self, shape: str) -> None:
        self.arrows.append(f'<path class="arrow" d="{shape}" marker-end="url(#head)"/>')


def _area(centre: Point, lines: Sequence[str]) -> Area:
    """What a label covers."""
    width, height = max(map(len, lines)) * CHARACTER + 4, len(lines) * LINE
    left, top = centre[0] - width / 2, centre[1] - height / 2
    return left, top, left + width, top + height


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
