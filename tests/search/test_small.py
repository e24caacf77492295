"""Terms for small tables: affine functions of a few columns, found at once."""

from __future__ import annotations

import numpy as np

from dsl.batch import evaluate_batch
from extract.search.small.affine import affine_fits
from extract.search.small.smallest import Smallest


def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    drawn = {name: rng.integers(-3, 9, 200) for name in "abcd"}
    return {**drawn, "twin": drawn["b"]}


def deepened(target: np.ndarray, constants: tuple[int, ...], steps: int) -> Smallest:
    """A search after so many steps, by which it has a term that is the target."""
    search = Smallest(columns(), target, constants)
    for _ in range(steps):
        search.deepen()
    assert search.best is not None
    assert (evaluate_batch(search.best, columns()) == target).all()
    return search


def test_affine_functions_are_found_with_each_set_of_columns_that_gives_them() -> None:
    given = columns()
    target = 2 * given["a"] - given["b"] + 3
    found = {tuple(c.tolist()) for c in affine_fits(np.stack(list(given.values()), axis=1), target)}
    assert found == {(2, -1, 0, 0, 0, 3), (2, 0, 0, 0, -1, 3)}


def test_what_is_not_affine_or_no_integer_has_none() -> None:
    given = columns()
    table = np.stack(list(given.values()), axis=1)
    assert affine_fits(table, given["a"] * given["b"]) == []
    assert affine_fits(2 * table, given["a"]) == []
    assert affine_fits(table, given["a"] + given["b"] + given["c"] + given["d"]) == []


def test_long_sums_are_found_in_the_first_step() -> None:
    given = columns()
    target = 3 * given["a"] - 2 * given["c"] + given["d"] + 7
    assert deepened(target, (0, 1, 2, 3), 1).size == 5


def test_a_comparison_is_an_argument_of_what_is_found_in_the_second_step() -> None:
    given = columns()
    target = np.minimum(given["a"] < given["b"], given["c"])
    assert deepened(target, (0, 1), 2).size == 3


def test_no_choice_is_lost_with_values_that_earlier_ones_are_right_beside() -> None:
    given = columns()
    target = np.where(given["a"] < 2, given["b"] + given["c"], np.maximum(given["c"], given["d"]))
    assert deepened(target, (0, 1, 2), 2).size == 4
