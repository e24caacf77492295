"""Distillers over numbers: polynomials modulo m, trees, tables, frequencies."""

import numpy as np
import pytest

from dsl.batch import evaluate_batch
from dsl.printers import print_term
from dsl.terms import Term, Var
from dsl.types import IntType
from extract.distil.fourier import cyclic_size, filtered, frequency_powers
from extract.distil.polynomial import nearest_linear, polynomials
from extract.distil.trees import exact_tree, leaves, table_term, tree_term
from verify.budget import FOREVER
from verify.domain import Domain


def grid(*sizes: int) -> tuple[list[Var], list[np.ndarray]]:
    symbols = Domain.single(tuple((0, size - 1) for size in sizes)).symbols()
    return [Var("abc"[k], IntType(0, size - 1)) for k, size in enumerate(sizes)], [c.copy() for c in symbols.T]


def values(term: Term, variables: list[Var], columns: list[np.ndarray]) -> np.ndarray:
    return evaluate_batch(term, {v.name: c for v, c in zip(variables, columns, strict=True)})


@pytest.mark.parametrize("modulus", [7, 11])
def test_polynomials_modulo_a_prime_are_found(modulus: int) -> None:
    variables, columns = grid(modulus, modulus)
    target = (columns[0] ** 2 + 3 * columns[0] * columns[1] + 5) % modulus
    found = list(polynomials(variables, columns, target))
    assert found
    for term in found:
        assert np.array_equal(values(term, variables, columns), target)


def test_random_tables_are_no_polynomial() -> None:
    variables, columns = grid(7, 7)
    assert not list(polynomials(variables, columns, np.random.default_rng(0).integers(0, 7, 49)))


def test_the_nearest_linear_form_says_on_how_much_it_is_right() -> None:
    variables, columns = grid(11, 11)
    target = (columns[0] - columns[1]) % 11
    wrong = np.random.default_rng(0).permutation(121)[:60]
    target[wrong] = (target[wrong] + 1 + wrong % 10) % 11
    found = nearest_linear(variables, columns, target)
    assert found is not None
    assert found.share == 61 / 121
    assert np.array_equal(values(found.term, variables, columns), (columns[0] - columns[1]) % 11)


def test_trees_are_exact_and_small() -> None:
    variables, columns = grid(8, 8, 8)
    a, b, c = columns
    target = np.where(a <= 3, np.where(b <= 5, 0, 1), np.where(c <= 1, 2, np.where(a <= 5, 1, 0)))
    tree = exact_tree(columns, target, FOREVER)
    assert tree is not None
    assert leaves(tree) == 5
    assert np.array_equal(values(tree_term(tree, variables), variables, columns), target)


@pytest.mark.parametrize("sizes", [(12,), (4, 5)])
def test_tables_hold_every_answer(sizes: tuple[int, ...]) -> None:
    variables, columns = grid(*sizes)
    target = np.random.default_rng(0).integers(-5, 5, len(columns[0]))
    term = table_term(variables, columns, target)
    assert term is not None
    assert np.array_equal(values(term, variables, columns), target)


def test_a_periodic_table_is_kept_once() -> None:
    variables, columns = grid(12)
    term = table_term(variables, columns, np.array([4, 0, 9] * 4))
    assert term is not None
    assert print_term(term) == "[4, 0, 9][a mod 3]"
    assert np.array_equal(values(term, variables, columns), np.array([4, 0, 9] * 4))


def test_frequencies_own_what_was_made_of_them() -> None:
    p = 13
    a, b = Domain.single(((0, p - 1),) * 2).symbols().T
    made = np.stack(
        [np.cos(2 * np.pi * 3 * a / p) + np.sin(2 * np.pi * 3 * b / p), np.cos(2 * np.pi * 5 * (a + b) / p)], 1
    )
    powers = frequency_powers(made.astype(np.float32), p)
    assert set(np.flatnonzero(powers > 0.01) + 1) == {3, 5}
    assert powers.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(filtered(made.astype(np.float32), p, np.array([3, 5])), made, atol=1e-5)
    np.testing.assert_allclose(filtered(made.astype(np.float32), p, np.array([5]))[:, 0], 0, atol=1e-5)


def test_only_pairs_from_one_range_are_elements_of_a_cyclic_group() -> None:
    assert cyclic_size(Domain.single(((0, 12), (0, 12)))) == 13
    assert cyclic_size(Domain.single(((0, 12), (0, 11)))) is None
    assert cyclic_size(Domain.single(((1, 12), (1, 12)))) is None
