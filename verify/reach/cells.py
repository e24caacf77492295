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
    blend,
    linear,
    multiply,
    relu,
    relu_pieces,
    side_by_side,
    sigmoid,
    tanh,
)
from verify.weights import Weights

Rows = NDArray[np.int64]


MAX_KINKS = 5
"""Kinks of a rectifier at which one enclosure is cut in two; further ones are enclosed."""


def step(weights: Weights, state: Form, symbols: int | Rows, kinks: int = MAX_KINKS) -> tuple[Form, Rows]:
    """The states after reading an input, by position in the alphabet (one, or one a row); the row each came from.

    Cut at kinks, one enclosure gives several; together they cover its image.
    """
    count = len(state.centre)
    features = weights.features[np.broadcast_to(symbols, count)]
    blank = np.zeros((count, state.generators.shape[1], features.shape[1]))
    signal, rows = Form(features, blank, np.zeros_like(features)), np.arange(count)
    if weights.cell == "mlp":
        x = side_by_side([state, signal])
        for k, (weight, bias) in enumerate(weights.stack("hidden")):
            if k:
                x, cut = relu_pieces(x, kinks)
                rows = rows[cut]
            x = linear(x, weight, bias)
        return x, rows
    memories = 2 if weights.cell == "lstm" else 1
    width, after = weights.hidden, list[Form]()
    for layer in range(weights.layers):
        first = layer * memories * width
        parts = [state.columns(slice(first + m * width, first + (m + 1) * width)) for m in range(memories)]
        new, cut = _layer(weights, layer, signal, parts, kinks)
        if len(cut) != len(rows):
            state, rows, after = state.rows(cut), rows[cut], [form.rows(cut) for form in after]
        after += new
        signal = new[0]
    return side_by_side(after), rows


def _layer(weights: Weights, layer: int, signal: Form, memories: list[Form], kinks: int) -> tuple[list[Form], Rows]:
    into, back, into_bias, back_bias = weights.layer(layer)
    sent, fed = linear(signal, into, into_bias), linear(memories[0], back, back_bias)
    size, rows = weights.hidden, np.arange(len(sent.centre))

    def block(form: Form, k: int) -> Form:
        return form.columns(slice(k * size, (k + 1) * size))

    if weights.cell == "rnn_tanh":
        return [tanh(add(sent, fed))], rows
    if weights.cell == "rnn_relu":
        new, rows = relu_pieces(add(sent, fed), kinks)
        return [new], rows
    if weights.cell == "gru":
        reset, update = (sigmoid(add(block(sent, k), block(fed, k))) for k in (0, 1))
        new = tanh(add(block(sent, 2), multiply(reset, block(fed, 2))))
        return [blend(new, memories[0], update)], rows
    total = add(sent, fed)
    enter, keep, new, leave = (block(total, k) for k in range(4))
    cell = add(multiply(sigmoid(keep), memories[1]), multiply(sigmoid(enter), tanh(new)))
    return [multiply(sigmoid(leave), tanh(cell)), cell], rows


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
    leads = margins(weights, state, outputs)
    return np.asarray((leads.centre - leads.radius > 0).all(axis=1))


def margins(weights: Weights, state: Form, outputs: tuple[int, ...]) -> Form:
    """What has to be positive for these outputs to be read: leads over other logits, distances to the next value."""
    maps = weights.stack("readout")
    x = _stack_hidden(state.columns(visible(weights)), maps)
    weight, bias = maps[-1]
    found, column = list[Form](), 0
    for value, (low, high) in zip(outputs, weights.outputs, strict=True):
        if weights.decoding != "argmax":
            logit = linear(x, weight[column : column + 1], bias[column : column + 1])
            column += 1
            if weights.decoding == "round":
                found += [_affine(logit, 1.0, 0.5 - value), _affine(logit, -1.0, 0.5 + value)]
            else:  # a logit of exactly 0 reads as 0, and is not certain here
                found.append(_affine(logit, {0: -1.0, 1: 1.0}.get(value, 0.0), 0.0))
            continue
        if low is None or high is None:
            raise Unsupported("expected bounded outputs for argmax, got unbounded ones")
        chosen, size = value - low, high - low + 1
        rows = slice(column, column + size)
        column += size
        found.append(_leads(x, weight[rows], bias[rows], chosen) if 0 <= chosen < size else _affine(x, 0.0, -1.0))
    return side_by_side(found)


def _affine(x: Form, factor: float, offset: float) -> Form:
    return Form(factor * x.centre + offset, factor * x.generators, abs(factor) * x.box + 1e-12)


def _stack_hidden(x: Form, maps: list[tuple[Array, Array]]) -> Form:
    return relu(_stack(x, maps[:-1])) if len(maps) > 1 else x


def _leads(x: Form, weight: Array, bias: Array, chosen: int) -> Form:
    """One logit less each other: a linear form of the differences, with the rounding of both logits."""
    others = [k for k in range(len(weight)) if k != chosen]
    differences = linear(x, weight[chosen] - weight[others], bias[chosen] - bias[others])
    terms = weight.shape[1] + 2
    sizes = x.magnitude @ np.abs(weight).T + np.abs(bias)
    rounding = 2 * terms * 2.0**-24 * (sizes[:, [chosen]] + sizes[:, others]) + 1e-30
    return differences.widened(rounding)
