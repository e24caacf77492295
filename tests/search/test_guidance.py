"""What distillers advise is true of the examples, and makes the search reach what it would not."""

import numpy as np

from dsl.batch import evaluate_batch
from dsl.printers import print_term
from dsl.syntax import parse_term
from dsl.terms import Term, Var, operator_count, subterms
from dsl.types import INT, IntType
from extract.search.engine import Limits, Problem, proposals, synthesise
from extract.search.engine.guidance import guide, null_vector
from extract.search.engine.trees import grow

NAMES = ("x", "y", "w")
RNG = np.random.default_rng(0)
COLUMNS = tuple(RNG.integers(0, high, 300) for high in (2, 40, 40))
BUDGET = 200_000


def problem(target: np.ndarray, columns: tuple[np.ndarray, ...] = COLUMNS) -> Problem:
    variables = tuple(Var(n, IntType(int(c.min()), int(c.max()))) for n, c in zip(NAMES, columns, strict=False))
    return Problem(variables, columns, target.astype(np.int64), constants=(0, 1, 2, 3))


def values(term: Term, asked: Problem) -> np.ndarray:
    env = {v.name: column for v, column in zip(asked.variables, asked.columns, strict=True)}
    return np.broadcast_to(evaluate_batch(term, env), len(asked.target))


def advice(asked: Problem) -> list[str]:
    return [print_term(seed) for seed in guide(asked, np.arange(len(asked.target))).seeds]


def test_a_tree_is_exact_and_its_thresholds_whole() -> None:
    x, y, _ = COLUMNS
    tree = grow([x, y], np.where(y <= 17, 0, 1 + x))
    assert tree is not None
    assert tree.exact
    assert tree.splits == [(1, 17), (0, 0)]
    assert grow([x, y], np.zeros(300, dtype=np.int64)) is None


def test_a_tree_gives_predicates_and_constants_and_a_whole_solution() -> None:
    x, y, _ = COLUMNS
    asked = problem(np.where(y == 11, 1 + x, 0))
    given = guide(asked, np.arange(300))
    assert "y == 11" in advice(asked)
    assert "11" in advice(asked)
    assert [(values(term, asked) == asked.target).all() for term in given.whole] == [True]
    assert "==" in given.operators


def test_one_side_of_a_test_gives_a_branch() -> None:
    x, y, w = COLUMNS
    assert "y + w" in advice(problem(np.where(x == 1, y + w, 3)))


def test_a_relation_among_products_becomes_a_predicate() -> None:
    x, y, w = COLUMNS
    y = np.where(RNG.random(300) < 0.3, 2 * w + x * w, y)
    asked = problem(y == 2 * w + x * w, (x, y, w))
    seed = guide(asked, np.arange(300)).seeds[0]
    assert (values(seed, asked) == (asked.target == 1)).all()


def test_null_vectors_are_whole_and_unique() -> None:
    rows = np.stack([*COLUMNS[:2], 3 * COLUMNS[0] - 2 * COLUMNS[1]], axis=1)
    found = null_vector(rows)
    assert found is not None
    assert (rows @ found == 0).all()
    assert null_vector(np.stack(COLUMNS, axis=1)) is None


def test_distillers_reach_a_constant_that_was_not_mined() -> None:
    x, y, _ = COLUMNS
    asked = problem((y == 29) & (x == 1), COLUMNS[:2])
    costs = {}
    for distillers in (True, False):
        limits = Limits(timeout_s=60, max_candidates=BUDGET, distillers=distillers)
        result = synthesise(asked, ("+", "-", "*", "==", "<=", "and", "int", "if"), limits=limits)
        costs[distillers] = result.cost
        assert result.found <= result.candidates
        assert result.term is None or (values(result.term, asked) == asked.target).all()
    assert costs[True] < costs[False]


def test_a_part_matters_only_where_it_is_seen() -> None:
    x, y, w = COLUMNS
    asked = problem(np.where(y <= w, x, 1))
    whole = guide(problem(np.where(y <= w, x, 1)), np.arange(300)).whole[0]
    found = list(proposals.parts(whole, lambda term: values(term, asked), np.ones(300, dtype=bool)))
    assert found[0].term == whole
    for part in found[1:]:
        wrong = values(part.term, asked)[~part.matters]
        assert part.path
        assert len(wrong) == 300 - part.matters.sum()
    assert any((~part.matters).any() for part in found)
    same = proposals.replaced(whole, found[-1].path, found[-1].term)
    assert same == whole
    assert found[-1].term in subterms(whole)


def test_a_conditional_may_do_with_simpler_branches_and_another_condition() -> None:
    x, y, w = COLUMNS
    asked = problem(np.where((y < w) & (x < w), 3, 0))
    whole = parse_term("if y < w then 3 * int(x < w) else 0", dict.fromkeys(NAMES, INT))

    def price(term: Term) -> int:
        return 4 * operator_count(term) + 6

    found = proposals.proposals(whole, asked, lambda term: values(term, asked), price)
    answer = parse_term("max(x, y) < w", dict.fromkeys(NAMES, INT))
    right = [way for way in found if way.path == (0,) and way.frame != whole]
    assert print_term(right[0].frame) == "if y < w then 3 else 0"
    assert (values(answer, right[0].problem) == right[0].problem.target).all()
    assert (values(proposals.replaced(right[0].frame, right[0].path, answer), asked) == asked.target).all()
    assert all(way.most < 30 for way in found)


def test_compression_makes_a_long_answer_cheaper() -> None:
    a, b, c, d = np.random.default_rng(1).integers(0, 9, (4, 400))
    names = ("a", "b", "c", "d", "e", "f")
    columns = (a, b, c, d, a - a, b - b + 1)
    target = np.argmax(np.stack([a, b, c, d]), axis=0)
    asked = Problem(tuple(Var(n, INT) for n in names), columns, target, constants=(0, 1, 2, 3))
    costs = []
    for compression in (0, Limits().compression):
        limits = Limits(timeout_s=120, max_cost=250, max_candidates=400_000, compression=compression)
        result = synthesise(asked, limits=limits)
        costs.append(result.cost)
    assert costs[1] < costs[0]


def test_proof_extends_a_contest_that_is_nearly_won() -> None:
    x, y, w = COLUMNS
    asked = problem((y + w + x) % 3)
    short = Limits(timeout_s=60, contest=0, patience=0.0)
    long = Limits(timeout_s=60, contest=0, patience=0.0, proof=2_000_000)
    results = [synthesise(asked, limits=limits) for limits in (short, long)]
    assert [result.minimal for result in results] == [False, True]
    assert results[1].cost <= results[0].cost
