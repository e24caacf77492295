"""The independent checker of layered certificates: what a network may hold after so many inputs, in a few zonotopes.

A *layer* is a list of zonotopes, each tied to a program state, that together hold every state the network can be in
after as many inputs. Of each, every input makes one of the next layer, in that order. Where a certificate gives
`groups`, a number for each, those of one number are replaced by one parallelotope around them, along the axes in which
they are long: the principal axes of their second moments, where a difference counts for itself and for what one more
input makes of it. It is computed here, so that what is followed holds every run whatever the groups are: they have to
be of one program state each, and are good as long as every read-out is certain.

A zonotope has as many terms as the state has coordinates: of those there are after a step and of the sides of its box
the longest, the rest becomes its box (Girard 2005, reachability using zonotopes, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dsl.programs import Machine
from dsl.semantics import initial_state, step
from dsl.types import BoolType
from verify.enclosures import SLACK, Enclosure, Network, Zonotope
from verify.tube import Fails

BATCH = 512
MOST_ENTRIES = 400_000_000  # of the terms of a layer: 3.2 GB
FLAT = 0.1  # of the largest deviation: the least unit of a coordinate
ROUNDING = 1e-12  # of float64 sums of at most some thousand terms
SMALL = 1e-5  # units, of differences that are followed by one step
INPUTS = 16  # of a large alphabet that this is done for


class Layers:
    """Followed from the initial state; `length` inputs have been read, their outputs are as the program says.

    `zonotopes` of the present layer belong to `states`, numbers of program states in the order in which they were met.
    """

    def __init__(self, machine: Machine, network: Network) -> None:
        self.machine, self.network, self.length, self.followed = machine, network, 0, 0
        begin = network.start()
        self.zonotopes: Enclosure = Zonotope(begin[None], np.zeros((1, 0, len(begin))), np.zeros((1, len(begin))))
        self.states = np.zeros(1, dtype=np.int64)
        self._known = [initial_state(machine)]
        self._numbers = {self._known[0]: 0}
        kinds = [isinstance(variable.type, BoolType) for variable in machine.inputs]
        self._symbols = [tuple(bool(v) if k else v for k, v in zip(kinds, symbol)) for symbol in network.symbols]
        self._steps: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}

    def step(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """One more input. Raises `Fails` where its output is not certain, or when it was stopped."""
        before, alphabet, width = self.zonotopes, len(self._symbols), self.zonotopes.centre.shape[1]
        count = len(self.states) * alphabet
        if count * width**2 > MOST_ENTRIES:
            raise Fails(f"a layer of {count:,} zonotopes of {width} terms is more than can be held")
        after = Zonotope(np.empty((count, width)), np.empty((count, width, width)), np.empty((count, width)))
        states, unit = np.empty(count, dtype=np.int64), unit_of(before.centre)
        for first in range(0, len(self.states), BATCH):
            rows = np.arange(first, min(first + BATCH, len(self.states)))
            for position, symbol in enumerate(self.network.symbols):
                image, _ = self.network.step(before.rows(rows), symbol, cuts=0)
                steps = [self._step(number, position) for number in self.states[rows].tolist()]
                if not self._certain(image, [outputs for _, outputs in steps]):
                    raise Fails(f"after {self.length} inputs, the read-out after input {symbol} is not certain")
                image, at = _trimmed(image, unit), rows * alphabet + position
                after.centre[at], after.terms[at], after.box[at] = image.centre, image.terms, image.box
                states[at] = [number for number, _ in steps]
            if stopped():
                raise Fails("the time was up")
        self.zonotopes, self.states = after, states
        self.length += 1
        self.followed += count

    def merge(self, groups: Any) -> None:
        """One zonotope for those of one number, of which there is one each. Raises `Fails` where they are not of one
        program state."""
        numbers = np.array(groups)
        if numbers.shape != self.states.shape or numbers.dtype.kind != "i":
            raise Fails(f"expected {len(self.states):,} numbers of groups at length {self.length}")
        _, at = np.unique(numbers, return_inverse=True)
        order = np.argsort(at, kind="stable")
        starts = np.searchsorted(at[order], np.arange(at.max() + 2))
        states = self.states[order]
        self.states = states[starts[:-1]]
        if (np.repeat(self.states, np.diff(starts)) != states).any():
            raise Fails(f"a group of length {self.length} is of several program states")
        unit, merged, first = unit_of(self.zonotopes.centre), list[Enclosure](), 0
        while first < len(self.states):
            last = max(first + 1, int(np.searchsorted(starts, starts[first] + BATCH, side="right")) - 1)
            rows = order[starts[first] : starts[last]]
            merged.append(_around(self.zonotopes.rows(rows), starts[first:last] - starts[first], unit, self._effects))
            first = last
        parts = ([getattr(each, name) for each in merged] for name in ("centre", "terms", "box"))
        self.zonotopes = Zonotope(*(np.concatenate(part) for part in parts))

    def _effects(self, centres: Any, unit: Any) -> Any:
        """Per centre (count width width) the squares of a small difference, in units, and of its images together."""
        count, width = centres.shape
        squares = np.tile(np.eye(width), (count, 1, 1))
        small = Zonotope(centres, np.tile(SMALL * np.diag(unit), (count, 1, 1)), np.zeros_like(centres))
        for symbol in self.network.symbols[:: -(-len(self._symbols) // INPUTS)]:
            moved = self.network.step(small, symbol, cuts=0)[0].terms / (SMALL * unit)
            squares += moved @ moved.transpose(0, 2, 1)
        return squares

    def _step(self, number: int, position: int) -> tuple[int, tuple[int, ...]]:
        """The program's next state, by number, and its outputs."""
        if (number, position) not in self._steps:
            after, outputs = step(self.machine, self._known[number], self._symbols[position])
            if after not in self._numbers:
                self._numbers[after] = len(self._known)
                self._known.append(after)
            self._steps[number, position] = self._numbers[after], tuple(int(v) for v in outputs)  # type: ignore[arg-type]
        return self._steps[number, position]

    def _certain(self, image: Enclosure, outputs: list[tuple[int, ...]]) -> bool:
        """Whether each row is read out as its outputs, all of it."""
        for expected in sorted(set(outputs)):
            rows = np.array([k for k, each in enumerate(outputs) if each == expected])
            if not self.network.reads(image.rows(rows), expected).all():
                return False
        return True


def unit_of(centres: Any) -> Any:
    """In what a coordinate is measured: its deviation, not much less than the largest."""
    deviation = centres.std(axis=0)
    return np.maximum(deviation, FLAT * deviation.max()) if deviation.max() > 0 else np.ones_like(deviation)


def _trimmed(x: Enclosure, unit: Any) -> Enclosure:
    """With as many terms as coordinates: the longest of what there are and of the sides of the box."""
    width = x.centre.shape[1]
    sides = x.box[:, :, None] * np.eye(width)
    terms = np.concatenate([x.terms, sides], axis=1)
    lengths = ((terms / unit) ** 2).sum(axis=2)
    order = np.argsort(-np.where(np.isfinite(lengths), lengths, np.inf), axis=1, kind="stable")[:, :, None]
    kept = np.take_along_axis(terms, order[:, :width], axis=1)
    box = np.abs(np.take_along_axis(terms, order[:, width:], axis=1)).sum(axis=1)
    return x.like(x.centre, kept, box * (1 + ROUNDING))


def _around(x: Enclosure, starts: Any, unit: Any, effects: Callable[[Any, Any], Any]) -> Enclosure:
    """A parallelotope around each run of rows that begins at `starts`."""
    low, high = (each.reduceat(x.centre, starts) for each in (np.minimum, np.maximum))
    counts = np.diff(np.append(starts, len(x.centre)))
    owner, middle = np.repeat(np.arange(len(starts)), counts), (low + high) / 2
    offset, terms, box = (x.centre - middle[owner]) / unit, x.terms / unit, x.box / unit
    moments = terms.transpose(0, 2, 1) @ terms + offset[:, :, None] * offset[:, None]
    moments += np.eye(len(unit)) * box[:, None] ** 2
    frames, axes = _frames(np.add.reduceat(moments, starts) / counts[:, None, None], effects(middle, unit))
    # coordinates along the axes, and how far from the middle they go
    frame, into = frames[owner], np.abs(frames)
    sizes = np.abs(offset) + np.abs(terms).sum(axis=1) + box
    seen, seen_sizes = (offset[:, None] @ frame)[:, 0], (sizes[:, None] @ into[owner])[:, 0]
    reach = np.abs(terms @ frame).sum(axis=1) + (box[:, None] @ into[owner])[:, 0] + ROUNDING * seen_sizes
    low, high = np.minimum.reduceat(seen - reach, starts), np.maximum.reduceat(seen + reach, starts)
    # frames and axes are inverses but for rounding
    off = np.abs(np.eye(len(unit)) - frames @ axes) + ROUNDING * (into @ np.abs(axes) + 1)
    lost = (np.maximum.reduceat(sizes, starts)[:, None] @ off)[:, 0] * (1 + ROUNDING)
    axes = axes * unit
    centre = middle + (((low + high) / 2)[:, None] @ axes)[:, 0]
    return x.like(centre, (high - low)[:, :, None] / 2 * axes, lost * unit).plus_error(SLACK * np.abs(middle))


def _frames(moments: Any, effects: Any) -> tuple[Any, Any]:
    """Per group, matrices that take differences to coordinates in which both are diagonal, and back."""
    values, vectors = np.linalg.eigh(effects)
    roots = np.sqrt(values)[:, None]
    there, back = vectors * roots, (vectors / roots).transpose(0, 2, 1)
    turned = np.linalg.eigh(there.transpose(0, 2, 1) @ moments @ there)[1]
    return there @ turned, turned.transpose(0, 2, 1) @ back
