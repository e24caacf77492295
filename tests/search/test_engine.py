"""The term engine finds what was planted, finds the cheapest, and says why it stopped."""

import itertools

import numpy as np
import pytest

from dsl import ops
from dsl.batch import evaluate_batch
from dsl.terms import Term, Var, constant, operator_count
from dsl.types import INT
from extract.search.engine import Limits, Problem, StopReason, synthesise
from extract.search.engine.costs import variable_bits
from extract.search.engine.language import integers
from extract.search.engine.lowering import DEFAULT

VARIABLES = tuple(Var(name, INT) for name in "xyz")
CONSTANTS = (0, 1, 2, 5)


def columns(count: int = 3, size: int = 60, low: int = -9, high: int = 9, seed: int = 0) -> tuple[np.ndarray, ...]:
    return tuple(np.random.default_rng(seed).integers(low, high + 1, (count, size)))


def problem(target: np.ndarray, inputs: tuple[np.ndarray, ...], **more: object) -> Problem:
    return Problem(VARIABLES[: len(inputs)], inputs, target, constants=CONSTANTS, **more)  # type: ignore[arg-type]


def values(term: Term, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    return evaluate_batch(term, dict(zip("xyz", inputs, strict=False)))


def price(term: Term, count: int = 3) -> int:
    return integers(DEFAULT).cost(term, variable_bits(VARIABLES[:count], None))


def planted(rng: np.random.Generator, size: int) -> Term:
    """A random term with `size` operators."""
    if size == 0:
        pick = int(rng.integers(0, 5))
        return VARIABLES[pick] if pick < 3 else constant(int(rng.choice(CONSTANTS)))
    name = str(rng.choice(["+", "-", "max", "min", "*", "mod", "abs"]))
    if name == "abs":
        return ops.apply(name, (planted(rng, size - 1),))
    left = int(rng.integers(0, size))
    return ops.apply(name, (planted(rng, left), planted(rng, size - 1 - left)))


@pytest.mark.parametrize("seed", range(16))
def test_planted_terms_are_found_at_no_higher_cost(seed: int) -> None:
    inputs = columns()
    term = planted(np.random.default_rng(seed), 1 + seed % 2)
    target = np.broadcast_to(values(term, inputs), (60,)).astype(np.int64)
    result = synthesise(problem(target, inputs), limits=Limits(timeout_s=20, contest=10**6))
    assert result.term is not None
    assert result.stop is StopReason.SOLVED
    assert (values(result.term, inputs) == target).all()
    assert result.cost == price(result.term) <= price(term)


def test_answers_are_minimal_against_brute_force() -> None:
    inputs = columns(2, 24)
    names = ("+", "-", "max", "neg")
    leaves: list[Term] = [*VARIABLES[:2], constant(1)]
    grown = list(leaves)
    for _ in range(2):
        fresh = [ops.apply("neg", (a,)) for a in grown]
        fresh += [ops.apply(n, pair) for n in names[:3] for pair in itertools.product(grown, leaves)]
        grown = list(dict.fromkeys([*grown, *fresh]))
    cheapest: dict[bytes, int] = {}
    for term in grown:
        key = np.broadcast_to(values(term, inputs), (24,)).astype(np.int64).tobytes()
        cheapest[key] = min(cheapest.get(key, 10**9), price(term, 2))
    for key in list(cheapest)[::17]:
        target = np.frombuffer(key, dtype=np.int64)
        found = synthesise(Problem(VARIABLES[:2], inputs, target, constants=(1,)), names, limits=Limits(timeout_s=20))
        assert found.cost <= cheapest[key]


def test_values_that_overflow_are_dropped() -> None:
    x = np.array([1 << 40, (1 << 40) + 1, 3, 1 << 33], dtype=np.int64)
    wrapped = x * x  # wraps in 64 bits; no exact term has these values
    result = synthesise(Problem(VARIABLES[:1], (x,), wrapped), ("*", "+"), limits=Limits(max_cost=24))
    assert result.term is None
    assert result.stop is StopReason.EXHAUSTED


def test_exhausted_says_up_to_which_cost_and_what_came_closest() -> None:
    inputs = columns()
    target = np.random.default_rng(5).integers(0, 100, 60)
    target[:20] = inputs[0][:20]
    result = synthesise(problem(target, inputs), ("+", "-"), limits=Limits(max_cost=18))
    assert result.stop is StopReason.EXHAUSTED
    assert result.term is None
    assert result.explored >= 18
    assert result.best == VARIABLES[0]
    assert 0.3 <= result.best_agreement < 0.5
    assert result.candidates > result.classes > 0


def test_time_and_memory_are_honoured() -> None:
    inputs = columns(3, 200, -1000, 1000)
    target = np.random.default_rng(5).integers(0, 100, 200)
    late = synthesise(problem(target, inputs), limits=Limits(timeout_s=0.3))
    assert late.stop is StopReason.TIME
    assert late.seconds < 2
    small = synthesise(problem(target, inputs), limits=Limits(timeout_s=30, max_bytes=1 << 20))
    assert small.stop is StopReason.MEMORY


def test_contradictory_examples_end_at_once() -> None:
    result = synthesise(Problem(VARIABLES[:1], (np.array([1, 1]),), np.array([0, 1])))
    assert result.term is None
    assert result.stop is StopReason.EXHAUSTED


def test_bad_columns_are_named() -> None:
    with pytest.raises(ValueError, match="int64 or bool vectors of 2 values"):
        Problem(VARIABLES[:1], (np.array([1.0, 2.0]),), np.array([1, 2]))


def test_a_search_is_deterministic() -> None:
    inputs = columns()
    target = (inputs[0] + inputs[1]) % 5
    first, second = (synthesise(problem(target, inputs), limits=Limits(timeout_s=30)) for _ in range(2))
    assert first.term == second.term
    assert first.candidates == second.candidates


def test_conditionals_by_divide_and_conquer() -> None:
    x, y, z = inputs = columns(3, 600)
    target = np.where(x < y, (x + z) % 5, np.maximum(x, z) - y)
    result = synthesise(problem(target, inputs), limits=Limits(timeout_s=30))
    assert result.term is not None
    assert (values(result.term, inputs) == target).all()
    assert result.cost <= 66


def test_truth_values() -> None:
    x, y, _ = inputs = columns()
    flag = np.random.default_rng(3).random(60) < 0.5
    variables = (*VARIABLES[:2], Var("b", ops.apply("==", (VARIABLES[0], VARIABLES[1])).type))
    result = synthesise(Problem(variables, (*inputs[:2], flag), (x < y) & flag))
    assert result.term == ops.apply("and", (variables[2], ops.apply("<", (variables[0], variables[1])))) or (
        result.term == ops.apply("and", (ops.apply("<", (variables[0], variables[1])), variables[2]))
    )
    assert result.minimal


def test_ambiguity_is_reported() -> None:
    x = np.array([0, 1, 2, 2], dtype=np.int64)
    y = np.array([0, 1, 2, 2], dtype=np.int64)
    result = synthesise(Problem(VARIABLES[:2], (x, y), x + 1, constants=(1,)), ("+", "-", "max"))
    assert result.term is not None


def test_seeds_make_deep_terms_reachable() -> None:
    x, y, z = inputs = columns(3, 120)
    seed = ops.apply("mod", (ops.apply("+", (ops.apply("*", (VARIABLES[0], VARIABLES[1])), VARIABLES[2])), constant(5)))
    target = np.maximum((x * y + z) % 5, z) - x
    limits = Limits(timeout_s=20, max_candidates=400_000)
    with_seed = synthesise(problem(target, inputs, seeds=(seed,)), limits=limits)
    assert with_seed.term is not None
    assert (values(with_seed.term, inputs) == target).all()


@pytest.mark.parametrize("name", ["clamp", "median"])
def test_parts_of_a_first_answer_lead_to_a_cheaper_one(name: str) -> None:
    x, y, z = inputs = columns(3, 300)
    targets = {"clamp": np.clip(x + y, 0, 5), "median": np.median([x, y, z], axis=0).astype(np.int64)}
    result = synthesise(problem(targets[name], inputs), limits=Limits(timeout_s=30))
    assert result.term is not None
    assert (values(result.term, inputs) == targets[name]).all()
    assert operator_count(result.term) <= {"clamp": 3, "median": 4}[name]
