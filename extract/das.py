"""Learned rotations: a subspace per variable, by gradient descent on interchange interventions themselves.

Distributed alignment search (Geiger et al. 2023): an orthogonal matrix whose first rows are given to the variables is
turned until exchanging a variable's coordinates between runs has the program's effect. It finds what regression misses,
and on a network large enough it finds something for nearly any claim; so it is a fallback, a variable gets no more rows
than it has values (half of the state at most for all), and every decoy of the claim gets the same search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor
from torch.nn import functional

from dsl.batch import step_batch
from extract.networks.recurrent import RecurrentNetwork
from verify.causal.alignment import Alignment, Coded
from verify.causal.runs import Matrix, Runs
from verify.domain import IntArray

STEPS, BATCH, RATE = 160, 128, 2e-2
MOMENTA = 0.9, 0.999
HORIZON = 6
FEW = 16
NEIGHBOURS, ASKED = 5, 2_000


def learn(runs: Runs, start: Alignment, rng: np.random.Generator) -> Alignment | None:
    """The alignment of the variables of `start` with learned subspaces; None where the network shows no gradients, or
    they overflow."""
    network = runs.network
    usable = isinstance(network, RecurrentNetwork) and bool(start.variables) and runs.time >= 3
    if not isinstance(network, RecurrentNetwork) or not usable or not np.isfinite(runs.hidden).all():
        return None
    spans = _spans(runs, start)
    total = spans[-1].stop
    body: Any = network.body
    turned = torch.from_numpy(_first(start, spans, network.width, rng)).requires_grad_()
    moment, square = torch.zeros_like(turned), torch.zeros_like(turned)
    for step in range(STEPS):
        t, base, sources, wanted = _drawn(runs, [v.name for v in start.variables], rng)
        rows = torch.linalg.qr(turned)[0].T[:total]
        state = torch.from_numpy(runs.hidden[base, t])
        moved = state
        for span, source in zip(spans, sources, strict=True):
            if source is not None:
                change = (torch.from_numpy(runs.hidden[source, t]) - state) @ rows[span].T
                moved = moved + change @ rows[span]
        state, loss = moved, torch.zeros(())
        for ahead in range(wanted.shape[1]):
            symbols = torch.from_numpy(runs.inputs[base, t + 1 + ahead])
            state = body.step(state, network.input_coding.encode(symbols))
            loss = loss + _loss(network, body.readout(state), torch.from_numpy(wanted[:, ahead]))
        if not torch.isfinite(loss):
            return None
        (gradient,) = torch.autograd.grad(loss, turned)
        _adam(turned, gradient, moment, square, step)
    rows = torch.linalg.qr(turned)[0].T[:total].detach().numpy().astype(np.float64)
    if not np.isfinite(rows).all():  # a gradient overflowed on the last step
        return None
    variables = tuple(Coded(v.name, None, span) for v, span in zip(start.variables, spans, strict=True))
    exact = tuple(_readable(runs, v, rows[v.span]) for v in variables)
    return Alignment(variables, rows, rows, np.zeros(total), exact, apart=start.apart, raw=True)


@torch.no_grad()
def _adam(turned: Tensor, gradient: Tensor, moment: Tensor, square: Tensor, step: int) -> None:
    """One step of Adam (Kingma and Ba 2015), its rate falling to 0 along a cosine. Written out, because `torch.optim`
    loads torch's compiler on first use, which takes longer than all steps together."""
    moment.lerp_(gradient, 1 - MOMENTA[0])
    square.lerp_(gradient**2, 1 - MOMENTA[1])
    mean, variance = moment / (1 - MOMENTA[0] ** (step + 1)), square / (1 - MOMENTA[1] ** (step + 1))
    turned -= 0.5 * RATE * (1 + math.cos(math.pi * step / STEPS)) * mean / (variance.sqrt() + 1e-8)


def _spans(runs: Runs, start: Alignment) -> list[slice]:
    """Rows per variable: as many as it has values, or two per element; half of the state at most for all together."""
    width = runs.hidden.shape[-1]
    most = max(width // (2 * len(start.variables)), 1)
    spans, at = [], 0
    for v in start.variables:
        kinds = np.unique(runs.values[v.name].reshape(-1, runs.values[v.name].shape[-1]), axis=0)
        wanted = len(kinds) if len(kinds) <= FEW else 2 * kinds.shape[1]
        count = min(max(wanted, 1), most)
        spans.append(slice(at, at + count))
        at += count
    return spans


def _first(start: Alignment, spans: Sequence[slice], width: int, rng: np.random.Generator) -> np.ndarray:
    """A square matrix whose first columns point where the plain alignment does."""
    matrix = rng.normal(size=(width, width)) / np.sqrt(width)
    for v, span in zip(start.variables, spans, strict=True):
        directions = np.linalg.svd(start.move(v.name), full_matrices=False)[2][: span.stop - span.start]
        matrix[:, span.start : span.start + len(directions)] = directions.T
    return matrix.astype(np.float32)


def _drawn(
    runs: Runs, names: Sequence[str], rng: np.random.Generator
) -> tuple[int, IntArray, list[IntArray | None], IntArray]:
    """A time, runs, for each variable the runs its value comes from (or None), and the program's outputs afterwards."""
    t = int(rng.integers(0, max(runs.time - 1 - HORIZON // 2, 1)))
    base = rng.integers(0, runs.words, BATCH)
    one = rng.random() < 0.6
    common = rng.integers(0, runs.words, BATCH)
    lone = int(rng.integers(0, len(names)))
    sources: list[IntArray | None] = [
        (common if not one or k == lone else None) if one or rng.random() < 0.7 else rng.integers(0, runs.words, BATCH)
        for k in range(len(names))
    ]
    state = {
        name: _rows(value, base if sources[names.index(name)] is None else sources[names.index(name)])
        for name, value in runs.states[t].items()
    }
    outputs = []
    for now in range(t + 1, min(t + 1 + HORIZON, runs.time)):
        state, out = step_batch(runs.machine, state, runs.inputs[base, now])
        outputs.append(out.astype(np.int64))
    return t, base, sources, np.stack(outputs, axis=1)


def _rows(value: Any, index: Any) -> Any:
    return tuple(_rows(part, index) for part in value) if isinstance(value, tuple) else value[index]


def _loss(network: RecurrentNetwork, logits: Tensor, wanted: Tensor) -> Tensor:
    coding = network.output_coding
    if coding.decoding == "round":
        return functional.smooth_l1_loss(logits, wanted.float())
    if coding.decoding == "sign":
        return functional.binary_cross_entropy_with_logits(logits, wanted.clamp(0, 1).float())
    losses = []
    for k, (block, (low, high)) in enumerate(zip(logits.split(coding.block_sizes, dim=1), coding.ranges, strict=True)):
        place = (wanted[:, k] - (low or 0)).clamp(0, (high or 0) - (low or 0))
        losses.append(functional.cross_entropy(block, place))
    return torch.stack(losses).sum()


def _readable(runs: Runs, v: Coded, rows: Matrix) -> float:
    """Share of states whose value the coordinates tell: by its nearest neighbours, or where there are many values
    by the nearest whole number of a linear fit; fitted on one half of the words, scored on the other."""
    half = runs.words // 2
    place = runs.hidden.astype(np.float64) @ rows.T
    (near, far), (known, asked) = (
        (array[:half].reshape(-1, array.shape[-1]), array[half:].reshape(-1, array.shape[-1]))
        for array in (place, runs.values[v.name])
    )
    kinds, kind = np.unique(known, axis=0, return_inverse=True)
    if len(kinds) <= FEW:
        told = KNeighborsClassifier(NEIGHBOURS).fit(near, kind.ravel()).predict(far[:ASKED])
        return float((kinds[told] == asked[:ASKED]).all(axis=1).mean())
    features = np.hstack([near, np.ones((len(near), 1))])
    weights = np.linalg.lstsq(features, known, rcond=None)[0]
    return float((np.rint(np.hstack([far, np.ones((len(far), 1))]) @ weights) == asked).all(axis=1).mean())
