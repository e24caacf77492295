"""The independent checker of growing certificates: one affine tube around the program's state, wider at every step.

A *tube* says where the network is when the program's state variables are v: at `centre + slope v + basis e`, for an
error e whose parts (`groups` of columns of the basis) are no longer than the radii of that step. The checker computes
the radii itself: it encloses one step from the whole tube, on cells of program states and inputs on which the program is
affine (`verify.affine_reading`), subtracts where the tube says the network should be, and measures what is left in the
basis. Everything the network may hold after t inputs is then in the tube of step t, rounding errors included. The claim
holds as long as every read-out is certain: up to the length where it is not, or for every length where a tube and its
box of program states lead into themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl.programs import Machine
from verify.affine_reading import Reading, Undecided, Whole, flat_start, read
from verify.enclosures import Enclosure, Network

MOST_CELLS = 4_096
MOST_SPANS = 8_192  # of a zonotope of program states
LARGEST = 2.0**40
ROUNDING = 1e-13  # of this module's float64 sums of at most some hundred terms
TRIED = 1.05  # how much wider than at some step a tube is when it is tried whether it leads into itself


class Fails(Exception):
    """The claim cannot be carried further; the message says why."""


class Tube:
    """The shape of a growing certificate; `groups` are sizes of consecutive blocks of columns of the basis."""

    def __init__(self, found: dict[str, Any], width: int, variables: int) -> None:
        self.centre = np.array(found["centre"], dtype=np.float64).reshape(width)
        self.slope = np.array(found["slope"], dtype=np.float64).reshape(width, variables)
        self.basis = np.array(found["basis"], dtype=np.float64).reshape(width, width)
        sizes = [int(size) for size in found["groups"]]
        if min(sizes) < 1 or sum(sizes) != width:
            raise Fails("the groups do not make up the basis")
        if not all(np.isfinite(each).all() for each in (self.centre, self.slope, self.basis)):
            raise Fails("the tube is not finite")
        ends = np.cumsum(sizes)
        self.groups = [slice(end - size, end) for end, size in zip(ends.tolist(), sizes)]
        try:
            self.inverse = np.linalg.inv(self.basis)
        except np.linalg.LinAlgError:
            raise Fails("the basis is flat") from None
        doubt = np.abs(self.inverse @ self.basis - np.eye(width)).sum()
        self.doubt = float(doubt + ROUNDING * (np.abs(self.inverse) @ np.abs(self.basis)).sum())
        if not self.doubt < 1e-3:
            raise Fails("the basis is too flat to invert")

    def radii(self, centre: Any, free: Any, errors: Any, box: Any) -> Any:
        """Per row and group at least the largest error in `centre + free . r + errors . e + box . r`.

        Every free coefficient is within [-1, 1]; those of `errors` (batch width width) are as long as a group of 1.
        """
        lengths = []
        seen_centre, seen_free, seen_errors = (each @ self.inverse.T for each in (centre, free, errors))
        seen_box = box @ np.abs(self.inverse).T
        for at in self.groups:
            length = np.linalg.norm(seen_centre[:, at], axis=1) + np.linalg.norm(seen_free[:, :, at], axis=2).sum(axis=1)
            for other in self.groups:
                length = length + np.linalg.norm(seen_errors[:, other, at], ord=2, axis=(1, 2))
            lengths.append(length + np.linalg.norm(seen_box[:, at], axis=1))
        found = np.stack(lengths, axis=1)
        # the inverse is off by `doubt`: inverse @ basis e = e + E e, so that all errors leak a little into each
        return (1 + 1e-12) * (found + 2 * self.doubt * np.sqrt(len(self.inverse)) * found.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class States:
    """A zonotope of program states, `centre + spans . r` (spans, variables) with every r in [-1, 1]; exact."""

    centre: Any
    spans: Any

    @property
    def ends(self) -> tuple[Any, Any]:
        """Its box."""
        reach = np.abs(self.spans).sum(axis=0)
        return self.centre - reach, self.centre + reach

    def after(self, readings: list[Reading]) -> States:
        """States after one step; a box, unless the step is the same linear map everywhere."""
        count = len(self.centre)
        maps = np.stack([r.update for r in readings])
        if (maps[:, :, :count] == maps[0, :, :count]).all():
            linear, into = maps[0, :, :count], self.spans @ maps[0, :, :count].T
            if len(readings) == 1 and len(into) < MOST_SPANS:
                r = readings[0]
                middle, half = (r.low + r.high)[count:] / 2, (r.high - r.low)[count:] / 2
                sent = (maps[0, :, count:] * half).T
                centre = linear @ self.centre + maps[0, :, count:] @ middle + r.shift
                return _exact(States(centre, np.concatenate([into, sent[np.abs(sent).sum(axis=1) > 0]])))
            low, high = _hull([_image(r.update[:, count:], r.low[count:], r.high[count:], r.shift) for r in readings])
            moved = np.concatenate([into, np.diag((high - low) / 2)])
            if len(moved) < MOST_SPANS:
                return _exact(States(linear @ self.centre + (low + high) / 2, moved))
        return box_of(*_hull([_image(r.update, r.low, r.high, r.shift) for r in readings]))


def box_of(low: Any, high: Any) -> States:
    """All states of a box."""
    return _exact(States((low + high) / 2, np.diag((high - low) / 2)))


def _image(update: Any, low: Any, high: Any, shift: Any) -> tuple[Any, Any]:
    up, down = np.maximum(update, 0), np.minimum(update, 0)
    return up @ low + down @ high + shift, up @ high + down @ low + shift


def _hull(boxes: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


def _exact(states: States) -> States:
    """Halves of whole numbers this small are exact in float64."""
    if not np.abs(np.concatenate(states.ends)).max() < LARGEST:
        raise Fails("the program's numbers are too large to follow")
    return states


class Growth:
    """A tube followed from the initial state; `length` inputs have been read, their outputs are as the program says."""

    def __init__(self, tube: dict[str, Any], machine: Machine, network: Network) -> None:
        begin, first = network.start(), np.array(flat_start(machine), dtype=np.float64)
        self.machine, self.network = machine, network
        self.tube = Tube(tube, len(begin), len(first))
        self.states, self.length = States(first, np.zeros((0, len(first)))), 0
        there = begin - self.tube.centre - self.tube.slope @ first
        rounded = ROUNDING * (np.abs(begin) + np.abs(self.tube.centre) + np.abs(self.tube.slope) @ np.abs(first))
        width = len(begin)
        none = np.zeros((1, 0, width)), np.zeros((1, width, width))
        self.radii = self.tube.radii(there[None], *none, rounded[None])[0]

    def step(self) -> None:
        """One more input. Raises `Fails` where its output is not certain."""
        readings, self.radii = self._followed(*self.states.ends, self.radii)
        self.states = self.states.after(readings)
        self.length += 1

    def closes(self) -> bool:
        """Whether a slightly wider tube over the box of the present states leads into itself: so for every length."""
        low, high = self.states.ends
        tried = TRIED * self.radii + 1e-6 * float(self.radii.max())
        try:
            readings, radii = self._followed(low, high, tried)
            after_low, after_high = box_of(low, high).after(readings).ends
        except Fails:
            return False
        return bool((radii <= tried).all() and (after_low >= low).all() and (after_high <= high).all())

    def _followed(self, low: Any, high: Any, radii: Any) -> tuple[list[Reading], Any]:
        """The readings of cells that cover these states and all inputs, and the radii after the step."""
        inputs = tuple(zip(*self.network.inputs, strict=True))
        whole = tuple((*map(int, states), *map(int, ends)) for states, ends in zip((low, high), inputs, strict=True))
        waiting, done, widest = [(whole[0], whole[1])], list[Reading](), np.zeros_like(radii)
        while waiting:
            readings = list[Reading]()
            while waiting:
                if len(waiting) + len(readings) + len(done) > MOST_CELLS:
                    raise Fails(f"more than {MOST_CELLS:,} cells of program states and inputs")
                cell = waiting.pop()
                try:
                    readings.append(self._read(cell))
                except Undecided as where:
                    waiting += _cut(cell, where)
            found, sure = self._enclosed(readings, radii)
            for reading, certain, wide in zip(readings, sure.tolist(), found):
                if certain:
                    done.append(reading)
                    widest = np.maximum(widest, wide)
                else:
                    waiting += self._halved(reading)
        return done, widest

    def _read(self, cell: tuple[Whole, Whole]) -> Reading:
        """The program on a cell; inputs that are not read as numbers are taken one by one, like outputs by class."""
        described, first = self.network.description, len(self.states.centre)
        if described["input"]["encoding"] != "integer":
            for k, (low, high) in enumerate(zip(cell[0][first:], cell[1][first:])):
                if low < high:
                    raise Undecided(first + k, low)
        reading = read(self.machine, cell)
        if described["output"]["decoding"] != "round" and reading.outputs.any():
            k = int(np.argmax(np.abs(reading.outputs).max(axis=0) * (reading.high - reading.low)))
            raise Undecided(k, (cell[0][k] + cell[1][k]) // 2)
        return reading

    def _halved(self, reading: Reading) -> list[tuple[Whole, Whole]]:
        """The halves of a cell on which a read-out is not certain. Raises `Fails` for a single point."""
        cell = tuple(map(int, reading.low)), tuple(map(int, reading.high))
        widths = reading.high - reading.low
        k = int(np.argmax(widths))
        if not widths[k]:
            raise Fails(f"the read-out is not certain from program state and input {', '.join(map(str, cell[0]))}")
        return _cut(cell, Undecided(k, (cell[0][k] + cell[1][k]) // 2))

    def _enclosed(self, readings: list[Reading], radii: Any) -> tuple[Any, Any]:
        """Per reading the radii after the step, and whether all is read out as the program says."""
        tube, states = self.tube, len(self.states.centre)
        low, high, update, shift, outputs, output_shift = (
            np.stack([getattr(r, name) for r in readings])
            for name in ("low", "high", "update", "shift", "outputs", "output_shift")
        )
        middle, half, width = (low + high) / 2, (high - low) / 2, len(tube.centre)
        free, parts = middle.shape[1], middle.shape[1] + len(tube.groups)
        ball = np.sqrt(parts)  # coefficients that are each at most 1 lie in a ball of this radius together
        lengths = np.concatenate([np.full(at.stop - at.start, radius) for at, radius in zip(tube.groups, radii)])
        terms = np.zeros((len(readings), free + width, width))
        terms[:, :states] = half[:, :states, None] * tube.slope.T
        terms[:, free:] = lengths[:, None] * tube.basis.T
        rounded = np.tile(ROUNDING * np.abs(tube.centre), (len(readings), 1))
        rounded += ROUNDING * ((np.abs(middle) + half)[:, :states] @ np.abs(tube.slope).T)
        at = Enclosure(tube.centre + middle[:, :states] @ tube.slope.T, ball * terms, rounded)
        image, rows = self.network.receive(at, self._signal(middle, half, ball, free + width))
        target = tube.centre + (np.einsum("bij,bj->bi", update, middle) + shift)[rows] @ tube.slope.T
        moved = np.einsum("bij,bj,wi->bjw", update, half, tube.slope)[rows]
        sizes = np.einsum("bij,bj->bi", np.abs(update), np.abs(middle) + half) + np.abs(shift)
        doubt = sizes[rows] @ np.abs(tube.slope).T + np.abs(tube.centre) + np.abs(image.centre)
        doubt = doubt + np.abs(image.terms).sum(axis=1)
        found = tube.radii(
            image.centre - target,
            image.terms[:, :free] / ball - moved,
            image.terms[:, free:] / ball,
            image.box + ROUNDING * doubt,
        )
        expected = np.einsum("bij,bj->bi", outputs, middle) + output_shift
        certain = self._certain(image, rows, expected, outputs * half[:, None], ball)
        widest, sure = np.zeros((len(readings), len(radii))), np.ones(len(readings), dtype=bool)
        np.maximum.at(widest, rows, found)
        np.logical_and.at(sure, rows, certain & np.isfinite(found).all(axis=1))
        return widest, sure

    def _signal(self, middle: Any, half: Any, ball: float, terms: int) -> Enclosure:
        """What the network reads on each cell."""
        first = len(self.states.centre)
        count, read = len(middle), middle[:, first:]
        if self.network.description["input"]["encoding"] == "integer":
            spread = np.zeros((count, terms, read.shape[1]))
            columns = np.arange(read.shape[1])
            spread[:, first + columns, columns] = ball * half[:, first:]
            return Enclosure(read, spread, np.zeros_like(read))
        features = np.stack([self.network.features(tuple(map(int, each))) for each in read])
        return Enclosure(features, np.zeros((count, terms, features.shape[1])), np.zeros_like(features))

    def _certain(self, image: Enclosure, rows: Any, expected: Any, slopes: Any, ball: float) -> Any:
        """Per piece, whether it is surely read out as the program says; `slopes` (reading, outputs, variables)."""
        if self.network.description["output"]["decoding"] != "round":
            wanted = expected[rows].astype(np.int64)
            certain = np.zeros(len(rows), dtype=bool)
            for value in np.unique(wanted, axis=0):
                same = (wanted == value).all(axis=1)
                certain[same] = self.network.reads(image.rows(same), tuple(value.tolist()))
            return certain
        logits, free = self.network.logits(image), slopes.shape[2]
        terms = logits.terms / ball
        terms[:, :free] -= slopes[rows].transpose(0, 2, 1)
        off = np.abs(logits.centre - expected[rows]) + np.abs(terms[:, :free]).sum(axis=1) + logits.box
        for at in self.tube.groups:
            off = off + np.linalg.norm(terms[:, free + at.start : free + at.stop], axis=1)
        sizes = np.abs(expected)[rows] + np.abs(slopes).sum(axis=2)[rows] + logits.size()
        return (off + 1e-11 * sizes < 0.5).all(axis=1)


def _cut(cell: tuple[Whole, Whole], where: Undecided) -> list[tuple[Whole, Whole]]:
    low, high, k = *cell, where.variable
    return [(low, (*high[:k], where.at, *high[k + 1 :])), ((*low[:k], where.at + 1, *low[k + 1 :]), high)]
