"""Boolean functions of more inputs than a table can list, read through questions to the network.

Inputs whose flip never changes an answer are left out; where few remain, their whole table is asked for. Else inputs
that can be exchanged are counted together, and the table over the counts is asked for, or a threshold is fitted to a
sample. Points are drawn with ones of every density, so that sums of all sizes occur.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from extract.distil.boolean import SumsToTerm, over_sums, readings, separating_term
from extract.distil.cubes import MOST_INPUTS
from extract.distil.symmetry import MOST_SUMS
from extract.distil.threshold import separating

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Ask = Callable[[IntArray], BoolArray]
"""From points (rows, inputs) of 0 and 1 to the answers (rows,)."""
SAMPLED, SWAPPED, LISTED = 4_096, 512, 5_000


def wide_readings(
    variables: Sequence[Var], known: IntArray, ask: Ask, search: SumsToTerm, *, rng: np.random.Generator
) -> Iterator[Term]:
    """Terms that may equal the function; each is to be checked. Truth values, not numbers. `known` are points (rows,
    inputs) worth asking about besides those drawn."""
    count = len(variables)
    drawn = (rng.random((SAMPLED, count)) < rng.random((SAMPLED, 1))).astype(np.int64)
    points = np.concatenate([drawn, known])
    answers = ask(points)
    relevant = [k for k in range(count) if (ask(_flipped(points, k)) != answers).any()]
    if len(relevant) <= MOST_INPUTS:
        truth = _table(relevant, count, ask)
        yield from readings([variables[k] for k in relevant], truth, search, rng=rng)
        return
    weights = _exchangeable(relevant, points[:SWAPPED], answers[:SWAPPED], ask)
    if weights is not None:
        chosen = _representatives(weights, rng)
        if chosen is not None:
            term = over_sums(variables, weights, search(chosen @ weights.T, ask(chosen).astype(np.int64)))
            if term is not None:
                yield apply("==", (term, constant(1))) if term.type != constant(True).type else term
    plane = separating(points, answers, 0.0, rng=rng)
    if plane is not None:
        yield separating_term(variables, *plane)


def _table(relevant: Sequence[int], count: int, ask: Ask) -> BoolArray:
    """The answers (2,) * relevant, other inputs 0."""
    shape = (2,) * len(relevant)
    points = np.zeros((2 ** len(relevant), count), dtype=np.int64)
    if relevant:
        points[:, relevant] = np.stack(np.unravel_index(np.arange(len(points)), shape), axis=1)
    return ask(points).reshape(shape)


def _flipped(points: IntArray, k: int) -> IntArray:
    other = points.copy()
    other[:, k] = 1 - other[:, k]
    return other


def _exchangeable(relevant: Sequence[int], points: IntArray, answers: BoolArray, ask: Ask) -> IntArray | None:
    """Weights (sums, inputs) of -1, 0, 1 that count together what can be exchanged; None where these are many."""
    groups: list[list[tuple[int, int]]] = []
    for k in relevant:
        for group in groups:
            first = group[0][0]
            swapped, negated = points.copy(), points.copy()
            swapped[:, [first, k]] = points[:, [k, first]]
            negated[:, [first, k]] = 1 - points[:, [k, first]]
            if (ask(swapped) == answers).all():
                group.append((k, 1))
                break
            if (ask(negated) == answers).all():
                group.append((k, -1))
                break
        else:
            groups.append([(k, 1)])
            if len(groups) > MOST_SUMS:
                return None
    weights = np.zeros((len(groups), points.shape[1]), dtype=np.int64)
    for row, group in enumerate(groups):
        for k, sign in group:
            weights[row, k] = sign
    return weights


def _representatives(weights: IntArray, rng: np.random.Generator) -> IntArray | None:
    """A point (rows, inputs) for every joint value of the sums, ones at random places; None where these are many."""
    sizes = [np.count_nonzero(row) for row in weights]
    if np.prod([size + 1.0 for size in sizes]) > LISTED:
        return None
    counts = np.stack([c.ravel() for c in np.meshgrid(*(np.arange(size + 1) for size in sizes), indexing="ij")], axis=1)
    points = np.zeros((len(counts), weights.shape[1]), dtype=np.int64)
    for row, size, wanted in zip(weights, sizes, counts.T, strict=True):
        places = np.flatnonzero(row)
        order = np.argsort(rng.random((len(counts), size)), axis=1)
        held = order < wanted[:, None]  # so many literals hold, each place alike likely
        points[:, places] = np.where(row[places] > 0, held, ~held)
    return points
