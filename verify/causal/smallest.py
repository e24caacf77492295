"""Subspaces as small as suffice: the moves of a variable cut to their strongest directions while interchange still
works."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.causal.alignment import Alignment, Coded
from verify.causal.interventions import exchange
from verify.causal.runs import Matrix, Runs

PAIRS = 128
LOSS = 0.01
"""What may be lost of the share of interventions with the program's effect."""


def smallest(runs: Runs, alignment: Alignment, *, rng: np.random.Generator) -> Alignment:
    """The alignment with each variable of several values moved along as few directions as do as well as all of them."""
    for v in alignment.variables:
        directions = _directions(alignment, v)
        if alignment.raw or v.values is None or len(directions) < 2:
            continue
        wanted = exchange(runs, alignment, v.name, pairs=PAIRS, rng=rng).score - LOSS
        for count in range(1, len(directions)):
            smaller = _cut(alignment, v, directions[:count])
            if exchange(runs, smaller, v.name, pairs=PAIRS, rng=rng).score >= wanted:
                alignment = smaller
                break
    return alignment


def size(alignment: Alignment, v: Coded) -> int:
    """Dimension of the subspace in which a variable is written."""
    return len(_directions(alignment, v))


def _directions(alignment: Alignment, v: Coded) -> Matrix:
    _, sizes, directions = np.linalg.svd(alignment.move(v.name), full_matrices=False)
    return directions[sizes > 1e-6 * max(float(sizes.max(initial=0.0)), 1e-12)]


def _cut(alignment: Alignment, v: Coded, kept: Matrix) -> Alignment:
    encoder = alignment.encoder.copy()
    encoder[v.span] = alignment.move(v.name) @ kept.T @ kept
    return replace(alignment, encoder=encoder)
