"""A circuit as the weights of a recurrent cell, hidden among its units.

Elementwise cells (tanh, ReLU, and the gated cells with their gates held open) spend a unit, or a pair of ReLUs, on each
unit of the circuit: copies share its effect (redundancy), signs and places are drawn, and units that are left over
compute something random that nothing reads. The cell `mlp` keeps the values themselves, in a random orthogonal basis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dsl.errors import BadInput
from extract.plant.circuit import Circuit, Matrix

OPEN = 30.0
"""What a gate gets to be fully open in float32, or with the other sign shut."""
STEEP = 10.0
"""What a tanh gets to be 1 in float32."""
CLIP = 2.0
LOGIT = 8.0
IDLE = 0.7
Tensors = dict[str, Matrix]


@dataclass(frozen=True)
class Woven:
    """Tensors by torch's names, and where the values are: z = `read @ state + constant`, z as in `Circuit`."""

    tensors: Tensors
    read: Matrix
    constant: Matrix


@dataclass(frozen=True)
class _Units:
    """What hidden unit j is: its unit of the circuit (-1: idle), its sign, its share of the unit's effect, its
    shift."""

    of: np.ndarray
    sign: Matrix
    share: Matrix
    shift: Matrix

    def fired(self, units: int, off: float, on: float) -> tuple[Matrix, Matrix]:
        """The map and constants that make 0 or 1 per unit of the circuit from hidden values `off` or `on`."""
        rows, constants = np.zeros((units, len(self.of))), np.zeros(units)
        for j, unit in enumerate(self.of.tolist()):
            if unit >= 0:
                rows[unit, j] = self.sign[j] * self.share[j] / (on - off)
                constants[unit] -= self.share[j] * off / (on - off)
        return rows, constants


def weave(
    circuit: Circuit, cell: str, hidden: int, *, redundancy: int, clipped: bool, rng: np.random.Generator
) -> Woven:
    """The circuit in a cell. Raises `BadInput` when `hidden` is too small."""
    build: Mapping[str, Callable[[], Woven]] = {
        "rnn_tanh": lambda: _squashed(circuit, cell, _spread(circuit, hidden, redundancy, rng), 1.0, rng),
        "gru": lambda: _squashed(circuit, cell, _spread(circuit, hidden, redundancy, rng), 1.0, rng),
        "lstm": lambda: _squashed(circuit, cell, _spread(circuit, hidden, redundancy, rng), math.tanh(1.0), rng),
        "rnn_relu": lambda: _rectified(circuit, hidden, redundancy, clipped, rng),
        "mlp": lambda: _stacked(circuit, hidden, rng),
    }
    if cell not in build:
        raise BadInput(f"expected one of {', '.join(build)}, got {cell} (--cell)")
    return build[cell]()


def _spread(circuit: Circuit, hidden: int, redundancy: int, rng: np.random.Generator) -> _Units:
    """Copies, signs, shares and places of the units."""
    count = circuit.units * redundancy
    _enough(hidden, count, circuit, redundancy)
    of = np.concatenate([np.repeat(np.arange(circuit.units), redundancy), np.full(hidden - count, -1)])
    share = np.concatenate([rng.dirichlet(np.full(redundancy, 5.0), circuit.units).ravel(), np.zeros(hidden - count)])
    place = rng.permutation(hidden)
    return _Units(of[place], rng.choice([-1.0, 1.0], hidden), share[place], np.zeros(hidden))


def _enough(hidden: int, needed: int, circuit: Circuit, redundancy: int) -> None:
    if hidden < needed:
        copies = f", {redundancy} times each" if redundancy > 1 else ""
        raise BadInput(f"expected room for {needed} hidden units ({circuit.units} units of the circuit{copies}), "
                       f"got {hidden} (--hidden)")  # fmt: skip


def _drive(circuit: Circuit, gain: float, read: Matrix, constant: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """What each unit of the circuit gets: from the state, from the input (one hot), and its bias.

    `gain` or more where combination and input are right, `-gain` or less otherwise.
    """
    needs = gain * (circuit.reach + 1)
    bias = gain * (circuit.seek @ constant + circuit.offset) - needs
    return gain * circuit.seek @ read, needs[:, None] * circuit.classes, bias


def _squashed(circuit: Circuit, cell: str, units: _Units, top: float, rng: np.random.Generator) -> Woven:
    """tanh units that are `top` when they fire, else `-top`; a unit of sign -1 the other way round."""
    hidden = len(units.of)
    fired, constants = units.fired(circuit.units, -top, top)
    read, constant = circuit.code @ circuit.reader @ fired, circuit.code @ circuit.reader @ constants
    recurrent, inputs, bias = _hidden_rows(circuit, units, _drive(circuit, STEEP, read, constant), rng)
    gates = {"rnn_tanh": (), "gru": (OPEN, -OPEN), "lstm": (OPEN, -OPEN, OPEN)}[cell]
    block = {"rnn_tanh": 0, "gru": 2, "lstm": 2}[cell]  # where the circuit's rows stand among the gates'

    def rows(kept: Matrix, others: list[Matrix]) -> Matrix:
        return np.concatenate([*others[:block], kept, *others[block:]])

    tensors = {
        "rnn.weight_ih_l0": rows(inputs, [np.zeros_like(inputs)] * len(gates)),
        "rnn.weight_hh_l0": rows(recurrent, [np.zeros_like(recurrent)] * len(gates)),
        "rnn.bias_ih_l0": rows(bias, [np.full(hidden, gate) for gate in gates]),
        "rnn.bias_hh_l0": np.zeros((len(gates) + 1) * hidden),
        "h0": np.where(units.of >= 0, -top * units.sign, 0.0),
        **_readout(circuit, fired, constants),
    }
    if cell == "lstm":
        tensors["c0"] = np.where(units.of >= 0, -units.sign, 0.0)
        read = np.concatenate([read, np.zeros_like(read)], axis=1)
    return Woven(tensors, read, constant)


def _hidden_rows(
    circuit: Circuit, units: _Units, drive: tuple[Matrix, Matrix, Matrix], rng: np.random.Generator
) -> tuple[Matrix, Matrix, Matrix]:
    """Rows of the weights of all hidden units, idle ones random: they read the input and the others, nothing reads
    them."""
    recurrent, inputs, bias = (
        part[units.of] * (units.sign[:, None] if part.ndim == 2 else units.sign) for part in drive
    )
    bias = bias + units.shift
    idle, busy = units.of < 0, units.of >= 0
    recurrent[idle] = rng.normal(scale=IDLE / math.sqrt(max(int(busy.sum()), 1)), size=recurrent[idle].shape) * busy
    inputs[idle] = rng.normal(scale=IDLE, size=inputs[idle].shape)
    bias[idle] = rng.normal(scale=IDLE, size=bias[idle].shape)
    return recurrent, inputs, bias


def _rectified(circuit: Circuit, hidden: int, redundancy: int, clipped: bool, rng: np.random.Generator) -> Woven:
    """ReLUs that are 1 when they fire, else 0; `clipped`, pairs of them whose difference is cut at 1, so that errors of
    noisy weights do not grow."""
    pairs = 2 if clipped else 1
    count = circuit.units * redundancy * pairs
    _enough(hidden, count, circuit, redundancy * pairs)
    idle = hidden - count
    share = rng.dirichlet(np.full(redundancy, 5.0), circuit.units).ravel()
    of = np.concatenate([np.repeat(np.arange(circuit.units), redundancy)] * pairs + [np.full(idle, -1)])
    shares = np.concatenate([*((share, -share)[:pairs]), np.zeros(idle)])
    shift = np.concatenate(
        [np.full(count // pairs, -0.5 - p if clipped else 0.0) for p in range(pairs)] + [np.zeros(idle)]
    )
    place = rng.permutation(hidden)
    units = _Units(of[place], np.ones(hidden), shares[place], shift[place] + (1.0 if clipped else 0.0))
    fired, constants = units.fired(circuit.units, 0.0, 1.0)
    read, constant = circuit.code @ circuit.reader @ fired, circuit.code @ circuit.reader @ constants
    drive = _drive(circuit, CLIP if clipped else 1.0, read, constant)
    recurrent, inputs, bias = _hidden_rows(circuit, units, drive, rng)
    tensors = {"rnn.weight_ih_l0": inputs, "rnn.weight_hh_l0": recurrent, "rnn.bias_ih_l0": bias,
               **_readout(circuit, fired, constants)}  # fmt: skip
    return Woven(tensors, read, constant)


def _readout(circuit: Circuit, fired: Matrix, constants: Matrix) -> Tensors:
    """Logits per output component: 0 for its first value, above it for a value that is on, below for others."""
    rows, biases = [], []
    for target, indicators, known in circuit.outputs:
        low, high = min(target.values), max(target.values)
        weight, bias = np.zeros((high - low + 1, fired.shape[1])), np.full(high - low + 1, -LOGIT)
        bias[target.values[0] - low] = 0.0
        for k, value in enumerate(target.values[1:]):
            weight[value - low] = 2 * LOGIT * indicators[k] @ fired
            bias[value - low] = LOGIT * (2 * (indicators[k] @ constants + known[k]) - 1)
        rows.append(weight)
        biases.append(bias)
    return {"readout.weight": np.concatenate(rows), "readout.bias": np.concatenate(biases)}


def _stacked(circuit: Circuit, hidden: int, rng: np.random.Generator) -> Woven:
    """State = basis @ (values, what else the outputs need) + centre; the inner layer holds the units as clipped
    pairs."""
    values = circuit.code @ circuit.reader
    told = np.concatenate([indicators for _, indicators, _ in circuit.outputs])
    extra = told - told @ np.linalg.pinv(values) @ values
    kept = _independent(extra) if len(extra) else extra
    needed = len(values) + len(kept)
    if hidden < needed:
        raise BadInput(f"expected room for {needed} directions (values and outputs), got {hidden} (--hidden)")
    basis = np.linalg.qr(rng.normal(size=(hidden, hidden)))[0]
    centre, symbols = rng.normal(scale=0.3, size=hidden), circuit.classes.shape[1]
    carried = np.concatenate([values, kept])
    read = basis[:, : len(values)].T
    from_state, inputs, bias = _drive(circuit, CLIP, read, -read @ centre)
    idle = hidden - needed
    noise_in = rng.normal(scale=IDLE, size=(idle, symbols))
    inner = np.concatenate([np.hstack([from_state, inputs])] * 2 + [np.hstack([np.zeros((idle, hidden)), noise_in])])
    inner_bias = np.concatenate([bias + 0.5, bias - 0.5, np.zeros(idle)])
    outward = np.hstack([basis[:, :needed] @ carried, -basis[:, :needed] @ carried, basis[:, needed:]])
    # from the state to what the units of the circuit made of it
    back: Matrix = np.asarray(np.linalg.pinv(carried) @ basis[:, :needed].T, dtype=np.float64)
    tensors = {"hidden.0.weight": inner, "hidden.0.bias": inner_bias, "hidden.2.weight": outward,
               "hidden.2.bias": centre, "h0": centre, **_readout(circuit, back, -back @ centre)}  # fmt: skip
    return Woven(tensors, read, -read @ centre)


def _independent(rows: Matrix) -> Matrix:
    """An orthonormal basis of the space the rows span."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    return directions[sizes > 1e-6 * max(sizes.max(initial=0.0), 1.0)]
