"""Parallelotopes around zonotopes, for layered certificates (`verify.layers`). Part of the checker.

A parallelotope is along the axes in which a set of zonotopes is long: the principal axes of its second moments, where a
difference counts for itself and for what one more input makes of it. Coordinates are measured in a `unit` each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.enclosures import LEAST, SLACK, Enclosure, total

FLAT = 0.1  # of the largest deviation: the least unit of a coordinate
SEEN = 32  # zonotopes of a set, whose terms say where it is long
MOST = 4_096  # places that tell where a layer is long
ROUNDING = 1e-12  # of float64 sums of at most some thousand terms


def stacked(found: list[Enclosure]) -> Enclosure:
    """All of them, one after the other."""
    if len(found) == 1:
        return found[0]
    parts = ([getattr(each, name) for each in found] for name in ("centre", "terms", "box"))
    return found[0].like(*(np.concatenate(part) for part in parts))


def unit_of(centres: Any) -> Any:
    """In what a coordinate is measured: its deviation, not much less than the largest."""
    deviation = centres.std(axis=0)
    return np.maximum(deviation, FLAT * deviation.max()) if deviation.max() > 0 else np.ones_like(deviation)


def principal(places: Any) -> Any:
    """The principal axes of some of the places (count width), one a column, the longest first."""
    some = places[:: -(-len(places) // MOST)]
    some = some - some.mean(axis=0)
    return np.linalg.eigh(np.einsum("ij,ik->jk", some, some))[1][:, ::-1]


def ranges(places: Any, starts: Any) -> tuple[Any, Any]:
    """The least and the largest of each run of rows that begins at `starts`."""
    low, high = (each.reduceat(places, starts) for each in (np.minimum, np.maximum))
    return low, high


def sizes_of(x: Enclosure, unit: Any) -> Any:
    """The lengths of all terms and sides of the box together, in units."""
    return np.sqrt(np.einsum("ijk,ijk,k->i", x.terms, x.terms, unit**-2) + ((x.box / unit) ** 2).sum(axis=1))


def trimmed(x: Enclosure, unit: Any, count: int) -> Enclosure:
    """With as many terms as `count`, or those there are; all others go into the box, which are those that lose least
    by it (Girard 2005, section 3.2)."""
    if x.terms.shape[1] <= count:
        return x
    batch, had, width = x.terms.shape
    sides = np.abs(x.terms)
    sizes = np.empty((width, batch, had), sides.dtype)  # numpy is slow along the last axis
    np.multiply(sides.transpose(2, 0, 1), (1 / unit).astype(sides.dtype)[:, None, None], out=sizes)
    lost = sizes.sum(axis=0) - sizes.max(axis=0)
    order = np.argsort(-np.where(np.isfinite(lost), lost, np.inf), axis=1) + had * np.arange(batch)[:, None]
    kept, rest = order[:, :count].ravel(), order[:, count:].ravel()
    terms = x.terms.reshape(-1, width).take(kept, axis=0).reshape(batch, count, width)
    away = np.zeros((batch * had, 1), sides.dtype)
    away[rest] = 1
    boxed = (sides.transpose(0, 2, 1) @ away.reshape(batch, had, 1))[:, :, 0].astype(np.float64)
    return x.like(x.centre, terms, x.box + boxed * (1 + had * x.grain))


def halved(x: Enclosure, unit: Any, effects: Any) -> Enclosure:
    """Both halves of each row, one after the other, across the longest term, by `effects` (batch width width)."""
    terms, rows = np.repeat(x.terms, 2, axis=0), np.arange(2 * len(x.centre))
    measured = x.terms / unit
    longest = np.repeat((measured @ effects * measured).sum(axis=2).argmax(axis=1), 2)
    half = terms[rows, longest] / 2
    terms[rows, longest] = half
    centre = np.repeat(x.centre, 2, axis=0) + np.where(rows[:, None] % 2, half, -half)
    return x.like(centre, terms, np.repeat(x.box, 2, axis=0)).plus_error(SLACK * np.abs(centre) + LEAST)


def around(x: Enclosure, starts: Any, unit: Any, effects: Any) -> Enclosure:
    """A parallelotope and a box around each run of rows that begins at `starts`.

    Of a run, differences count by `effects` (run width width), squares.
    """
    low, high = ranges(x.centre, starts)
    counts = np.diff(np.append(starts, len(x.centre)))
    owner, middle = np.repeat(np.arange(len(starts)), counts), (low + high) / 2
    offset, scale = (x.centre - middle[owner]) / unit, 1 / unit
    # sets next to each other that are as large as each other are computed together
    alike = np.split(np.arange(len(starts)), np.nonzero(np.diff(counts))[0] + 1)
    parts = [(sets, slice(starts[sets[0]], starts[sets[-1]] + counts[sets[0]]), int(counts[sets[0]])) for sets in alike]
    width, moments = len(unit), np.empty((len(starts), len(unit), len(unit)))
    for sets, rows, count in parts:
        some = x.terms[rows].reshape(len(sets), count, -1, width)[:, :: -(-count // SEEN)]
        flat = some.reshape(len(sets), -1, width) * scale.astype(some.dtype)
        apart = offset[rows].reshape(len(sets), count, width)
        moments[sets] = apart.transpose(0, 2, 1) @ apart / count + flat.transpose(0, 2, 1) @ flat / some.shape[1]
    frames, axes = _frames(moments, effects)
    # coordinates along the axes, and how far from the middle they go
    seen, reach, into = np.empty_like(offset), np.empty_like(offset), np.abs(frames)
    turned = (scale[:, None] * frames).astype(x.terms.dtype)
    for sets, rows, count in parts:
        seen[rows] = (offset[rows].reshape(len(sets), count, width) @ frames[sets]).reshape(-1, width)
        along = x.terms[rows].reshape(len(sets), -1, width) @ turned[sets]
        reach[rows] = total(np.abs(along, out=along).reshape(len(sets) * count, -1, width))
    lengths = x.reach() * scale
    sizes, rounded = np.abs(offset) + lengths, 2 * (x.terms.shape[1] + width) * x.grain * lengths
    reach += ((ROUNDING * sizes + rounded).sum(axis=1) * into.max(axis=(1, 2))[owner])[:, None] + LEAST
    low, high = np.minimum.reduceat(seen - reach, starts), np.maximum.reduceat(seen + reach, starts)
    # frames and axes are inverses but for rounding
    off = np.abs(np.eye(len(unit)) - frames @ axes) + ROUNDING * (into @ np.abs(axes) + 1)
    lost = (np.maximum.reduceat(sizes, starts)[:, None] @ off)[:, 0] * (1 + ROUNDING)
    axes = axes * unit
    centre = middle + (((low + high) / 2)[:, None] @ axes)[:, 0]
    sides = (high - low)[:, :, None] / 2 * axes
    found = x.like(centre, sides.astype(x.terms.dtype), np.maximum.reduceat(x.box, starts) + lost * unit)
    return x.like(centre, found.terms, found.plus_error(SLACK * np.abs(middle) + x.grain * found.reach()).box)


def _frames(moments: Any, effects: Any) -> tuple[Any, Any]:
    """Per group, matrices that take differences to coordinates in which both are diagonal, and back."""
    there = np.linalg.cholesky(effects)
    turned = np.linalg.eigh(there.transpose(0, 2, 1) @ moments @ there)[1]
    return there @ turned, turned.transpose(0, 2, 1) @ np.linalg.inv(there)
