"""The independent checker: re-establishes a simulation certificate from the weights and the program.

Small on purpose, and it shares no code with the prover (`verify.reach`) beyond the language's reference semantics:
numpy, no torch, no z3 (and joblib, for layers of many zonotopes). It follows enclosures of what the float32 network
computes (`verify.enclosures`, which says what is believed of float32); of LAPACK it believes inverses and eigenvalues,
the first of which are multiplied out again.

The first region has to hold the initial state, in the program's first state. From each region and input, the image,
cut at the kinks of rectifiers, has to be read out as the program says, and each piece has to lie in one of the regions
named in `to`, of the program's next state. A certificate with a `tube` in place of regions is `verify.growth`'s, one
with `layers` is `verify.layers`'.
"""

from __future__ import annotations

import hashlib
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
from verify.enclosures import Enclosure, Network
from verify.growth import Growth
from verify.layers import Layers
from verify.nodes import Named
from verify.tube import Fails
from verify.verdict import Finding, Proved, Unknown, Verdict

FULL = 1 - 1e-8  # an ellipsoid counts as full a little before 1, for the rounding of this comparison
BATCH = 512
MOST_STEPS = 100_000


class Rejected(Exception):
    """The certificate does not establish its claim; the message says where."""


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
        box = _largest(inverse, rounded)
        square = seen @ seen.transpose(0, 2, 1)
        top, length = np.linalg.eigvalsh(square)[:, -1].clip(0), np.linalg.norm(offset, axis=(1, 2))
        inside = np.sqrt(top) + length + box <= self.room[which]
        for share in (0.25, 0.1, 0.5, 0.03, 1.0):
            # S-procedure: |d + M s|^2 <= m + m d^T (m - M M^T)^-1 d for every m above the largest eigenvalue
            rows = np.nonzero(~inside)[0]
            m = (top + np.maximum(share * np.sqrt(top) * length, 1e-4))[rows, None, None]
            solved = np.linalg.solve(m * np.eye(square.shape[1]) - square[rows], offset[rows])
            found = (m * (1 + (offset[rows] * solved).sum(axis=(1, 2), keepdims=True)))[:, 0, 0]
            inside[rows] = np.sqrt(found) + box[rows] <= self.room[which[rows]]
        return inside


def _largest(matrix: Any, box: Any) -> Any:
    """Per row, at least |matrix @ r| for all |r_i| <= box_i: its square is the sum of V_ij r_i r_j, V = M^T M."""
    pairs = np.abs(matrix.transpose(0, 2, 1) @ matrix) @ box[:, :, None]
    rounded = 1e-14 * matrix.shape[2] * np.linalg.norm(np.abs(matrix) @ box[:, :, None], axis=(1, 2)) ** 2
    return np.sqrt((box[:, :, None] * pairs).sum(axis=(1, 2)) + rounded)


@np.errstate(all="ignore")  # enclosures of everything are no failure of arithmetic
def check_certificate(certificate: dict[str, Any], description: dict[str, Any], tensors: dict[str, Any]) -> str:
    """The inputs for which program and network agree, in words. Raises `Rejected`."""
    if certificate.get("format") != "netlift-certificate/3":
        raise Rejected(f"expected format netlift-certificate/3, got {certificate.get('format')}")
    if certificate["weights_sha256"] != _hash(tensors):
        raise Rejected("the weights are not those the certificate speaks of")
    machine = parse(certificate["program"])
    if not isinstance(machine, Machine):
        raise Rejected("expected a machine")
    network = Network(description, tensors)
    if (len(machine.inputs), len(machine.outputs)) != (len(network.inputs), len(network.outputs)):
        raise Rejected("the program has not as many inputs and outputs as the network")
    if "tube" in certificate:
        return _grown(certificate, machine, network)
    if "layers" in certificate:
        return _layered(certificate, machine, network)
    begin, found = network.start(), certificate["regions"]
    regions = Regions(found, len(begin))
    start = Enclosure(begin[None], np.zeros((1, len(begin), len(begin))), np.zeros((1, len(begin))))
    missing = [k for k, region in enumerate(found) if region["to"] is None]
    if missing:
        raise Rejected(f"the images of region {missing[0]} are not named")
    if regions.states[0] != initial_state(machine) or not regions.hold(start, np.array([0]))[0]:
        raise Rejected("the first region does not hold the initial state")
    followed = 0
    for first in range(0, len(found), BATCH):
        numbers = np.arange(first, min(first + BATCH, len(found)))
        for position, symbol in enumerate(network.symbols):
            followed += _follow(network, machine, regions, numbers, symbol, [found[k]["to"][position] for k in numbers])
    return f"all inputs of every length ({len(found):,} regions, {followed:,} steps checked)"


def _grown(certificate: dict[str, Any], machine: Machine, network: Network) -> str:
    """A growing certificate, followed to its `length`, from which on it may say that it leads into itself."""
    length, closed = int(certificate["length"]), bool(certificate["closed"])
    if not 0 < length <= MOST_STEPS:
        raise Rejected(f"expected a length from 1 to {MOST_STEPS:,}")
    try:
        growth = Growth(certificate["tube"], machine, network)
        growth.reach(length)
    except Fails as error:
        raise Rejected(str(error)) from None
    if not closed:
        return f"all inputs of length up to {length:,} (each step checked)"
    if not growth.closes():
        raise Rejected(f"the tube of step {length} does not lead into itself")
    return f"all inputs of every length (tube closed after {length:,} steps)"


def _layered(certificate: dict[str, Any], machine: Machine, network: Network) -> str:
    """Layers followed to the `length` of the certificate, which says how each leads to the next."""
    length, found = int(certificate["length"]), certificate["layers"]
    inputs = [1 if layer is None else int(layer["inputs"]) for layer in found]
    if not 0 < length <= MOST_STEPS or min(inputs, default=0) < 1 or sum(inputs) != length:
        raise Rejected(f"expected layers of {length:,} inputs in all, got {sum(inputs):,}")
    layers = Layers(machine, network)
    try:
        for layer, depth in zip(found, inputs):
            if layer is None:
                layers.step()
            else:
                layers.follow(depth, Named(layer["levels"]), last=layers.length + depth == length)
    except (Fails, np.linalg.LinAlgError) as error:
        raise Rejected(f"after {layers.length} inputs, {error}") from None
    return f"all inputs of length up to {length:,} ({layers.followed:,} enclosures checked)"


def _follow(
    network: Network, machine: Machine, regions: Regions, numbers: Any, symbol: tuple[int, ...], targets: list[Any]
) -> int:
    shapes = regions.shapes[numbers].transpose(0, 2, 1)
    image, origin = network.step(Enclosure(regions.centres[numbers], shapes, np.zeros(shapes.shape[::2])), symbol)
    typed = tuple(bool(v) if isinstance(u.type, BoolType) else v for u, v in zip(machine.inputs, symbol))
    known = {state: step(machine, state, typed) for state in {regions.states[number] for number in numbers}}
    steps = [known[regions.states[number]] for number in numbers]
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
        verdict = Proved(check_certificate(certificate, description, tensors))
    except Rejected as error:
        verdict = Unknown(f"certificate rejected: {error}")
    except (NetliftError, KeyError, IndexError, TypeError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        verdict = Unknown(f"certificate rejected: malformed, {type(error).__name__} {error}")
    seconds = time.monotonic() - began
    domain = verdict.domain if isinstance(verdict, Proved) else str(certificate.get("domain", "all inputs"))
    return Finding("program equals network", "independent checker", verdict, domain, seconds)
