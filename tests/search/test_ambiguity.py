"""What examples leave open: other programs of the same cost are reported, separated, and asked about."""

from dataclasses import replace

import numpy as np

from dsl.batch import evaluate_batch
from dsl.printers.text import print_term
from dsl.terms import Var
from dsl.types import IntType
from extract.abstract.choose import abstract
from extract.report.progress import PlainProgress
from extract.search.engine import Limits, Problem, synthesise
from extract.search.engine.ambiguity import ambiguity
from extract.search.engine.language import integers
from extract.search.engine.synthesis import search_in
from extract.search.lift import Lifter
from extract.search.select import fit_terms
from extract.trace import first_record
from tests.verify.stubs import MachineNetwork, machine
from verify.budget import Deadline
from verify.domain import Domain

X, Y = Var("x", IntType(0, 9)), Var("y", IntType(0, 9))
OPERATORS = ("+", "-", "*", "max", "min")


def test_an_input_separates_the_first_two() -> None:
    values = np.arange(10, dtype=np.int64)
    problem = Problem((X, Y), (values, values), values)
    language = replace(integers(OPERATORS), fits=lambda problem, pool: iter(()))
    result = search_in(language, problem, {}, Limits(timeout_s=20))
    left = ambiguity(language, problem, result)
    assert left is not None
    assert {print_term(result.term), print_term(left.other)} == {"x", "y"}  # type: ignore[arg-type]
    assert left.programs == 2
    assert left.separating["x"] != left.separating["y"]
    assert set(left.answers) == set(left.separating.values())


def test_nothing_is_open_where_the_examples_decide() -> None:
    grid = np.array([(a, b) for a in range(10) for b in range(10)], dtype=np.int64)
    problem = Problem((X, Y), (grid[:, 0].copy(), grid[:, 1].copy()), grid.sum(axis=1))
    result = synthesise(problem, OPERATORS, limits=Limits(timeout_s=20))
    assert ambiguity(integers(OPERATORS), problem, result) is None


def test_a_fit_brings_its_equals_along() -> None:
    x, y = np.array([0, 1, 0, 1, 2, 3]), np.array([0, 0, 1, 1, 0, 0])
    found = fit_terms({"x": x, "y": y}, np.abs(x - 2 * y), (0, 1, 2), 20, effort=200_000)
    assert len(found) == 2
    for term in found:
        assert (evaluate_batch(term, {"x": x, "y": y}) == np.abs(x - 2 * y)).all()
    one, two = (evaluate_batch(term, {"x": np.array([3]), "y": np.array([2])}) for term in found)
    assert one != two


def test_the_network_is_asked_about_what_is_open() -> None:
    last = machine("machine m(x: 0..3) -> 0..3 state s: 0..3 = 0 next s = x output s'")
    largest = machine("machine m(x: 0..3) -> 0..3 state s: 0..3 = 0 next s = max(s, x) output s'")
    network = MachineNetwork(last, Domain(((0, 3),), 6))
    rng = np.random.default_rng(0)
    deadline, quiet = Deadline.after(30), PlainProgress(True)
    abstraction = abstract(network, deadline, rng=rng)
    lifter = Lifter(network, abstraction, first_record(network, rng=rng), deadline, quiet, rng=rng)
    before = len(lifter.tests)
    lifter._ask(largest, last)
    asked = lifter.tests[: len(lifter.tests) - before]
    assert len(asked) > 0
    assert all(tuple(word[:2, 0]) == (1, 0) for word in asked)  # the shortest word on which the two differ
    assert (lifter.answers[: len(asked)] == network.run(asked)).all()
