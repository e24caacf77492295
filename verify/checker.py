"""The independent checker: re-establishes a simulation certificate from the weights and the program.

Small on purpose, and it shares no code with the prover (`verify.reach`) beyond the language's reference semantics:
numpy, no torch, no z3. It follows one enclosure at a time: a zonotope `centre + s @ terms` with every coefficient in
[-1, 1], where each operation appends terms for its linearisation, for the float32 rounding of the operation that runs,
and for float64. What is believed: float32 sums of n terms err by at most n u / (1 - n u) of the sum of magnitudes, in
any order; float32 tanh and sigmoid err by at most 2**-20.
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


class Rejected(Exception):
    """The certificate does not establish its claim; the message says where."""


class Zonotope:
    """`centre` (width) plus all combinations of `terms` (count width) with coefficients in [-1, 1]."""

    def __init__(self, centre: Any, terms: Any) -> None:
        self.centre, self.terms = centre, terms

    def radius(self) -> Any:
        """Half the width of each coordinate, rounded outward."""
        total = np.abs(self.terms).sum(axis=0)
        return total + SLACK * (total + np.abs(self.centre))

    def size(self) -> Any:
        """The largest absolute value of each coordinate."""
        return np.abs(self.centre) + self.radius()

    def plus_error(self, error: Any) -> Zonotope:
        error = error + SLACK * (self.size() + error)
        return Zonotope(self.centre, np.vstack([self.terms, np.diag(error)]))

    def pick(self, at: slice) -> Zonotope:
        return Zonotope(self.centre[at], self.terms[:, at])


def _aligned(a: Zonotope, b: Zonotope, shared: int) -> tuple[Any, Any]:
    """Terms of two zonotopes over one list of coefficients; the first `shared` are common to both."""
    extra_a, extra_b = a.terms[shared:], b.terms[shared:]
    zero_a, zero_b = np.zeros((len(extra_b), a.terms.shape[1])), np.zeros((len(extra_a), b.terms.shape[1]))
    return np.vstack([a.terms[:shared], extra_a, zero_a]), np.vstack([b.terms[:shared], zero_b, extra_b])


def _linear(x: Zonotope, weight: Any, bias: Any) -> Zonotope:
    n = weight.shape[1] + 2
    error = n * U / (1 - n * U) * (np.abs(weight) @ x.size() + np.abs(bias)) + 1e-40
    return Zonotope(weight @ x.centre + bias, x.terms @ weight.T).plus_error(error)


def _sum(a: Zonotope, b: Zonotope, shared: int, sign: float = 1.0) -> Zonotope:
    left, right = _aligned(a, b, shared)
    total = Zonotope(a.centre + sign * b.centre, left + sign * right)
    return total.plus_error(U * total.size() + 1e-40)


def _product(a: Zonotope, b: Zonotope, shared: int) -> Zonotope:
    left, right = _aligned(a, b, shared)
    linear = Zonotope(a.centre * b.centre, left * b.centre + right * a.centre)
    return linear.plus_error(a.radius() * b.radius() + U * a.size() * b.size() + 1e-40)


def _curve(x: Zonotope, kind: str) -> Zonotope:
    low, high = x.centre - x.radius(), x.centre + x.radius()
    if kind == "relu":
        width = np.where(high > low, high - low, 1.0)
        slope = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, high / width))
        half = np.where((low < 0) & (high > 0), -slope * low / 2, 0.0)
        return Zonotope(slope * x.centre + half, x.terms * slope).plus_error(half)
    if kind == "tanh":
        ends = np.tanh(low), np.tanh(high)
        slope = np.minimum(1 - ends[0] ** 2, 1 - ends[1] ** 2)
    else:
        ends = (1 + np.tanh(low / 2)) / 2, (1 + np.tanh(high / 2)) / 2
        slope = np.minimum(ends[0] * (1 - ends[0]), ends[1] * (1 - ends[1]))
    slope = slope * (1 - 1e-9)  # a smaller slope keeps `curve - slope * x` increasing, whatever float64 rounds
    half = np.maximum((ends[1] - ends[0] - slope * (high - low)) / 2, 0.0)
    centre = slope * x.centre + (ends[0] + ends[1] - slope * (low + high)) / 2
    return Zonotope(centre, x.terms * slope).plus_error(half + FUNCTION + 1e-14 * (1 + np.abs(low) + np.abs(high)))


class Network:
    """The cell and read-out of a network directory, on zonotopes."""

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

    def step(self, state: Zonotope, symbol: tuple[int, ...]) -> Zonotope:
        shared, x = len(state.terms), self.features(symbol)
        if self.cell == "mlp":
            joined = Zonotope(np.append(state.centre, x), np.hstack([state.terms, np.zeros((shared, len(x)))]))
            return self._stack("hidden", joined)
        signal, after, size = Zonotope(x, np.zeros((shared, len(x)))), [], self.hidden
        for layer in range(self.layers):
            first = layer * self.memories * size
            kept = [state.pick(slice(first + m * size, first + (m + 1) * size)) for m in range(self.memories)]
            sent, fed = self._gates(f"ih_l{layer}", signal), self._gates(f"hh_l{layer}", kept[0])
            new = self._cell(sent, fed, kept, shared)
            after += new
            signal = new[0]
        terms = np.zeros((shared + len(state.centre), len(state.centre)))
        column, row = 0, shared
        for part in after:  # the parts' own terms get rows of their own: treating them as unrelated is sound
            columns = slice(column, column + size)
            own = np.abs(part.terms[shared:]).sum(axis=0)
            terms[:shared, columns] = part.terms[:shared]
            terms[row : row + size, columns] = np.diag(own)
            column, row = column + size, row + size
        return Zonotope(np.concatenate([part.centre for part in after]), terms)

    def _gates(self, kind: str, x: Zonotope) -> Zonotope:
        weight = self.weights[f"rnn.weight_{kind}"]
        return _linear(x, weight, self.weights.get(f"rnn.bias_{kind}", np.zeros(len(weight))))

    def _cell(self, sent: Zonotope, fed: Zonotope, kept: list[Zonotope], shared: int) -> list[Zonotope]:
        blocks = len(sent.centre) // self.hidden
        parts = [slice(k * self.hidden, (k + 1) * self.hidden) for k in range(blocks)]
        if self.cell in ("rnn_tanh", "rnn_relu"):
            return [_curve(_sum(sent, fed, shared), self.cell.removeprefix("rnn_"))]
        if self.cell == "gru":
            reset, update = (_curve(_sum(sent.pick(p), fed.pick(p), shared), "sigmoid") for p in parts[:2])
            gated = _product(reset, fed.pick(parts[2]), shared)
            new = _curve(_sum(sent.pick(parts[2]), gated, shared), "tanh")
            return [_sum(new, _product(update, _sum(kept[0], new, shared, -1.0), shared), shared)]
        enter, keep, new, leave = (_sum(sent.pick(p), fed.pick(p), shared) for p in parts)
        held = _product(_curve(keep, "sigmoid"), kept[1], shared)
        added = _product(_curve(enter, "sigmoid"), _curve(new, "tanh"), shared)
        cell = _sum(held, added, shared)
        return [_product(_curve(leave, "sigmoid"), _curve(cell, "tanh"), shared), cell]

    def _maps(self, name: str) -> list[tuple[Any, Any]]:
        found = [n for n in self.weights if n.startswith(name + ".") and n.endswith("weight")]
        found.sort(key=lambda n: int(n.split(".")[1]) if n.count(".") == 2 else 0)
        zeros = {n: np.zeros(len(self.weights[n])) for n in found}
        return [(self.weights[n], self.weights.get(n.removesuffix("weight") + "bias", zeros[n])) for n in found]

    def _stack(self, name: str, x: Zonotope) -> Zonotope:
        for k, (weight, bias) in enumerate(self._maps(name)):
            x = _linear(_curve(x, "relu") if k else x, weight, bias)
        return x

    def reads(self, state: Zonotope, outputs: tuple[int, ...]) -> bool:
        """Whether every state of the zonotope is read out as these outputs."""
        first = 0 if self.cell == "mlp" else (self.layers - 1) * self.memories * self.hidden
        logits = self._stack("readout", state.pick(slice(first, first + self.hidden)))
        column = 0
        for value, (low, high) in zip(outputs, self.outputs, strict=True):
            decoding = self.description["output"]["decoding"]
            size = high - low + 1 if decoding == "argmax" else 1
            block = logits.pick(slice(column, column + size))
            column += size
            bottom, top = block.centre - block.radius(), block.centre + block.radius()
            if decoding == "round" and not (bottom[0] > value - 0.5 and top[0] < value + 0.5):
                return False
            if decoding == "sign" and not (bottom[0] > 0 if value == 1 else value == 0 and top[0] <= 0):
                return False
            if decoding == "argmax" and not (0 <= value - low < size and self._wins(block, value - low)):
                return False
        return True

    @staticmethod
    def _wins(block: Zonotope, chosen: int) -> bool:
        lead = block.centre[chosen] - np.delete(block.centre, chosen)
        doubt = np.abs(block.terms[:, [chosen]] - np.delete(block.terms, chosen, axis=1)).sum(axis=0)
        return bool((lead > doubt * (1 + SLACK) + SLACK * (1 + np.abs(lead))).all())


def _ranges(side: dict[str, Any]) -> list[tuple[Any, Any]]:
    arity = int(side.get("arity", 1))
    low, high = (v if isinstance(v, list) else [v] * arity for v in (side.get("low"), side.get("high")))
    return list(zip(low, high, strict=True))


def check_certificate(certificate: dict[str, Any], description: dict[str, Any], tensors: dict[str, Any]) -> int:
    """The number of enclosures followed. Raises `Rejected`."""
    if certificate.get("format") != "netlift-certificate/1":
        raise Rejected("expected format netlift-certificate/1")
    if certificate["weights_sha256"] != _hash(tensors):
        raise Rejected("the weights are not those the certificate speaks of")
    machine = parse(certificate["program"])
    if not isinstance(machine, Machine):
        raise Rejected("expected a machine")
    network = Network(description, tensors)
    spread = np.array(certificate["spread"], dtype=np.float64)
    regions = [
        (np.array(r["centre"], dtype=np.float64), float(r["size"]) * spread, tuple(map(_value, r["state"])))
        for r in certificate["regions"]
    ]
    if any(not np.isfinite(c).all() or not np.isfinite(r).all() or (r < 0).any() for c, r, _ in regions):
        raise Rejected("a region is not a box")
    begin = network.start()
    point = Zonotope(begin, np.zeros((0, len(begin))))
    followed = _follow(network, machine, regions, point, initial_state(machine), certificate["root"], "the start")
    for number, (centre, radius, state) in enumerate(regions):
        box, branches = Zonotope(centre, np.diag(radius)), certificate["regions"][number]["branches"]
        followed += _follow(network, machine, regions, box, state, branches, f"region {number}")
    return followed


def _follow(
    network: Network, machine: Machine, regions: list[Any], start: Zonotope, state: Any, branches: Any, where: str
) -> int:
    leaves = {tuple(word): target for word, target in branches}
    inner = {word[:k] for word in leaves for k in range(len(word))}
    todo: list[tuple[tuple[int, ...], Zonotope, Any]] = [((), start, state)]
    count = 0
    while todo:
        word, zonotope, before = todo.pop()
        for position, symbol in enumerate(network.symbols):
            longer = (*word, position)
            typed = tuple(bool(v) if isinstance(u.type, BoolType) else v for u, v in zip(machine.inputs, symbol))
            after, outputs = step(machine, before, typed)
            image = network.step(zonotope, symbol)
            count += 1
            if not network.reads(image, tuple(int(v) for v in outputs)):  # type: ignore[arg-type]
                raise Rejected(f"from {where}, the read-out after inputs {longer} is not certain")
            if longer not in leaves:
                if longer not in inner:
                    raise Rejected(f"from {where}, inputs {longer} are not covered")
                todo.append((longer, image, after))
                continue
            centre, radius, expected = regions[leaves[longer]]
            if after != expected or not (np.abs(image.centre - centre) + image.radius() <= radius).all():
                raise Rejected(f"from {where}, inputs {longer} do not end in region {leaves[longer]}")
    return count


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
