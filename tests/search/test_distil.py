"""Closed-form fits are exact or absent."""

import numpy as np

from dsl.batch import evaluate_batch
from dsl.terms import Term, Var, operator_count
from dsl.types import BOOL, INT
from extract.search.engine import distil

VARIABLES = tuple(Var(name, INT) for name in "abcd")
RNG = np.random.default_rng(0)
COLUMNS = tuple(RNG.integers(-20, 21, (4, 200)))


def agrees(term: Term | None, columns: tuple[np.ndarray, ...], target: np.ndarray) -> bool:
    return term is not None and bool(
        (evaluate_batch(term, dict(zip("abcd", columns, strict=True))) == target).all()
    )


def test_linear() -> None:
    a, b, _, d = COLUMNS
    target = 3 * a - b + 7 * d - 4
    term = distil.linear_fit(VARIABLES, COLUMNS, target)
    assert agrees(term, COLUMNS, target)
    assert distil.linear_fit(VARIABLES, COLUMNS, a * b) is None


def test_linear_prefers_few_columns() -> None:
    a, b, _, _ = COLUMNS
    columns = (a, b, a + b, a - b)
    term = distil.linear_fit(VARIABLES, columns, a + b)
    assert term == VARIABLES[2]


def test_modular() -> None:
    a, b, c, _ = COLUMNS
    for modulus in (2, 7, 10):
        target = (3 * a + b - 2 * c + 1) % modulus
        term = distil.modular_fit(VARIABLES, COLUMNS, target)
        assert agrees(term, COLUMNS, target)
    assert distil.modular_fit(VARIABLES, COLUMNS, np.abs(a)) is None


def test_boolean() -> None:
    bits = tuple(RNG.random((4, 200)) < 0.5)
    a, b, c, d = bits
    variables = tuple(Var(name, BOOL) for name in "abcd")
    target = a ^ (b & c) ^ d ^ True
    term = distil.boolean_fit(variables, bits, target)
    assert agrees(term, bits, target)
    assert term is not None
    assert operator_count(term) <= 5
