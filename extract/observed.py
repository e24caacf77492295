"""What later steps look at: the directions of the state on which the next outputs, and what these look at, depend.

A direction that nothing reads can hold a copy of anything; an alignment that lists it is not wrong, but says too much.
The directions are the active subspace (Constantine 2015) of the next logits, grown by those the next state needs, from
gradients at points between states that were met: there even saturated units answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from extract.networks.recurrent import RecurrentNetwork
from verify.causal.runs import Matrix, Runs, kinds

POINTS = 500
MOST_NUMBERS = 4_000_000
"""Of all gradients together; wide networks get fewer points."""
WEAK = 0.003
"""Directions this much weaker than the strongest are left out."""
ROUNDS = 6


def observed(runs: Runs, *, rng: np.random.Generator) -> Matrix:
    """Orthonormal directions (rows, width) that later outputs depend on; all where the network shows no gradients."""
    width = runs.hidden.shape[-1]
    network = runs.network
    if not isinstance(network, RecurrentNetwork):
        return np.eye(width)
    points, features = _between(runs, network, rng)
    body: Any = network.body
    change = _gradients(lambda h, x: body.step(h[None], x[None])[0], points, features)
    after = body.step(points, features)
    logits = _gradients(lambda h: body.readout(h[None])[0], after)
    outputs = np.einsum("pkw,pwv->pkv", logits, change)
    found = _directions(outputs)
    for _ in range(ROUNDS):
        wider = _directions(np.concatenate([outputs, np.einsum("kw,pwv->pkv", found, change)], axis=1))
        if len(wider) <= len(found):
            break
        found = wider
    return found


def gradients_between(runs: Runs, *, rng: np.random.Generator) -> Matrix:
    """Gradients (point, to, from) of one step, at points between states that were met. The network must show its
    body."""
    network: Any = runs.network
    points, features = _between(runs, network, rng)
    return _gradients(lambda h, x: network.body.step(h[None], x[None])[0], points, features)


def _between(runs: Runs, network: RecurrentNetwork, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Points between (and a little beyond) states that were met, and features of random inputs."""
    width = runs.hidden.shape[-1]
    count = max(min(POINTS, MOST_NUMBERS // width**2), 32)
    flat = runs.pooled[0]
    kind = kinds(runs, list(runs.values), slice(None)) if runs.values else np.zeros(len(flat), np.int64)
    weight = (1.0 / np.bincount(kind))[kind]  # every joint value alike often, or what only rare ones show is missed
    ends = flat[rng.choice(len(flat), size=(2, count), p=weight / weight.sum())]
    share = rng.uniform(-0.1, 1.1, (count, 1)).astype(np.float32)
    symbols = torch.from_numpy(network.domain.draw((count,), rng=rng))
    return torch.from_numpy(share * ends[0] + (1 - share) * ends[1]), network.input_coding.encode(symbols)


def _gradients(function: Any, *points: Tensor) -> Matrix:
    return vmap(jacrev(function))(*points).detach().numpy().astype(np.float64)


def _directions(rows: Matrix) -> Matrix:
    """The strong directions of many gradients (point, out, width), each output brought to unit size."""
    scale = np.sqrt((rows**2).sum(axis=(0, 2), keepdims=True))
    flat = (rows / np.maximum(scale, 1e-3 * max(float(scale.max()), 1e-300))).reshape(-1, rows.shape[-1])
    sizes, directions = np.linalg.eigh(flat.T @ flat)
    return directions.T[np.sqrt(np.maximum(sizes, 0)) > WEAK * np.sqrt(max(float(sizes[-1]), 1e-300))]
