"""Planes that separate yes from no: recovered where there are any, and told by their share where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from dsl.batch import evaluate_batch
from dsl.terms import Var
from dsl.types import IntType
from extract.distil.planes import nearest_planes

INPUTS = np.random.default_rng(0).integers(-200, 201, size=(6_000, 3))
X, Y, Z = INPUTS.T
VARIABLES = [Var(name, IntType(-200, 200)) for name in "xyz"]


@pytest.mark.parametrize(
    ("truth", "count", "least"),
    [
        (2 * X - Y >= 30, 1, 0.998),
        ((X + Y >= 120) | (Z - X >= 150), 2, 0.98),
        ((X + Y >= -60) & (Z >= -40), 2, 0.98),
    ],
)
def test_planted_planes_are_found(truth: np.ndarray, count: int, least: float) -> None:
    planes = nearest_planes(INPUTS, truth.astype(np.int64), rng=np.random.default_rng(1))
    assert planes is not None
    assert len(planes.weights) == count
    assert planes.share >= least
    values = evaluate_batch(planes.term(VARIABLES), dict(zip("xyz", INPUTS.T, strict=True)))
    assert np.mean(values == truth) == pytest.approx(planes.share)


def test_a_parity_is_no_plane() -> None:
    planes = nearest_planes(INPUTS, (X + Y + Z) % 2, rng=np.random.default_rng(1))
    assert planes is not None
    assert planes.share < 0.6


def test_other_answers_have_none() -> None:
    assert nearest_planes(INPUTS, X % 3, rng=np.random.default_rng(1)) is None
