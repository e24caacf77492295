"""One step and the read-out of every cell on enclosures (`verify.reach.affine`), as torch computes them.

State columns are ordered by layer, then memory, then unit, as the networks keep them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsl.errors import Unsupported
from verify.reach.affine import (
    Array,
    Form,
    add,
    linear,
    multiply,
    point,
    relu,
    side_by_side,
    sigmoid,
    spread,
    subtract,
    tanh,
)
from verify.weights import Weights


def step(weights: Weights, state: Form, symbol: int) -> Form:
    """The state after reading the input at position `symbol` of the alphabet."""
    features = np.repeat(weights.features[symbol][None], len(state.centre), axis=0)
    read = point(features)
    read = Form(read.centre, np.zeros((len(features), state.generators.shape[1], features.shape[1])), read.box)
    if weights.cell == "mlp":
        return spread(_stack(side_by_side([state, read]), weights.stack("hidden")))
    memories = 2 if weights.cell == "lstm" else 1
    width, signal, after = weights.hidden, read, list[Form]()
    for layer in range(weights.layers):
        first = layer * memories * width
        parts = [state.columns(slice(first + m * width, first + (m + 1) * width)) for m in range(memories)]
        new = _layer(weights, layer, signal, parts)
        after += new
        signal = new[0]
    return spread(side_by_side(after))


def _layer(weights: Weights, layer: int, signal: Form, memories: list[Form]) -> list[Form]:
    into, back, into_bias, back_bias = weights.layer(layer)
    sent, fed = linear(signal, into, into_bias), linear(memories[0], back, back_bias)
    size = weights.hidden

    def block(form: Form, k: int) -> Form:
        return form.columns(slice(k * size, (k + 1) * size))

    if weights.cell in ("rnn_tanh", "rnn_relu"):
        return [(tanh if weights.cell == "rnn_tanh" else relu)(add(sent, fed))]
    if weights.cell == "gru":
        reset, update = (sigmoid(add(block(sent, k), block(fed, k))) for k in (0, 1))
        new = tanh(add(block(sent, 2), multiply(reset, block(fed, 2))))
        return [add(new, multiply(update, subtract(memories[0], new)))]
    total = add(sent, fed)
    enter, keep, new, leave = (block(total, k) for k in range(4))
    cell = add(multiply(sigmoid(keep), memories[1]), multiply(sigmoid(enter), tanh(new)))
    return [multiply(sigmoid(leave), tanh(cell)), cell]


def _stack(x: Form, maps: list[tuple[Array, Array]]) -> Form:
    for k, (weight, bias) in enumerate(maps):
        x = linear(relu(x) if k else x, weight, bias)
    return x


def visible(weights: Weights) -> slice:
    """The state columns that the read-out sees: the first memory of the last layer."""
    if weights.cell == "mlp":
        return slice(0, weights.hidden)
    memories = 2 if weights.cell == "lstm" else 1
    first = (weights.layers - 1) * memories * weights.hidden
    return slice(first, first + weights.hidden)


def surely_reads(weights: Weights, state: Form, outputs: tuple[int, ...]) -> NDArray[np.bool_]:
    """Per enclosure, whether every state in it is read out as these outputs."""
    maps = weights.stack("readout")
    x = _stack_hidden(state.columns(visible(weights)), maps)
    weight, bias = maps[-1]
    sure = np.ones(len(state.centre), dtype=bool)
    column = 0
    for value, (low, high) in zip(outputs, weights.outputs, strict=True):
        if weights.decoding != "argmax":
            logit = linear(x, weight[column : column + 1], bias[column : column + 1])
            lowest, highest = (logit.centre - logit.radius)[:, 0], (logit.centre + logit.radius)[:, 0]
            if weights.decoding == "round":
                sure &= (lowest > value - 0.5) & (highest < value + 0.5)
            else:
                sure &= (lowest > 0) if value == 1 else (highest <= 0) & (value == 0)
            column += 1
            continue
        if low is None or high is None:
            raise Unsupported("expected bounded outputs for argmax, got unbounded ones")
        chosen, size = value - low, high - low + 1
        rows = slice(column, column + size)
        column += size
        if not 0 <= chosen < size:
            return np.zeros_like(sure)
        sure &= _largest(x, weight[rows], bias[rows], chosen)
    return sure


def _stack_hidden(x: Form, maps: list[tuple[Array, Array]]) -> Form:
    return relu(_stack(x, maps[:-1])) if len(maps) > 1 else x


def _largest(x: Form, weight: Array, bias: Array, chosen: int) -> NDArray[np.bool_]:
    """Whether one logit exceeds all others: a linear form of the differences, with the rounding of both logits."""
    others = [k for k in range(len(weight)) if k != chosen]
    if not others:
        return np.ones(len(x.centre), dtype=bool)
    differences = linear(x, weight[chosen] - weight[others], bias[chosen] - bias[others])
    terms = weight.shape[1] + 2
    sizes = x.magnitude @ np.abs(weight).T + np.abs(bias)
    rounding = 2 * terms * 2.0**-24 * (sizes[:, [chosen]] + sizes[:, others]) + 1e-30
    return (differences.centre - differences.radius - rounding > 0).all(axis=1)
