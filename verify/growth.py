"""The independent checker of growing certificates: one affine tube around the program's state, wider at every step.

The checker computes the errors itself: it encloses one step from the whole tube, on cells of program states and inputs
on which the program is affine (`verify.affine_reading`), subtracts where the tube says the network should be, and
measures what is left. Everything the network may hold after t inputs is then in the tube of step t, rounding included.
As long as the program is one affine map on all states and inputs, errors are followed as linear functions of the
inputs, so that they may cancel, and add up only where some input adds them up; where cells have to be told apart, only
lengths are. The claim holds as long as every read-out is certain: up to the length where it is not, or for every length
where what is followed leads into itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dsl.programs import Machine
from verify.affine_reading import Ends, Reading, Undecided, flat_start, read
from verify.enclosures import Enclosure, Network
from verify.tube import ROUNDING, Bundle, Fails, Linear, Tube, states_after

MOST_CELLS = 4_096
MOST_HALVED = 512  # cells of one step on which a read-out was not certain
MOST_KNOWN = 8  # lists of cells whose readings are kept
ROUNDS, WIDER = 32, 1.02  # how often radii are widened to what they lead to, and by how much more
OLD = 3  # times the width: inputs so many steps ago, if the program has forgotten them, count as unknown errors



class Growth:
    """A tube followed from the initial state; `length` inputs have been read, their outputs are as the program says."""

    def __init__(self, tube: dict[str, Any], machine: Machine, network: Network) -> None:
        begin, first = network.start(), np.array(flat_start(machine), dtype=np.float64)
        if (len(machine.inputs), len(machine.outputs)) != (len(network.inputs), len(network.outputs)):
            raise Fails("the program has not as many inputs and outputs as the network")
        self.machine, self.network, self.length = machine, network, 0
        self.known: dict[tuple[Ends, ...], list[Reading]] = {}
        self.tube = Tube(tube, len(begin), len(first))
        seen = self.tube.inverse @ (begin - self.tube.centre - self.tube.slope @ first)
        sizes = np.abs(begin) + np.abs(self.tube.centre) + np.abs(self.tube.slope) @ np.abs(first)
        rounded = ROUNDING * self.tube.lengths(np.abs(self.tube.inverse) @ sizes)
        radii = self.tube.leaked(rounded, self.tube.lengths(seen))
        self.bundle = Bundle(first, seen, np.zeros((0, len(first))), np.zeros((0, len(begin))), radii)

    def reach(self, length: int) -> None:
        """Read on until so many inputs have been read. Raises `Fails`."""
        while self.length < length:
            self.step()

    def step(self) -> None:
        """One more input. Raises `Fails` where its output is not certain."""
        self.bundle = self._followed(self.bundle)
        self.length += 1

    def closes(self) -> bool:
        """Whether a bundle like the present one, with larger radii, leads into itself: so for every length."""
        before = self.bundle.without_old(self.tube, OLD * len(self.tube.centre))
        for _ in range(ROUNDS):
            try:
                after = self._followed(before).without_old(self.tube, OLD * len(self.tube.centre))
            except Fails:
                return False
            needed = after.radii_within(before, self.tube)
            if needed is None:
                return False
            if (needed <= before.radii).all():
                return True
            before = replace(before, radii=WIDER * np.maximum(before.radii, needed))
        return False

    def _followed(self, bundle: Bundle) -> Bundle:
        """What one step leads to, by cells that cover the states and all inputs."""
        ends = zip(bundle.ends, zip(*self.network.inputs, strict=True), strict=True)
        low, high = ((*map(int, states), *map(int, sent)) for states, sent in ends)
        waiting, done, widest = [(low, high)], list[Reading](), np.zeros(len(self.tube.sizes))
        lengths, count, halved = bundle.lengths(self.tube), len(bundle.states), 0
        while waiting:
            readings = self._readings(waiting, len(done))
            moved, logits, rows = self._enclosed(readings, bundle.errors, lengths)
            if len(readings) == len(rows) == 1 and not done:
                spans = bundle.state_spans, bundle.error_spans
                if self._certain(logits, *spans, bundle.radii, readings[0]).all():
                    return self._along(bundle, readings[0], moved)
            waiting = []
            for k, reading in enumerate(readings):
                spans = np.diag((reading.high - reading.low)[:count] / 2)
                errors = np.zeros((count, len(bundle.errors)))
                if self._certain(logits.rows(rows == k), spans, errors, lengths, reading).all():
                    done.append(reading)
                    widest = np.maximum(widest, self._lengths(moved.rows(rows == k), spans, lengths, reading))
                else:
                    waiting += _halved(reading, halved)
                    halved += 1
        return states_after(bundle, done, widest)

    def _readings(self, waiting: list[Ends], known: int) -> list[Reading]:
        """The program on cells that make up these."""
        first = tuple(waiting)
        if first in self.known:
            return self.known[first]
        readings = list[Reading]()
        while waiting:
            if len(waiting) + len(readings) + known > MOST_CELLS:
                raise Fails(f"more than {MOST_CELLS:,} cells of program states and inputs")
            cell = waiting.pop()
            try:
                readings.append(self._read(cell))
            except Undecided as where:
                waiting += _cut(cell, where)
        self.known = {first: readings, **(self.known if len(self.known) < MOST_KNOWN else {})}
        return readings

    def _read(self, cell: Ends) -> Reading:
        """The program on a cell; inputs that are not read as numbers are taken one by one, like outputs by class."""
        described, first = self.network.description, len(self.tube.slope.T)
        if described["input"]["encoding"] != "integer":
            for k, (low, high) in enumerate(zip(cell[0][first:], cell[1][first:])):
                if low < high:
                    raise Undecided(first + k, low)
        reading = read(self.machine, cell)
        if described["output"]["decoding"] != "round" and reading.outputs.any():
            k = int(np.argmax(np.abs(reading.outputs).max(axis=0) * (reading.high - reading.low)))
            raise Undecided(k, (cell[0][k] + cell[1][k]) // 2)
        return reading

    def _enclosed(self, readings: list[Reading], errors: Any, lengths: Any) -> tuple[Linear, Linear, Any]:
        """For pieces of the image of each reading's cell, and the reading each comes from:

        the errors afterwards, in the basis, and by how much the logits are off the outputs; for one of several classes
        the logits themselves. Errors before the step are within `lengths` of `errors`.
        """
        tube, first = self.tube, len(self.tube.slope.T)
        low, high, update, shift, outputs, output_shift = (
            np.stack([getattr(r, name) for r in readings])
            for name in ("low", "high", "update", "shift", "outputs", "output_shift")
        )
        middle, half = (low + high) / 2, (high - low) / 2
        count, free, width = *middle.shape, len(tube.centre)
        units = np.concatenate([half, np.tile(np.repeat(lengths, tube.sizes), (count, 1))], axis=1)
        ball = np.sqrt(free + len(tube.sizes))  # coefficients each within 1 are together in a ball of this radius
        terms = np.zeros((count, free + width, width))
        terms[:, :first], terms[:, free:] = tube.slope.T, tube.basis.T
        sizes = np.abs(tube.centre) + (np.abs(middle) + half)[:, :first] @ np.abs(tube.slope).T
        sizes = sizes + (np.abs(errors) + np.repeat(lengths, tube.sizes)) @ np.abs(tube.basis).T
        centre = tube.centre + middle[:, :first] @ tube.slope.T + tube.basis @ errors
        at = Enclosure(centre, ball * units[:, :, None] * terms, ROUNDING * sizes)
        image, rows = self.network.receive(at, self._signal(middle, ball * half, free + width))
        target = tube.centre + (np.einsum("bij,bj->bi", update, middle) + shift) @ tube.slope.T
        after = np.abs(tube.centre) + (
            np.einsum("bij,bj->bi", np.abs(update), np.abs(middle) + half) + np.abs(shift)
        ) @ np.abs(tube.slope).T
        steered = np.einsum("wi,bij->bjw", tube.slope, update)
        box = image.box + ROUNDING * (after[rows] + image.size())
        moved = self._linear(image.centre - target[rows], image.terms / ball, box, steered[rows], units[rows])
        moved = Linear(
            moved.centre @ tube.inverse.T, tube.inverse @ moved.states, tube.inverse @ moved.inputs,
            tube.inverse @ moved.errors, moved.box @ np.abs(tube.inverse).T,
        )  # fmt: skip
        logits, wanted = self.network.logits(image), np.einsum("bij,bj->bi", outputs, middle) + output_shift
        steered = outputs.transpose(0, 2, 1)
        if self.network.description["output"]["decoding"] != "round":
            wanted, steered = np.zeros((count, logits.centre.shape[1])), np.zeros((count, free, logits.centre.shape[1]))
        outer = np.abs(wanted) + np.einsum("bji,bj->bi", np.abs(steered), half)
        box = logits.box + ROUNDING * (outer[rows] + logits.size())
        off = self._linear(logits.centre - wanted[rows], logits.terms / ball, box, steered[rows], units[rows])
        return moved, off, rows

    def _linear(self, centre: Any, terms: Any, box: Any, steered: Any, units: Any) -> Linear:
        """Terms per unit, less what was `steered` (piece variable result) by the program; nothing where a unit is 0."""
        first, free = len(self.tube.slope.T), steered.shape[1]
        each = np.where(units[:, :, None] > 0, terms / np.where(units > 0, units, 1.0)[:, :, None], 0.0)
        each[:, :free] -= np.where(units[:, :free, None] > 0, steered, 0.0)
        maps = each.transpose(0, 2, 1)
        return Linear(centre, maps[:, :, :first], maps[:, :, first:free], maps[:, :, free:], box)

    def _along(self, bundle: Bundle, reading: Reading, moved: Linear) -> Bundle:
        """The bundle after one affine step: errors stay linear in the coefficients, radii take up what is missed."""
        first, tube = len(bundle.states), self.tube
        middle, half = (reading.low + reading.high)[first:] / 2, (reading.high - reading.low)[first:] / 2
        linear, sent = reading.update[:, :first], reading.update[:, first:]
        state_spans = np.concatenate([bundle.state_spans @ linear.T, np.diag(half) @ sent.T])
        carried = bundle.state_spans @ moved.states[0].T + bundle.error_spans @ moved.errors[0].T
        error_spans = np.concatenate([carried, np.diag(half) @ moved.inputs[0].T])
        # the middle of the cell is that of the bundle; `moved` speaks of differences from it
        used = (np.abs(state_spans).sum(axis=1) > 0) | (np.abs(error_spans).sum(axis=1) > 0)
        sizes = np.abs(bundle.state_spans) @ np.abs(moved.states[0]).T
        sizes = sizes + np.abs(bundle.error_spans) @ np.abs(moved.errors[0]).T
        missed = moved.box[0] + ROUNDING * (sizes.sum(axis=0) + half @ np.abs(moved.inputs[0]).T)
        radii = tube.stretched(moved.errors, bundle.radii)[0] + tube.lengths(missed)
        lengths = tube.lengths(moved.centre[0]) + tube.lengths(error_spans).sum(axis=0)
        centre = linear @ bundle.states + sent @ middle + reading.shift
        leaked = tube.leaked(radii, lengths)
        return Bundle(centre, moved.centre[0], state_spans[used], error_spans[used], leaked)

    def _lengths(self, moved: Linear, spans: Any, lengths: Any, reading: Reading) -> Any:
        """At least how long errors are after the step, from all states of the spans and errors of these lengths."""
        tube, half = self.tube, (reading.high - reading.low)[len(spans) :] / 2
        radii = tube.lengths(moved.centre) + tube.stretched(moved.errors, lengths) + tube.lengths(moved.box)
        for map_, reach in ((moved.states, np.abs(spans).sum(axis=0)), (moved.inputs, half)):
            radii = radii + tube.lengths(map_.transpose(0, 2, 1) * reach[:, None]).sum(axis=1)
        return tube.leaked(radii, 0 * radii).max(axis=0)

    def _certain(self, off: Linear, state_spans: Any, error_spans: Any, radii: Any, reading: Reading) -> Any:
        """Per piece, whether it is surely read out as the program says."""
        half = (reading.high - reading.low)[state_spans.shape[1] :] / 2
        spans = np.concatenate(
            [
                state_spans @ off.states.transpose(0, 2, 1) + error_spans @ off.errors.transpose(0, 2, 1),
                half[:, None] * off.inputs.transpose(0, 2, 1),
            ],
            axis=1,
        )
        errors = self.tube.lengths(off.errors) @ radii
        box = off.box + 1e-11 * (np.abs(off.centre) + np.abs(spans).sum(axis=1) + errors)
        if self.network.description["output"]["decoding"] == "round":
            return (np.abs(off.centre) + np.abs(spans).sum(axis=1) + errors + box < 0.5).all(axis=1)
        ball = np.sqrt(spans.shape[1])
        logits = Enclosure(off.centre, ball * spans, box + errors)
        return self.network.decides(logits, tuple(map(int, reading.output_shift)))

    def _signal(self, middle: Any, half: Any, terms: int) -> Enclosure:
        """What the network reads on each cell."""
        first = len(self.tube.slope.T)
        count, sent = len(middle), middle[:, first:]
        if self.network.description["input"]["encoding"] == "integer":
            spread, columns = np.zeros((count, terms, sent.shape[1])), np.arange(sent.shape[1])
            spread[:, first + columns, columns] = half[:, first:]
            return Enclosure(sent, spread, np.zeros_like(sent))
        features = np.stack([self.network.features(tuple(map(int, each))) for each in sent])
        return Enclosure(features, np.zeros((count, terms, features.shape[1])), np.zeros_like(features))


def _cut(cell: Ends, where: Undecided) -> list[Ends]:
    low, high, k = *cell, where.variable
    return [(low, (*high[:k], where.at, *high[k + 1 :])), ((*low[:k], where.at + 1, *low[k + 1 :]), high)]


def _halved(reading: Reading, before: int) -> list[Ends]:
    """The halves of a cell on which a read-out is not certain. Raises `Fails` for a single point, or too many."""
    cell = tuple(map(int, reading.low)), tuple(map(int, reading.high))
    widths = reading.high - reading.low
    k = int(np.argmax(widths))
    if not widths[k] or before >= MOST_HALVED:
        raise Fails(f"the read-out is not certain from program state and input {', '.join(map(str, cell[0]))}")
    return _cut(cell, Undecided(k, (cell[0][k] + cell[1][k]) // 2))
