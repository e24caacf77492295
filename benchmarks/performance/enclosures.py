"""Do the computed bounds hold? Sampled steps of trained networks against the prover's and the checker's enclosures.

    python -m benchmarks.performance.enclosures [--steps N]

For every network of the zoo's Tomita folder in turn, sets of sizes from 1e-4 to 1 around states it visits: ellipsoids,
as both hold them, and zonotopes, as the checker holds them in layers; states drawn inside and on the rim, stepped by
the float32 network; a violation is a next state outside every piece of the enclosure, by coordinates or in a random
direction, or an output other than the one an enclosure is sure of. Prints counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.performance.certificates import TOMITA
from extract.networks import load_recurrent
from verify.enclosures import NARROW, Enclosure, Network, Zonotope
from verify.reach.affine import Array, ellipsoids
from verify.reach.cells import step, surely_reads
from verify.subject import FloatArray
from verify.weights import weights_of

CENTRES, SAMPLES, DIRECTIONS = 16, 1_000, 8


def violations(directory: Path, rng: np.random.Generator) -> tuple[int, int]:
    """Steps sampled on one network, and how many of them broke a bound of the prover or of the checker."""
    network = load_recurrent(directory)
    weights = weights_of(network, network.initial_state(1)[0])
    second = Network(dict(network.description), dict(network.tensors))
    visited = network.trace(network.domain.draw((CENTRES, 16), rng=rng)).activations[network.sites[0].name]
    centres = visited[np.arange(CENTRES), rng.integers(0, 16, CENTRES)].astype(np.float64)
    width = centres.shape[1]
    sizes = 10.0 ** rng.uniform(-4, 0, (CENTRES, 1, 1))
    shapes = (sizes * rng.standard_normal((CENTRES, width, width)) / np.sqrt(width)).astype(NARROW)
    along = np.concatenate([np.eye(width), rng.standard_normal((DIRECTIONS, width))])
    broken = 0
    for ball in (True, False):
        states = (centres[:, None] + np.einsum("bij,bkj->bki", shapes, _units(ball, width, rng))).astype(np.float32)
        rounding = 2.0**-23 * (np.abs(states).max(axis=1) + 1e-30)
        terms = shapes.transpose(0, 2, 1)
        start = Enclosure(centres, terms.astype(np.float64), rounding) if ball else Zonotope(centres, terms, rounding)
        start, form = start.opened(), ellipsoids(centres, shapes.astype(np.float64)).widened(rounding)
        for position, symbol in enumerate(second.symbols):
            symbols = np.repeat(network.domain.symbols()[[position]], CENTRES * SAMPLES, axis=0)
            flat, outputs = network.step(states.reshape(-1, width), symbols)
            after, outputs = flat.reshape(states.shape), outputs.reshape(CENTRES, SAMPLES, -1)
            pieces, origin = second.step(start, symbol) if ball else second.step(start, symbol, cuts=0)
            bad = _outside(after, pieces, origin, along)
            sure = [_all(second.reads(pieces, (value,)), origin) for value in range(2)]
            if ball:
                image, rows = step(weights, form, position)
                bad |= _outside(after, Enclosure(image.centre, image.generators, image.box), rows, along)
                also = [_all(surely_reads(weights, image, (value,)), rows) for value in range(2)]
                sure = [one | other for one, other in zip(sure, also)]
            for value in range(2):
                bad |= sure[value][:, None] & (outputs[:, :, 0] != value)
            broken += int(bad.sum())
    return 2 * CENTRES * SAMPLES * len(weights.features), broken


def _units(ball: bool, width: int, rng: np.random.Generator) -> Array:
    """Coefficients in the ball, or in the cube: half of them within, half on its rim, or in its corners."""
    units = rng.standard_normal((CENTRES, SAMPLES, width))
    units /= np.linalg.norm(units, axis=2, keepdims=True) if ball else np.abs(units)
    units[:, ::2] *= rng.random((CENTRES, SAMPLES // 2, 1 if ball else width))
    return units


def _all(pieces: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Per centre, whether it holds for all of its pieces."""
    return np.bincount(rows[~pieces], minlength=CENTRES) == 0


def _outside(after: FloatArray, pieces: Enclosure, rows: np.ndarray, along: Array) -> np.ndarray:
    """Per centre and sample, whether the state is farther than every piece goes along one of these."""
    outside = np.ones(after.shape[:2], dtype=bool)
    middle, box = pieces.centre @ along.T, pieces.box @ np.abs(along).T
    reach = pieces.like(middle, pieces.terms @ along.T, box).radius() + 1e-12 * np.abs(pieces.centre).sum()
    for piece, row in enumerate(rows.tolist()):
        outside[row] &= ~(np.abs(after[row] @ along.T - middle[piece]) <= reach[piece]).all(axis=1)
    return outside


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts; exit status 1 where a bound was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.enclosures", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000_000, metavar="N", help="steps to sample")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rng, directories = np.random.default_rng(0), [d for d in sorted(TOMITA.iterdir()) if d.is_dir()]
    done = broken = turn = 0
    while done < options.steps:
        steps, bad = violations(directories[turn % len(directories)], rng)
        done, broken, turn = done + steps, broken + bad, turn + 1
    print(f"{done:,} steps sampled on {min(turn, len(directories))} networks, {broken:,} outside their bounds")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
