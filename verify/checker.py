"""The independent checker: re-establishes a simulation certificate from the weights and the program.

Small on purpose, and it shares no code with the prover (`verify.reach`) beyond the language's reference semantics:
numpy, no torch, no z3. It follows batches of enclosures `centre + terms . s + box . r` with |s| <= 1 (Euclidean) and
every r in [-1, 1]; each operation adds to the box what its linearisation misses, the float32 rounding of the operation
that runs, and float64's own. What is believed: float32 sums of n terms err by at most n u / (1 - n u) of the sum of
magnitudes, in any order; float32 tanh and sigmoid err by at most 2**-20; LAPACK's inverse and eigenvalues, the first
of which is multiplied out again.

The first region has to hold the initial state, in the program's first state. From each region and input, the image,
cut at the kinks of rectifiers, has to be read out as the program says, and each piece has to lie in one of the regions
named in `to`, of the program's next state.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from dsl.errors import BadInput, NetliftError
from dsl.programs import Machine
from dsl.semantics import initial_state, step
from dsl.syntax import parse, parse_term
from dsl.terms import Const
from dsl.types import BoolType
from verify.verdict import Finding, Proved, Unknown, Verdict

U = 2.0**-24
FUNCTION = 2.0**-20
SLACK = 1e-11
FULL = 1 - 1e-8  # an ellipsoid counts as full a little before 1, for the rounding of this comparison
CUTS = 5
BATCH = 512


class Rejected(Exception):
    """The certificate does not establish its claim; the message says where."""


class Enclosure:
    """`centre` (batch width), `terms` (batch count width) with coefficients in the ball, `box` (batch width)."""

    def __init__(self, centre: Any, terms: Any, box: Any) -> None:
        self.centre, self.terms, self.box = centre, terms, box

    def reach(self) -> Any:
        """How far the terms go in each coordinate."""
        return np.linalg.norm(self.terms, axis=1)

    def radius(self) -> Any:
        """Half the width of each coordinate, rounded outward."""
        total = self.reach() + self.box
        return total + SLACK * (total + np.abs(self.centre))

    def size(self) -> Any:
        """The largest absolute value of each coordinate."""
        return np.abs(self.centre) + self.radius()

    def plus_error(self, error: Any) -> Enclosure:
        return Enclosure(self.centre, self.terms, self.box + error + 2 * SLACK * (self.size() + error))

    def pick(self, at: slice) -> Enclosure:
        return Enclosure(self.centre[:, at], self.terms[:, :, at], self.box[:, at])

    def rows(self, at: Any) -> Enclosure:
        return Enclosure(self.centre[at], self.terms[at], self.box[at])


def _joined(parts: list[Enclosure]) -> Enclosure:
    centre, box = (np.concatenate([getattr(p, name) for p in parts], axis=1) for name in ("centre", "box"))
    return Enclosure(centre, np.concatenate([p.terms for p in parts], axis=2), box)


def _linear(x: Enclosure, weight: Any, bias: Any) -> Enclosure:
    n = weight.shape[1] + 2
    size = np.abs(weight)
    error = n * U / (1 - n * U) * (x.size() @ size.T + np.abs(bias)) + 1e-40
    return Enclosure(x.centre @ weight.T + bias, x.terms @ weight.T, x.box @ size.T).plus_error(error)


def _sum(a: Enclosure, b: Enclosure, sign: float = 1.0) -> Enclosure:
    total = Enclosure(a.centre + sign * b.centre, a.terms + sign * b.terms, a.box + b.box)
    return total.plus_error(U * total.size() + 1e-40)


def _product(a: Enclosure, b: Enclosure) -> Enclosure:
    """`(p.s)(q.s)` lies within |p||q|/2 of p.q/2 for |s| <= 1."""
    long_a, long_b, shift = a.reach(), b.reach(), (a.terms * b.terms).sum(axis=1) / 2
    linear = Enclosure(
        a.centre * b.centre + shift,
        a.terms * b.centre[:, None] + b.terms * a.centre[:, None],
        long_a * long_b / 2 + a.box * (np.abs(b.centre) + long_b + b.box) + b.box * (np.abs(a.centre) + long_a),
    )
    return linear.plus_error(U * a.size() * b.size() + 1e-40)


def _smooth(x: Enclosure, kind: str) -> Enclosure:
    """Tanh or sigmoid: the chord, and by how much the curve leaves it, at the ends and where it is parallel."""
    low, high = x.centre - x.radius(), x.centre + x.radius()
    steepest = 1.0 if kind == "tanh" else 0.25

    def curve(at: Any) -> Any:
        return np.tanh(at) if kind == "tanh" else (1 + np.tanh(at / 2)) / 2

    run = np.maximum(high - low, 1e-6)
    slope = np.clip((curve(low + run) - curve(low)) / run, 0.0, steepest)
    rise = np.sqrt(steepest - slope)  # both derivatives are `steepest - (curve - middle) ** 2`
    turn = np.arctanh(np.minimum(rise / np.sqrt(steepest), 1 - 1e-16)) / np.sqrt(steepest)
    missed = [curve(low) - slope * low, curve(high) - slope * high]
    for side in (-1, 1):
        at = np.clip(side * turn, low, high)  # a turn outside counts as the end next to it
        missed.append(curve(at) - slope * at)
    top, bottom = np.max(missed, axis=0), np.min(missed, axis=0)
    margin = FUNCTION + 1e-12 * (1 + np.abs(low) + np.abs(high))
    return Enclosure(slope * x.centre + (top + bottom) / 2, x.terms * slope[:, None], slope * x.box).plus_error(
        (top - bottom) / 2 + margin
    )


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
    return Enclosure(slope * x.centre + half, x.terms * slope[:, None], slope * x.box).plus_error(half), rows


class Network:
    """The cell and read-out of a network directory, on enclosures."""

    def __init__(self, description: dict[str, Any], tensors: dict[str, Any]) -> None:
        self.description = description
        self.weights = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in tensors.items()}
        self.cell, self.hidden = description["cell"], int(description["hidden_size"])
        self.layers = int(description.get("layers", 1))
        self.memories = 2 if self.cell == "lstm" else 1
        self.inputs, self.outputs = (_ranges(description[side]) for side in ("input", "output"))
        self.symbols = list(itertools.product(*(range(low, high + 1) for low, high in self.inputs)))

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

    def step(self, state: Enclosure, symbol: tuple[int, ...]) -> tuple[Enclosure, Any]:
        """Enclosures that together cover the states after the symbol, and the row each comes from."""
        count, x = len(state.centre), self.features(symbol)
        signal = Enclosure(
            np.tile(x, (count, 1)), np.zeros((count, state.terms.shape[1], len(x))), np.zeros((count, len(x)))
        )
        rows = np.arange(count)
        if self.cell == "mlp":
            x = _joined([state, signal])
            for k, (weight, bias) in enumerate(self._maps("hidden")):
                if k:
                    x, cut = _rectified(x, CUTS)
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
                signal, cut = _rectified(_sum(sent, fed), CUTS)
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
        blocks = sent.centre.shape[1] // self.hidden
        parts = [slice(k * self.hidden, (k + 1) * self.hidden) for k in range(blocks)]
        if self.cell == "rnn_tanh":
            return [_smooth(_sum(sent, fed), "tanh")]
        if self.cell == "gru":
            reset, update = (_smooth(_sum(sent.pick(p), fed.pick(p)), "sigmoid") for p in parts[:2])
            new = _smooth(_sum(sent.pick(parts[2]), _product(reset, fed.pick(parts[2]))), "tanh")
            return [_sum(new, _product(update, _sum(kept[0], new, -1.0)))]
        enter, keep, new, leave = (_sum(sent.pick(p), fed.pick(p)) for p in parts)
        held = _product(_smooth(keep, "sigmoid"), kept[1])
        cell = _sum(held, _product(_smooth(enter, "sigmoid"), _smooth(new, "tanh")))
        return [_product(_smooth(leave, "sigmoid"), _smooth(cell, "tanh")), cell]

    def _maps(self, name: str) -> list[tuple[Any, Any]]:
        found = [n for n in self.weights if n.startswith(name + ".") and n.endswith("weight")]
        found.sort(key=lambda n: int(n.split(".")[1]) if n.count(".") == 2 else 0)
        zeros = {n: np.zeros(len(self.weights[n])) for n in found}
        return [(self.weights[n], self.weights.get(n.removesuffix("weight") + "bias", zeros[n])) for n in found]

    def reads(self, state: Enclosure, outputs: tuple[int, ...]) -> Any:
        """Per row, whether every state of the enclosure is read out as these outputs."""
        first = 0 if self.cell == "mlp" else (self.layers - 1) * self.memories * self.hidden
        logits = state.pick(slice(first, first + self.hidden))
        for k, (weight, bias) in enumerate(self._maps("readout")):
            logits = _linear(_rectified(logits, 0)[0] if k else logits, weight, bias)
        sure, column, decoding = np.ones(len(logits.centre), dtype=bool), 0, self.description["output"]["decoding"]
        for value, (low, high) in zip(outputs, self.outputs, strict=True):
            size = high - low + 1 if decoding == "argmax" else 1
            block = logits.pick(slice(column, column + size))
            column += size
            bottom, top = block.centre - block.radius(), block.centre + block.radius()
            if decoding == "round":
                sure &= (bottom[:, 0] > value - 0.5) & (top[:, 0] < value + 0.5)
            elif decoding == "sign":
                sure &= bottom[:, 0] > 0 if value == 1 else (top[:, 0] <= 0) & (value == 0)
            else:
                sure &= self._wins(block, value - low) if 0 <= value - low < size else False
        return sure

    @staticmethod
    def _wins(block: Enclosure, chosen: int) -> Any:
        lead = block.centre[:, [chosen]] - np.delete(block.centre, chosen, axis=1)
        doubt = np.linalg.norm(block.terms[:, :, [chosen]] - np.delete(block.terms, chosen, axis=2), axis=1)
        doubt = doubt + block.box[:, [chosen]] + np.delete(block.box, chosen, axis=1)
        return (lead > doubt * (1 + SLACK) + SLACK * (1 + np.abs(lead))).all(axis=1)


def _ranges(side: dict[str, Any]) -> list[tuple[Any, Any]]:
    arity = int(side.get("arity", 1))
    low, high = (v if isinstance(v, list) else [v] * arity for v in (side.get("low"), side.get("high")))
    return list(zip(low, high, strict=True))


class Regions:
    """Ellipsoids `centre + shape @ s`, with inverses that were multiplied out."""

    def __init__(self, found: list[dict[str, Any]], width: int) -> None:
        self.centres = np.array([r["centre"] for r in found], dtype=np.float64).reshape(len(found), width)
        self.shapes = np.array([r["shape"] for r in found], dtype=np.float64).reshape(len(found), width, width)
        self.states = [tuple(map(_value, r["state"])) for r in found]
        if not found or not np.isfinite(self.centres).all() or not np.isfinite(self.shapes).all():
            raise Rejected("a region is not an ellipsoid")
        try:
            self.inverses = np.linalg.inv(self.shapes)
        except np.linalg.LinAlgError:
            raise Rejected("a region is flat") from None
        doubt = np.abs(self.inverses @ self.shapes - np.eye(width)).sum(axis=(1, 2))
        doubt += 1e-15 * width * (np.abs(self.inverses) @ np.abs(self.shapes)).sum(axis=(1, 2))
        if not (doubt < 0.01).all():
            raise Rejected(f"region {int(np.argmax(~(doubt < 0.01)))} is too flat to invert")
        self.room = FULL * (1 - doubt)  # |shape^-1 v| <= |inverse v| / (1 - doubt)

    def hold(self, x: Enclosure, which: Any) -> Any:
        """Per row, whether an enclosure lies in the region of that number."""
        inverse = self.inverses[which]
        offset = inverse @ (x.centre - self.centres[which])[:, :, None]
        seen = inverse @ x.terms.transpose(0, 2, 1)
        rounded = x.box + 1e-15 * x.centre.shape[1] * (x.size() + np.abs(self.centres[which]))
        box = np.linalg.norm(np.abs(inverse) @ rounded[:, :, None], axis=(1, 2))
        square = seen @ seen.transpose(0, 2, 1)
        top, length = np.linalg.eigvalsh(square)[:, -1].clip(0), np.linalg.norm(offset, axis=(1, 2))
        best = (np.sqrt(top) + length) ** 2
        for share in (0.03, 0.1, 0.25, 0.5, 1.0):
            # S-procedure: |d + M s|^2 <= m + m d^T (m - M M^T)^-1 d for every m above the largest eigenvalue
            m = (top + np.maximum(share * np.sqrt(top) * length, 1e-4))[:, None, None]
            solved = np.linalg.solve(m * np.eye(square.shape[1]) - square, offset)
            best = np.minimum(best, (m * (1 + (offset * solved).sum(axis=(1, 2), keepdims=True)))[:, 0, 0])
        return np.sqrt(best) + box <= self.room[which]


def check_certificate(certificate: dict[str, Any], description: dict[str, Any], tensors: dict[str, Any]) -> int:
    """The number of enclosures followed. Raises `Rejected`."""
    if certificate.get("format") != "netlift-certificate/2":
        raise Rejected("expected format netlift-certificate/2")
    if certificate["weights_sha256"] != _hash(tensors):
        raise Rejected("the weights are not those the certificate speaks of")
    machine = parse(certificate["program"])
    if not isinstance(machine, Machine):
        raise Rejected("expected a machine")
    network = Network(description, tensors)
    begin, found = network.start(), certificate["regions"]
    regions = Regions(found, len(begin))
    start = Enclosure(begin[None], np.zeros((1, len(begin), len(begin))), np.zeros((1, len(begin))))
    if regions.states[0] != initial_state(machine) or not regions.hold(start, np.array([0]))[0]:
        raise Rejected("the first region does not hold the initial state")
    followed = 0
    for first in range(0, len(found), BATCH):
        numbers = np.arange(first, min(first + BATCH, len(found)))
        for position, symbol in enumerate(network.symbols):
            followed += _follow(network, machine, regions, numbers, symbol, [found[k]["to"][position] for k in numbers])
    return followed


def _follow(
    network: Network, machine: Machine, regions: Regions, numbers: Any, symbol: tuple[int, ...], targets: list[Any]
) -> int:
    shapes = regions.shapes[numbers].transpose(0, 2, 1)
    image, origin = network.step(Enclosure(regions.centres[numbers], shapes, np.zeros(shapes.shape[::2])), symbol)
    typed = tuple(bool(v) if isinstance(u.type, BoolType) else v for u, v in zip(machine.inputs, symbol))
    steps = [step(machine, regions.states[number], typed) for number in numbers]
    outputs = [tuple(int(v) for v in steps[row][1]) for row in origin]  # type: ignore[arg-type]
    for expected in sorted(set(outputs)):
        rows = np.array([k for k, out in enumerate(outputs) if out == expected])
        sure = network.reads(image.rows(rows), expected)
        if not sure.all():
            number = numbers[origin[rows[int(np.argmin(sure))]]]
            raise Rejected(f"from region {number}, the read-out after input {symbol} is not certain")
    open_rows = np.ones(len(origin), dtype=bool)
    for k in range(max(map(len, targets), default=0)):
        rows = np.array([row for row in np.nonzero(open_rows)[0] if k < len(targets[origin[row]])], dtype=np.int64)
        which = np.array([targets[origin[row]][k] for row in rows], dtype=np.int64)
        if ((which < 0) | (which >= len(regions.states))).any():
            raise Rejected("a target is not a region")
        right = np.array([regions.states[w] == steps[origin[row]][0] for row, w in zip(rows, which)], dtype=bool)
        rows, which = rows[right], which[right]
        if len(rows):
            open_rows[rows[regions.hold(image.rows(rows), which)]] = False
    if open_rows.any():
        number = numbers[origin[int(np.argmax(open_rows))]]
        raise Rejected(f"from region {number}, the image under input {symbol} is in no region named")
    return len(origin)


def _value(text: str) -> Any:
    term = parse_term(text, {})
    if not isinstance(term, Const):
        raise Rejected(f"expected a value, got {text}")
    return term.value


def _hash(tensors: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor, dtype="<f4").tobytes())
    return digest.hexdigest()


def check_directories(certificate_dir: Path, network_dir: Path) -> Finding:
    """What `netlift check` answers: `Proved`, or `Unknown` with the place at which the certificate fails."""
    from safetensors.numpy import load_file

    began = time.monotonic()
    try:
        certificate = json.loads((certificate_dir / "certificate.json").read_text())
        description = json.loads((network_dir / "network.json").read_text())
        tensors = load_file(network_dir / description["weights"])
    except (OSError, ValueError, KeyError) as error:
        where = f"{certificate_dir}, {network_dir}"
        raise BadInput(f"expected a certificate and a network, got {error} ({where})") from None
    verdict: Verdict
    try:
        followed = check_certificate(certificate, description, tensors)
        regions = len(certificate["regions"])
        verdict = Proved(f"all inputs of every length ({regions:,} regions, {followed:,} steps checked)")
    except Rejected as error:
        verdict = Unknown(f"certificate rejected: {error}")
    except (NetliftError, KeyError, IndexError, TypeError, ValueError) as error:
        verdict = Unknown(f"certificate rejected: malformed, {type(error).__name__} {error}")
    seconds = time.monotonic() - began
    return Finding("program equals network", "independent checker", verdict, "all inputs of every length", seconds)
