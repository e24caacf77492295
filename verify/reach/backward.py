"""Bounds of linear functions of a network's read-out over boxes of inputs, by linear relaxation read backwards.

Each curve is enclosed between two lines on the interval its argument can take; coefficients are then pulled back
through the graph to the input tables, where the extreme over a box is exact (CROWN, Zhang et al. 2018; DeepPoly, Singh
et al. 2019). Smooth curves are enclosed twice, by parallel lines and by the nearest ones, and the better bound counts.
Sound for the float32 network: every node adds the rounding of the operation that runs, in any order of
summation, and an outward margin covers this module's own float64 arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from verify.domain import IntArray
from verify.graph import Affine, Array, Concatenate, Graph, Kind, Lookup, Pointwise, Sum
from verify.reach.affine import FUNCTION_ERROR, OUTWARD, TINY, UNIT

PIECES = 32
TANGENTS = 8  # slopes tried for the nearest lines, besides the chord's
CURVATURE = 0.8  # bounds |f''| of tanh (0.770), gelu (0.798) and sigmoid (0.097) everywhere


@dataclass(frozen=True)
class Lines:
    """Per box and coordinate: `low_slope x + low_offset <= f(x) <= high_slope x + high_offset`, with rounding."""

    low_slope: Array
    low_offset: Array
    high_slope: Array
    high_offset: Array


@dataclass(frozen=True)
class Interval:
    """Lowest and highest values (boxes, width)."""

    low: Array
    high: Array

    @property
    def magnitude(self) -> Array:
        """The largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


class Bounds:
    """Relaxations of a graph over a batch of boxes: symbols from `lows` to `highs` (boxes, arity), both included."""

    def __init__(self, graph: Graph, lows: IntArray, highs: IntArray) -> None:
        self.graph, self.boxes = graph, len(lows)
        offset = np.array(graph.lows)
        self.inside = [
            (np.arange(len(table))[None] >= (lows - offset)[:, k, None])
            & (np.arange(len(table))[None] <= (highs - offset)[:, k, None])
            for k, table in enumerate(_lookup(graph).tables)
        ]
        self.intervals: list[Interval] = []
        self.errors: list[Array] = []
        self.lines: dict[int, tuple[Lines, ...]] = {}
        for at in range(len(graph.nodes)):
            self._enclose(at)

    def least(self, rows: Array, constants: Array) -> Array:
        """Lower bounds (boxes, count) of `rows @ read-out + constants`, for rows (count, width)."""
        coefficients = np.broadcast_to(rows, (self.boxes, *rows.shape))
        return self._pulled(len(self.graph.nodes) - 1, coefficients) + constants

    def influence(self) -> Array:
        """How far each input component can move the first layer (boxes, arity): the largest spread of its table."""
        lookup = _lookup(self.graph)
        spreads = []
        for table, inside in zip(lookup.tables, self.inside, strict=True):
            chosen = inside[:, :, None]
            most = np.where(chosen, table[None], -np.inf).max(axis=1)
            spreads.append((most - np.where(chosen, table[None], np.inf).min(axis=1)).sum(axis=1))
        return np.stack(spreads, axis=1)

    def _enclose(self, at: int) -> None:
        """Interval, rounding error and lines of one node, given those before."""
        node = self.graph.nodes[at]
        given = [self.intervals[s] for s in node.sources]
        match node.operation:
            case Lookup() as lookup:
                self.errors.append(self._lookup_error(lookup))
            case Affine(weight, bias):
                terms = weight.shape[1] + 2
                relative = terms * UNIT / (1 - terms * UNIT)
                error = relative * (given[0].magnitude @ np.abs(weight).T + np.abs(bias)) + terms * TINY
                self.errors.append(error * (1 + OUTWARD))
            case Pointwise("relu"):
                self.errors.append(np.zeros_like(given[0].low))
                self.lines[at] = (_ramp(given[0]),)
            case Pointwise(kind):
                self.errors.append(FUNCTION_ERROR * (1 + given[0].magnitude))
                self.lines[at] = _curve(kind, given[0])
            case Sum():
                self.errors.append(UNIT * (given[0].magnitude + given[1].magnitude) * (1 + OUTWARD) + TINY)
            case Concatenate():
                self.errors.append(np.zeros((self.boxes, node.width)))
        both = np.concatenate([np.eye(node.width), -np.eye(node.width)])
        ends = self._pulled(at, np.broadcast_to(both, (self.boxes, *both.shape)))
        low, high = ends[:, : node.width], -ends[:, node.width :]
        if isinstance(node.operation, Pointwise):  # the curve's own values on the interval are bounds too
            plain = _image(node.operation.kind, given[0])
            low, high = np.maximum(low, plain.low - self.errors[at]), np.minimum(high, plain.high + self.errors[at])
        self.intervals.append(Interval(low, high))

    def _lookup_error(self, lookup: Lookup) -> Array:
        relative = (lookup.terms + 2) * UNIT / (1 - (lookup.terms + 2) * UNIT)
        total = np.abs(lookup.bias)[None] + np.zeros((self.boxes, 1))
        for size, inside in zip(lookup.sizes, self.inside, strict=True):
            total = total + np.where(inside[:, :, None], size[None], 0.0).max(axis=1)
        return (relative * total + (lookup.terms + 2) * TINY) * (1 + OUTWARD)

    def _pulled(self, at: int, coefficients: Array) -> Array:
        """Lower bounds (boxes, count) of `coefficients @ value of a node`, for coefficients (boxes, count, width)."""
        choices = max((len(lines) for lines in self.lines.values()), default=1)
        return np.max([self._pulled_by(choice, at, coefficients) for choice in range(choices)], axis=0)

    def _pulled_by(self, choice: int, at: int, coefficients: Array) -> Array:
        """The same with one choice of lines."""
        pending: dict[int, Array] = {at: coefficients}
        total = np.zeros(coefficients.shape[:2])
        size = np.zeros_like(total)
        for k in range(at, -1, -1):
            if k not in pending:
                continue
            now, node = pending.pop(k), self.graph.nodes[k]
            absolute = np.abs(now)
            lost = np.einsum("bcw,bw->bc", absolute, self.errors[k])
            total, size = total - lost, size + lost
            match node.operation:
                case Lookup(tables, _, bias, _):
                    total, size = total + now @ bias, size + absolute @ np.abs(bias)
                    for table, inside in zip(tables, self.inside, strict=True):
                        values = np.where(inside[:, None, :], now @ table.T, np.inf)
                        total = total + values.min(axis=2)
                        size = size + np.where(inside[:, None, :], absolute @ np.abs(table).T, 0.0).max(axis=2)
                case Affine(weight, bias):
                    total, size = total + now @ bias, size + absolute @ np.abs(bias)
                    _send(pending, node.sources[0], now @ weight)
                case Pointwise():
                    lines = self.lines[k][min(choice, len(self.lines[k]) - 1)]
                    up, down = np.maximum(now, 0), np.minimum(now, 0)
                    moved = up * lines.low_slope[:, None] + down * lines.high_slope[:, None]
                    shift = np.einsum("bcw,bw->bc", up, lines.low_offset)
                    shift = shift + np.einsum("bcw,bw->bc", down, lines.high_offset)
                    total = total + shift
                    offsets = np.maximum(np.abs(lines.low_offset), np.abs(lines.high_offset))
                    size = size + np.einsum("bcw,bw->bc", absolute, offsets)
                    _send(pending, node.sources[0], moved)
                case Sum():
                    _send(pending, node.sources[0], now)
                    _send(pending, node.sources[1], now)
                case Concatenate():
                    start = 0
                    for source in node.sources:
                        width = self.graph.nodes[source].width
                        _send(pending, source, now[:, :, start : start + width])
                        start += width
        return total - OUTWARD * size


def _send(pending: dict[int, Array], to: int, coefficients: Array) -> None:
    pending[to] = pending[to] + coefficients if to in pending else coefficients


def _lookup(graph: Graph) -> Lookup:
    return next(node.operation for node in graph.nodes if isinstance(node.operation, Lookup))


def _ramp(x: Interval) -> Lines:
    """`max(0, x)`: exact on one side of the kink, else the chord above and the nearer of 0 and x below."""
    crossing = (x.low < 0) & (x.high > 0)
    slope = np.where(crossing, x.high / np.where(crossing, x.high - x.low, 1.0), (x.low >= 0).astype(np.float64))
    offset = np.where(crossing, -slope * x.low, 0.0)
    below = np.where(crossing, (x.high > -x.low).astype(np.float64), slope)
    return Lines(below, np.zeros_like(offset), slope, offset + OUTWARD * np.abs(offset))


def _curve(kind: Kind, x: Interval) -> tuple[Lines, Lines]:
    """Parallel lines along the chord, and those that leave the least area, of the slopes of some tangents and of the
    steepest and flattest lines from either end. What a slope misses is sought on a grid; between two points of it a
    function with |f''| <= c exceeds the larger end by at most c h^2 / 8."""
    width = x.high - x.low
    grid = x.low[..., None] + width[..., None] * np.linspace(0, 1, PIECES + 1)
    values = _value(kind, grid)
    wide = width > 1e-9
    step = np.where(wide, width / PIECES, 1.0)
    margin = _curvature(kind, x) * (width / PIECES) ** 2 / 8 + (1e-12 + FUNCTION_ERROR) * (1 + x.magnitude)
    margin = margin + np.where(wide, 0.0, 2 * width)

    def along(rise: Array) -> Lines:
        slope = np.where(wide, rise, 0.0)
        missed = values - slope[..., None] * grid
        return Lines(slope, missed.min(axis=-1) - margin, slope, missed.max(axis=-1) + margin)

    far = np.arange(1, PIECES + 1) * step[..., None]
    ends = (values[..., 1:] - values[..., :1]) / far, (values[..., -1:] - values[..., -2::-1]) / far
    tangents = np.diff(values[..., :: PIECES // TANGENTS], axis=-1) / (PIECES // TANGENTS * step[..., None])
    parallel = nearest = along(ends[0][..., -1])
    middle = x.low + width / 2  # the area under a line on an interval is its value in the middle
    for rise in [f(end, axis=-1) for f in (np.max, np.min) for end in ends] + list(np.moveaxis(tangents, -1, 0)):
        lines = along(rise)
        higher = lines.low_slope * middle + lines.low_offset > nearest.low_slope * middle + nearest.low_offset
        lower = lines.high_slope * middle + lines.high_offset < nearest.high_slope * middle + nearest.high_offset
        nearest = Lines(
            np.where(higher, lines.low_slope, nearest.low_slope),
            np.where(higher, lines.low_offset, nearest.low_offset),
            np.where(lower, lines.high_slope, nearest.high_slope),
            np.where(lower, lines.high_offset, nearest.high_offset),
        )
    return parallel, nearest


def _curvature(kind: Kind, x: Interval) -> Array:
    """A bound of |f''| on an interval: everywhere, and by the least distance from 0, from which on it falls."""
    near = np.maximum(np.maximum(x.low, -x.high), 0.0)
    match kind:
        case "tanh":  # 2 |tanh| sech^2
            falling = 8 * np.exp(-2 * near)
        case "sigmoid":  # less than its slope
            falling = np.exp(-near)
        case _:  # gelu: |2 - x^2| times the normal density
            falling = np.where(near > 2, near**2, 2.0) * np.exp(-(near**2) / 2) / np.sqrt(2 * np.pi)
    return np.minimum(CURVATURE, falling * (1 + 1e-9))


def _image(kind: Kind, x: Interval) -> Interval:
    """The values of a curve on an interval."""
    ends = _value(kind, x.low), _value(kind, x.high)
    low, high = np.minimum(*ends), np.maximum(*ends)
    if kind == "gelu":  # falls to its least value at about -0.7518, then rises
        least = np.where((x.low < -0.75) & (x.high > -0.76), -0.17004, low)
        low = np.minimum(low, least)
    return Interval(low - 1e-12 * (1 + x.magnitude), high + 1e-12 * (1 + x.magnitude))


def _value(kind: Kind, x: Array) -> Array:
    match kind:
        case "relu":
            return np.maximum(x, 0)
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return 0.5 + 0.5 * np.tanh(0.5 * x)
        case "gelu":
            return 0.5 * x * (1 + erf(x / np.sqrt(2)))
