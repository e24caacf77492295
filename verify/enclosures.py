"""What a float32 network computes, enclosed: the arithmetic of the independent checker and the cells on it.

Batches of enclosures `centre + terms . s + box . r` with |s| <= 1 (Euclidean; every s in [-1, 1] in a `Zonotope`) and
every r in [-1, 1]; each operation adds to the box what its linearisation misses, the float32 rounding of the operation
that runs, and float64's own. What is believed: float32 sums of n terms err by at most n u / (1 - n u) of the sum of
magnitudes, in any order; float32 tanh and sigmoid err by at most 2**-20. No code is shared with the prover
(`verify.reach`).
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

U = 2.0**-24
FUNCTION = 2.0**-20
SLACK = 1e-11
CUTS = 5
TINY = 1e-20
LEAST = 1e-40  # more than sums of numbers that float32 holds no better are rounded by
NARROW = np.float32  # terms, where there are many zonotopes
HELD = 1e37  # sums of such magnitudes do not overflow


def total(terms: Any) -> Any:
    """The sum of all terms (batch count width), which a product takes faster than numpy's sum."""
    return (terms.transpose(0, 2, 1) @ np.ones(terms.shape[1], terms.dtype)).astype(np.float64)


def held(error: Any, size: Any) -> Any:
    """An error of numbers of this size, which nothing bounds where float32 may not hold them."""
    fine = size < HELD
    return error if fine.all() else np.where(fine, error, np.inf)


class Enclosure:
    """`centre` (batch width), `terms` (batch count width) with coefficients in the ball, `box` (batch width).

    What are combined share their first terms; the one that has fewer has no part in the others. Terms may be float32,
    all else is float64: operations add what terms are rounded by. They leave terms of a coordinate next to each other
    in memory, as there are more of them than coordinates, and numpy is slow along short axes.
    """

    def __init__(self, centre: Any, terms: Any, box: Any, reach: Any = None) -> None:
        self.centre, self.terms, self.box, self._reach, self._radius = centre, terms, box, reach, None

    def like(self, centre: Any, terms: Any, box: Any, reach: Any = None) -> Enclosure:
        """Others whose coefficients are bounded as these are; their reach where it is known."""
        return type(self)(centre, terms, box, reach)

    @property
    def grain(self) -> float:
        """By what part a term is rounded at most where it is scaled: one rounding of the scale, one of the product."""
        return float(np.finfo(self.terms.dtype).eps) if self.terms.shape[1] else 0.0

    def scaled(self, by: Any) -> Any:
        """The terms, scaled (by: batch width), rounded by no more than `grain`."""
        return self.terms * by[:, None].astype(self.terms.dtype)

    def reach(self) -> Any:
        """How far the terms go in each coordinate, rounded outward."""
        if self._reach is None:
            self._reach = self.lengths() * (1 + self.terms.shape[1] * self.grain)
        return self._reach

    def lengths(self) -> Any:
        """The reach, from the terms."""
        return np.linalg.norm(self.terms, axis=1)

    def times(self, other: Enclosure) -> tuple[Any, Any]:
        """The middle of the products of both's terms, and how far they are from it: `(p.s)(q.s)` lies within |p||q|/2
        of p.q/2 for |s| <= 1."""
        return (self.terms * other.terms).sum(axis=1) / 2, self.reach() * other.reach() / 2

    def radius(self) -> Any:
        """Half the width of each coordinate, rounded outward."""
        if self._radius is None:
            width = self.reach() + self.box
            self._radius = width + SLACK * (width + np.abs(self.centre))
        return self._radius

    def size(self) -> Any:
        """The largest absolute value of each coordinate."""
        return np.abs(self.centre) + self.radius()

    def plus_error(self, error: Any) -> Enclosure:
        """With a larger box; of what float32 may not hold nothing is known."""
        size = self.size() + error
        box = self.box + held(error + 2 * SLACK * size, size)
        return self.like(self.centre, self.terms, box, self._reach)

    def opened(self, at: Any = slice(None)) -> Enclosure:
        """The same with sides of the box, those of some coordinates, among the terms, where they keep their signs, if
        they can be.

        These terms are new: it is not to be combined with another that was opened.
        """
        return self

    def padded(self, count: int) -> Enclosure:
        """With as many terms, those of nothing at the end."""
        batch, had, width = self.terms.shape
        if had == count:
            return self
        terms = np.zeros((batch, width, count), self.terms.dtype).transpose(0, 2, 1)
        terms[:, :had] = self.terms
        return self.like(self.centre, terms, self.box, self._reach)

    def pick(self, at: slice) -> Enclosure:
        return self.like(self.centre[:, at], self.terms[:, :, at], self.box[:, at], self.reach()[:, at])

    def rows(self, at: Any) -> Enclosure:
        reach = None if self._reach is None else self._reach[at]
        return self.like(self.centre[at], self.terms[at], self.box[at], reach)


class Zonotope(Enclosure):
    """The same with every coefficient in [-1, 1]."""

    def lengths(self) -> Any:
        return total(np.abs(self.terms))

    def opened(self, at: Any = slice(None)) -> Enclosure:
        box, had, kind = self.box.copy(), self.terms.shape[1], self.terms.dtype
        at = np.arange(box.shape[1])[at]
        sides = np.where(box[:, at] > TINY, box[:, at], 0)
        box[:, at] -= sides
        terms = self.padded(had + len(at)).terms
        terms[:, had + np.arange(len(at)), at] = np.nextafter(sides.astype(kind), np.inf, dtype=kind) * (sides > 0)
        return self.like(self.centre, terms, box)

    def times(self, other: Enclosure) -> tuple[Any, Any]:
        """As a difference of squares, `4 (p.s)(q.s) = ((p + q).s)^2 - ((p - q).s)^2`, where q is made as long as p."""
        longer = np.maximum(self.reach(), TINY) / np.maximum(other.reach(), TINY)
        as_long = other.scaled(longer)
        plus, minus = (total(np.abs(part, out=part)) ** 2 for part in (self.terms + as_long, self.terms - as_long))
        return (plus - minus) / (8 * longer), (plus + minus) / (8 * longer)


def _joined(parts: list[Enclosure]) -> Enclosure:
    batch = max(len(p.centre) for p in parts)
    count = max(p.terms.shape[1] for p in parts)
    centre, box, reach = (
        np.concatenate([np.broadcast_to(of(p), (batch, p.centre.shape[1])) for p in parts], axis=1)
        for of in (lambda p: p.centre, lambda p: p.box, lambda p: p.reach())
    )
    blocks = [np.broadcast_to(p.padded(count).terms, (batch, count, p.centre.shape[1])) for p in parts]
    terms = np.concatenate([block.transpose(0, 2, 1) for block in blocks], axis=1).transpose(0, 2, 1)
    return parts[0].like(centre, terms, box, reach)


def _by_row(x: Any, matrix: Any) -> Any:
    """The product (batch width) of each row by itself: of all at once, the last digits depend on what else is in it."""
    return (x[:, None] @ matrix)[:, 0]


def _linear(x: Enclosure, weight: Any, bias: Any) -> Enclosure:
    n, to = weight.shape[1] + 2, np.ascontiguousarray(weight.T)
    into = np.abs(to)
    summed = _by_row(x.size(), into) + np.abs(bias)
    error = held((n * U / (1 - n * U) + n * x.grain) * summed + LEAST, summed)
    terms = (weight.astype(x.terms.dtype) @ x.terms.transpose(0, 2, 1)).transpose(0, 2, 1)
    image = x.like(_by_row(x.centre, to) + bias, terms, _by_row(x.box, into))
    return image.plus_error(error)


def _paired(a: Enclosure, b: Enclosure) -> tuple[Enclosure, Enclosure]:
    """Both with as many terms."""
    count = max(a.terms.shape[1], b.terms.shape[1])
    return a.padded(count), b.padded(count)


def _sum(a: Enclosure, b: Enclosure, sign: float = 1.0) -> Enclosure:
    centre, box = a.centre + sign * b.centre, a.box + b.box
    if not a.terms.shape[1]:
        summed = a.like(centre, b.terms if sign == 1 else sign * b.terms, box, b.reach())
    elif not b.terms.shape[1]:
        summed = a.like(centre, a.terms, box, a.reach())
    else:
        a, b = _paired(a, b)
        summed = a.like(centre, a.terms + b.terms if sign == 1 else a.terms - b.terms, box)
    return summed.plus_error((U + summed.grain) * summed.size() + LEAST)


def _product(a: Enclosure, b: Enclosure) -> Enclosure:
    a, b = _paired(a, b)
    shift, crossed = a.times(b)
    crossed += (a.terms.shape[1] + 4) * a.grain * a.reach() * b.reach()
    terms = a.scaled(b.centre)
    terms += b.scaled(a.centre)
    linear = a.like(
        a.centre * b.centre + shift,
        terms,
        crossed + a.box * (np.abs(b.centre) + b.reach() + b.box) + b.box * (np.abs(a.centre) + a.reach()),
    )
    return linear.plus_error((U + 2 * a.grain) * a.size() * b.size() + LEAST)


def _blend(new: Enclosure, old: Enclosure, update: Enclosure) -> Enclosure:
    """`new + update * (old - new)`, where the box of `new` counts `1 - update` times, not once more for each `new`."""
    inner = new.like(new.centre, new.terms, np.zeros_like(new.box), new.reach())
    blend = _sum(inner, _product(update, _sum(old, inner, -1.0)))
    kept = update.like(1 - update.centre, update.terms, update.box, update.reach()).size()
    return blend.plus_error(new.box * (kept + 4 * U))  # three operations round it, each by U at most


def _smooth(x: Enclosure, scale: Any = 1.0) -> Enclosure:
    """`scale tanh(scale x) + 1 - scale`, tanh or (1/2) sigmoid: the chord, and by how much the curve leaves it, at the
    ends and where it is parallel."""
    middle, radius = scale * x.centre, scale * x.radius()
    low, run = middle - radius, np.maximum(2 * radius, 1e-6)
    high = low + run
    first, last = np.tanh(low), np.tanh(high)
    slope = np.clip((last - first) / run, 0.0, 1.0)
    rise = np.sqrt(1 - slope)  # what tanh is where its derivative, 1 - tanh ** 2, is the slope
    turn = np.arctanh(np.minimum(rise, 1 - 1e-16))
    start, end = first - slope * low, last - slope * high
    above, below = (np.clip(s * rise, first, last) - slope * np.clip(s * turn, low, high) for s in (1, -1))
    top, bottom = np.maximum(np.maximum(start, end), above), np.minimum(np.minimum(start, end), below)
    margin = FUNCTION + 1e-12 * (1 + np.abs(low) + np.abs(high))
    centre, slope = scale * (slope * middle + (top + bottom) / 2) + (1 - scale), scale**2 * slope
    reach = slope * x.reach() * (1 + x.grain)
    chord = x.like(centre, x.scaled(slope), slope * x.box, reach)
    return chord.plus_error(scale * (top - bottom) / 2 + margin + x.grain * reach)


def _rectified(x: Enclosure, cuts: int) -> tuple[Enclosure, Any]:
    """The pieces of `max(x, 0)` on either side of up to `cuts` kinks, and the rows they come from."""
    low, high = x.centre - x.radius(), x.centre + x.radius()
    slope = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, high / np.where(high > low, high - low, 1.0)))
    half = np.where((low < 0) & (high > 0), -slope * low / 2, 0.0)
    rows = np.arange(len(low))
    kinks = [np.nonzero(row)[0] for row in half > 0]
    kinks = [at[np.argsort(-np.minimum(-low[k, at], high[k, at]))[:cuts]] for k, at in enumerate(kinks)]
    rows = np.repeat(rows, [1 << len(at) for at in kinks])
    slope, half = slope[rows], half[rows]
    row = 0
    for at in kinks:
        for sides in itertools.product((0.0, 1.0), repeat=len(at)):
            slope[row, at], half[row, at] = sides, 0.0
            row += 1
    x = x.rows(rows)
    pieces = x.like(slope * x.centre + half, x.scaled(slope), slope * x.box)
    return pieces.plus_error(half + x.grain * x.reach() + LEAST), rows


class Network:
    """The cell and read-out of a network directory, on enclosures.

    A read-out is certain where its leads are larger by `slack`, a part of what is in doubt, than they have to be.
    """

    def __init__(self, description: dict[str, Any], tensors: dict[str, Any], slack: float = SLACK) -> None:
        self.description, self.slack = description, slack
        self.weights = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in tensors.items()}
        self.cell, self.hidden = description["cell"], int(description["hidden_size"])
        self.layers = int(description.get("layers", 1))
        self.memories = 2 if self.cell == "lstm" else 1
        self.inputs, self.outputs = (_ranges(description[side]) for side in ("input", "output"))
        self.symbols = list(itertools.product(*(range(low, high + 1) for low, high in self.inputs)))

    @property
    def mixed(self) -> Any:
        """The coordinates of a state that a step takes together: all but the cells of an LSTM."""
        coordinates = np.arange(self.layers * self.memories * self.hidden)
        return coordinates[coordinates // self.hidden % self.memories == 0]

    def start(self) -> Any:
        zero = np.zeros(self.layers * self.hidden)
        kept = [self.weights.get(name, zero).reshape(self.layers, -1) for name in ("h0", "c0")[: self.memories]]
        return np.stack(kept, axis=1).ravel()

    def features(self, symbol: tuple[int, ...]) -> Any:
        encoding = self.description["input"]["encoding"]
        if encoding == "integer":
            return np.array(symbol, dtype=np.float64)
        if encoding == "one_hot_joint":
            return np.eye(len(self.symbols))[self.symbols.index(symbol)]
        return np.concatenate([np.eye(high - low + 1)[v - low] for v, (low, high) in zip(symbol, self.inputs)])

    def step(self, state: Enclosure, symbol: tuple[int, ...], cuts: int = CUTS) -> tuple[Enclosure, Any]:
        """Enclosures that together cover the states after the symbol, and the row each comes from; one a row if there
        are no `cuts` at kinks."""
        x = self.features(symbol)[None]
        none = np.zeros((1, 0, x.shape[1]), state.terms.dtype)
        return self.receive(state, state.like(x, none, np.zeros_like(x)), cuts)

    def receive(self, state: Enclosure, signal: Enclosure, cuts: int = CUTS) -> tuple[Enclosure, Any]:
        """The same for enclosures of features, with the terms of the states, or one without terms for all."""
        rows = np.arange(len(state.centre))
        if self.cell == "mlp":
            x = _joined([state, signal])
            for k, (weight, bias) in enumerate(self._maps("hidden")):
                if k:
                    x, cut = _rectified(x, cuts)
                    rows = rows[cut]
                x = _linear(x, weight, bias)
            return x, rows
        after: list[Enclosure] = []
        size = self.hidden
        for layer in range(self.layers):
            first = layer * self.memories * size
            kept = [state.pick(slice(first + m * size, first + (m + 1) * size)) for m in range(self.memories)]
            sent, fed = self._gates(f"ih_l{layer}", signal), self._gates(f"hh_l{layer}", kept[0])
            if self.cell == "rnn_relu":
                signal, cut = _rectified(_sum(sent, fed), cuts)
                state, rows, after = state.rows(cut), rows[cut], [part.rows(cut) for part in after]
                after.append(signal)
            else:
                new = self._cell(sent, fed, kept)
                after += new
                signal = new[0]
        return _joined(after), rows

    def _gates(self, kind: str, x: Enclosure) -> Enclosure:
        weight = self.weights[f"rnn.weight_{kind}"]
        return _linear(x, weight, self.weights.get(f"rnn.bias_{kind}", np.zeros(len(weight))))

    def _cell(self, sent: Enclosure, fed: Enclosure, kept: list[Enclosure]) -> list[Enclosure]:
        size = self.hidden
        parts = [slice(first, first + size) for first in range(0, sent.centre.shape[1], size)]
        if self.cell == "rnn_tanh":
            return [_smooth(_sum(sent, fed))]
        if self.cell == "gru":
            both = slice(0, 2 * size)
            gates = _smooth(_sum(sent.pick(both), fed.pick(both)), 0.5)
            reset, update = (gates.pick(part) for part in parts[:2])
            new = _smooth(_sum(sent.pick(parts[2]), _product(reset, fed.pick(parts[2]))))
            return [_blend(new, kept[0], update)]
        gates = _smooth(_sum(sent, fed), np.repeat([0.5, 0.5, 1.0, 0.5], size))
        enter, keep, new, leave = (gates.pick(part) for part in parts)
        cell = _sum(_product(keep, kept[1]), _product(enter, new))
        cell = cell.opened() if cell.terms.shape[1] else cell  # both memories see its box
        return [_product(leave, _smooth(cell)), cell]

    def _maps(self, name: str) -> list[tuple[Any, Any]]:
        found = [n for n in self.weights if n.startswith(name + ".") and n.endswith("weight")]
        found.sort(key=lambda n: int(n.split(".")[1]) if n.count(".") == 2 else 0)
        zeros = {n: np.zeros(len(self.weights[n])) for n in found}
        return [(self.weights[n], self.weights.get(n.removesuffix("weight") + "bias", zeros[n])) for n in found]

    def logits(self, state: Enclosure) -> Enclosure:
        """The last layer of the read-out."""
        first = 0 if self.cell == "mlp" else (self.layers - 1) * self.memories * self.hidden
        logits = state.pick(slice(first, first + self.hidden))
        for k, (weight, bias) in enumerate(self._maps("readout")):
            logits = _linear(_rectified(logits, 0)[0] if k else logits, weight, bias)
        return logits

    def reads(self, state: Enclosure, outputs: tuple[int, ...]) -> Any:
        """Per row, whether every state of the enclosure is read out as these outputs."""
        return self.decides(self.logits(state), outputs)

    def decides(self, logits: Enclosure, outputs: tuple[int, ...]) -> Any:
        """Per row, whether all logits of the enclosure decode to these outputs."""
        matrix, offset = self.leads(outputs)
        lead = logits.like(
            logits.centre @ matrix.T + offset,
            logits.terms @ matrix.T.astype(logits.terms.dtype),
            (logits.box + matrix.shape[1] * logits.grain * logits.reach()) @ np.abs(matrix).T,
        )
        doubt = lead.reach() + lead.box
        return (lead.centre > doubt * (1 + self.slack) + SLACK * (1 + np.abs(lead.centre))).all(axis=1)

    def leads(self, outputs: tuple[int, ...]) -> tuple[Any, Any]:
        """A matrix and an offset that take logits to what has to be positive for these outputs to be read."""
        decoding, column, rows = self.description["output"]["decoding"], 0, list[tuple[Any, float]]()
        sizes = [high - low + 1 if decoding == "argmax" else 1 for low, high in self.outputs]
        for value, (low, _), size in zip(outputs, self.outputs, sizes, strict=True):
            logits, column = np.eye(sum(sizes))[column : column + size], column + size
            if decoding == "round":
                rows += [(logits[0], 0.5 - value), (-logits[0], 0.5 + value)]
            elif decoding == "sign":
                rows.append((logits[0] if value else -logits[0], 0.0 if value in (0, 1) else -np.inf))
            elif 0 <= value - low < size:
                rows += [(logits[value - low] - other, 0.0) for k, other in enumerate(logits) if k != value - low]
            else:
                rows.append((0 * logits[0], -1.0))
        return np.array([row for row, _ in rows]).reshape(-1, sum(sizes)), np.array([offset for _, offset in rows])


def _ranges(side: dict[str, Any]) -> list[tuple[Any, Any]]:
    arity = int(side.get("arity", 1))
    low, high = (v if isinstance(v, list) else [v] * arity for v in (side.get("low"), side.get("high")))
    return list(zip(low, high, strict=True))
