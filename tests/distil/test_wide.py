"""Boolean functions of 24 inputs, asked for answers: what comes back equals them on points drawn afresh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from dsl.ops import apply
from dsl.terms import Term, Var, constant, operator_count
from dsl.types import IntType
from extract.distil.wide import wide_readings

COUNT = 24
VARIABLES = [Var(f"x{k}", IntType(0, 1)) for k in range(COUNT)]
IntArray = NDArray[np.int64]


def by_table(sums: IntArray, answers: IntArray) -> Term | None:
    """A chain of comparisons over one sum, the plainest search there is."""
    if sums.shape[1] != 1:
        return None
    held = [apply("==", (Var("s0", IntType(-COUNT, COUNT)), constant(int(s)))) for s in sums[answers == 1, 0]]
    term = constant(False)
    for each in held:
        term = apply("or", (term, each))
    return apply("int", (term,))


@pytest.mark.parametrize(
    ("truth", "most"),
    [
        (lambda x: x.sum(axis=1) > 11, 400),
        (lambda x: (x.sum(axis=1) - 2 * x[:, 3]) % 3 == 0, 300),
        (lambda x: x[:, :8] @ np.arange(1, 9) + x[:, 8:].sum(axis=1) >= 26, 80),
        (lambda x: (x[:, 1] & x[:, 20] & x[:, 9]) | (x[:, 4] & (1 - x[:, 23])) > 0, 12),
        (lambda x: np.ones(len(x), dtype=bool), 1),
    ],
    ids=["majority", "signed symmetric", "threshold", "few inputs", "constant"],
)
def test_a_wide_function_is_read(truth: Callable[[IntArray], NDArray[np.bool_]], most: int) -> None:
    rng = np.random.default_rng(0)
    fresh = rng.integers(0, 2, size=(4_000, COUNT))
    env = {v.name: column for v, column in zip(VARIABLES, fresh.T, strict=True)}
    sizes = []
    for term in wide_readings(VARIABLES, fresh[:9], truth, by_table, rng=rng):
        if (np.broadcast_to(evaluate_batch(term, env), len(fresh)) == truth(fresh)).all():
            sizes.append(operator_count(term))
    assert sizes
    assert min(sizes) <= most


def test_a_function_without_such_a_form_gets_none() -> None:
    weights = np.random.default_rng(5).integers(0, 2**COUNT, size=COUNT)
    points = np.zeros((1, COUNT), dtype=np.int64)

    def tangled(x: IntArray) -> NDArray[np.bool_]:
        return (x @ weights) % 101 < 50

    assert not list(wide_readings(VARIABLES, points, tangled, by_table, rng=np.random.default_rng(0)))
