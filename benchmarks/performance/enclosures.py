"""Do the computed bounds hold? Sampled steps of trained networks against the prover's and the checker's enclosures.

    python -m benchmarks.performance.enclosures [--steps N]

For every network of the zoo's Tomita folder in turn, ellipsoids of sizes from 1e-4 to 1 around states it visits; states
drawn inside and on the rim, stepped by the float32 network; a violation is a next state outside every piece of the
enclosure, by coordinates, or an output other than the one an enclosure is sure of. Prints counts.
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
from verify.enclosures import Enclosure, Network
from verify.reach.affine import Array, ellipsoids
from verify.reach.cells import step, surely_reads
from verify.subject import FloatArray
from verify.weights import weights_of

CENTRES, SAMPLES = 16, 1_000


def violations(directory: Path, rng: np.random.Generator) -> tuple[int, int]:
    """Steps sampled on one network, and how many of them broke a bound of the prover or of the checker."""
    network = load_recurrent(directory)
    weights = weights_of(network, network.initial_state(1)[0])
    second = Network(dict(network.description), dict(network.tensors))
    visited = network.trace(network.domain.draw((CENTRES, 16), rng=rng)).activations[network.sites[0].name]
    centres = visited[np.arange(CENTRES), rng.integers(0, 16, CENTRES)].astype(np.float64)
    width = centres.shape[1]
    sizes = 10.0 ** rng.uniform(-4, 0, (CENTRES, 1, 1))
    shapes = sizes * rng.standard_normal((CENTRES, width, width)) / np.sqrt(width)
    units = rng.standard_normal((CENTRES, SAMPLES, width))
    units /= np.linalg.norm(units, axis=2, keepdims=True)
    units[:, ::2] *= rng.random((CENTRES, SAMPLES // 2, 1))
    states = (centres[:, None] + np.einsum("bij,bkj->bki", shapes, units)).astype(np.float32)
    rounding = 2.0**-23 * (np.abs(states).max(axis=1) + 1e-30)
    form = ellipsoids(centres, shapes).widened(rounding)
    start, broken = Enclosure(centres, shapes.transpose(0, 2, 1), rounding), 0
    for symbol in range(len(weights.features)):
        symbols = np.repeat(network.domain.symbols()[[symbol]], CENTRES * SAMPLES, axis=0)
        flat, outputs = network.step(states.reshape(-1, width), symbols)
        after, outputs = flat.reshape(states.shape), outputs.reshape(CENTRES, SAMPLES, -1)
        image, rows = step(weights, form, symbol)
        pieces, origin = second.step(start, second.symbols[symbol])
        bad = _outside(after, image.centre, image.radius, rows) | _outside(
            after, pieces.centre, pieces.radius(), origin
        )
        for value in range(2):
            sure = np.array([surely_reads(weights, image.rows(rows == k), (value,)).all() for k in range(CENTRES)])
            also = np.array([second.reads(pieces.rows(origin == k), (value,)).all() for k in range(CENTRES)])
            bad |= (sure | also)[:, None] & (outputs[:, :, 0] != value)
        broken += int(bad.sum())
    return CENTRES * SAMPLES * len(weights.features), broken


def _outside(after: FloatArray, middle: Array, reach: Array, rows: np.ndarray) -> np.ndarray:
    """Per centre and sample, whether the state is in no piece."""
    outside = np.ones(after.shape[:2], dtype=bool)
    for piece, row in enumerate(rows.tolist()):
        outside[row] &= ~(np.abs(after[row] - middle[piece]) <= reach[piece]).all(axis=1)
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
