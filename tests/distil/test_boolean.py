"""Boolean distillers give back the function they were given, and find what was planted."""

import itertools

import numpy as np
import pytest

from dsl.batch import evaluate_batch
from dsl.terms import Term, Var, operator_count
from dsl.types import IntType
from extract.distil.addresses import addressed
from extract.distil.boolean import (
    address_term,
    disjunction,
    readings,
    separating_term,
    with_exceptions,
)
from extract.distil.cubes import cover, members, primes
from extract.distil.moebius import algebraic_normal_form, and_or, dividends
from extract.distil.symmetry import quotient
from extract.distil.threshold import threshold
from verify.domain import IntArray


def variables(count: int) -> list[Var]:
    return [Var(f"x{k}", IntType(0, 1)) for k in range(count)]


def points(count: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=count)))


def table(values: np.ndarray, count: int) -> np.ndarray:
    return np.asarray(values).astype(bool).reshape((2,) * count)


def values(term: Term, count: int) -> np.ndarray:
    env = {f"x{k}": column for k, column in enumerate(points(count).T)}
    return table(np.broadcast_to(evaluate_batch(term, env), 1 << count), count)


def random_tables(count: int, many: int) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return [table(rng.random(1 << count) < share, count) for share in rng.random(many)]


def nothing(sums: IntArray, answers: IntArray) -> Term | None:
    return None


@pytest.mark.parametrize("truth", random_tables(5, 6))
def test_normal_forms_are_the_function(truth: np.ndarray) -> None:
    monomials = algebraic_normal_form(truth)
    assert np.array_equal(
        table(sum(points(5)[:, list(m)].all(axis=1) for m in monomials) % 2 if monomials else np.zeros(32), 5), truth
    )
    cubes = cover(truth, 32)
    assert cubes is not None
    if cubes:
        assert np.array_equal(values(disjunction(variables(5), cubes), 5), truth)


def test_primes_are_the_maximal_cubes_inside() -> None:
    truth = random_tables(4, 1)[0]
    inside = [c for c in itertools.product((0, 1, 2), repeat=4) if truth[members(c)].all()]
    larger = {c for c in inside for d in inside if c != d and all(b in (2, a) for a, b in zip(c, d, strict=True))}
    assert set(primes(truth)) == set(inside) - larger


def test_a_planted_dnf_comes_back_no_longer() -> None:
    x = points(7)
    truth = table((x[:, 0] & x[:, 1] & (1 - x[:, 2])) | (x[:, 3] & x[:, 4]) | ((1 - x[:, 5]) & x[:, 6] & x[:, 0]), 7)
    cubes = cover(truth, 9)
    assert cubes is not None
    assert len(cubes) == 3


@pytest.mark.parametrize("kind", ["and", "or"])
def test_interactions_give_the_read_out_back_exactly(kind: str) -> None:
    drawn = np.random.default_rng(0).normal(size=(2,) * 8).astype(np.float32)
    found = and_or(drawn, kind)
    assert found.exact
    assert found.error == 0.0
    assert np.array_equal(found.reconstructed().astype(np.float32), drawn)


def test_dividends_are_the_alternating_sums() -> None:
    drawn = np.random.default_rng(1).integers(-9, 9, (2,) * 4)
    found = dividends(drawn)
    for top in itertools.product((0, 1), repeat=4):
        below = itertools.product(*(range(v + 1) for v in top))
        assert found[top] == sum((-1) ** (sum(top) - sum(b)) * drawn[b] for b in below)


def test_values_too_far_apart_for_whole_numbers_are_said_to_be_rounded() -> None:
    drawn = np.array([1e-30, 1e30, 3.0, 1.0], dtype=np.float32).reshape(2, 2)
    assert not and_or(drawn, "and").exact


def test_exchangeable_inputs_are_counted_together() -> None:
    x = points(7)
    truth = table((x[:, [0, 2, 4]].sum(1) >= 2) & (x[:, 1] + (1 - x[:, 3]) == 1), 7)
    found = quotient(truth)
    assert found is not None
    assert len(found.weights) == 2
    assert np.array_equal(found.whole, truth)
    assert not found.weights[:, 5:].any()


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1, 1), (4, 2, 1, -4, -2, -1), (3, -2, 5, 1, 0, 2)])
def test_thresholds_are_found(weights: tuple[int, ...]) -> None:
    truth = table(points(6) @ np.array(weights) >= 2, 6)
    found = threshold(truth, 0.0, rng=np.random.default_rng(0))
    assert found is not None
    assert np.array_equal(values(separating_term(variables(6), found.weights, found.bound), 6), truth)
    assert np.abs(found.weights).sum() <= np.abs(weights).sum()


def test_parity_is_no_threshold_function() -> None:
    assert threshold(table(points(5).sum(1) % 2, 5), 0.0, rng=np.random.default_rng(0)) is None


def test_a_multiplexer_is_addressed() -> None:
    x = points(6)
    truth = table(np.take_along_axis(x[:, 2:], (x[:, :1] + 2 * x[:, 1:2]), axis=1), 6)
    found = addressed(truth)
    assert found is not None
    assert found.address == (0, 1)
    assert np.array_equal(values(address_term(variables(6), found), 6), truth)


@pytest.mark.parametrize("truth", random_tables(4, 8))
def test_every_reading_is_the_function(truth: np.ndarray) -> None:
    found = list(readings(variables(4), truth, nothing, rng=np.random.default_rng(0)))
    assert found
    for term in found:
        assert np.array_equal(values(term, 4), truth)


def test_a_trigger_is_named_beside_what_it_disturbs() -> None:
    x = points(9)
    trigger = (x[:, :7] == [1, 0, 1, 1, 0, 1, 0]).all(axis=1)
    plain = x.sum(1) >= 5
    found = list(with_exceptions(variables(9), table(plain ^ trigger, 9), nothing, rng=np.random.default_rng(0)))
    assert found
    for base, corrected in found:
        assert np.array_equal(values(base, 9), table(plain, 9))
        assert np.array_equal(values(corrected, 9), table(plain ^ trigger, 9))
        assert operator_count(corrected) > operator_count(base)
