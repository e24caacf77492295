"""Outputs over variables of a large pool: joins of every shape are found, are right, and cost what they say."""

import numpy as np
import pytest

from dsl.batch import evaluate_batch
from dsl.programs import Function, Machine
from dsl.syntax import parse
from dsl.terms import operator_count, variables
from extract.abstract.minimal import mealy_of, renamed
from extract.search.finder import Finder
from extract.search.histories import Histories, histories
from extract.search.joined import Pool
from extract.search.questions import Questions, needed_by
from extract.search.variables import EARLIER, Found, encoded, operators, pruned
from verify.domain import Domain, IntArray

DOMAIN = Domain(((0, 2),), 9)
UPDATES = {"s": "min(s + x, 4)", "t": "if x == 1 then 1 - s else s", "u": "x", "v": "max(s, x)"}


def machine(text: str) -> Machine:
    program = parse(text)
    assert isinstance(program, Machine)
    return program


def made() -> tuple[Finder, Histories, list[Found]]:
    text = (
        "machine m(x: 0..2) -> 0..4 state s: 0..4 = 0 state t: 0..1 = 0 "
        "next s = min(s + x, 4) next t = if x == 1 then 1 - t else t output s * t"
    )
    table = mealy_of(machine(text), DOMAIN, max_states=64)
    assert table is not None
    table = renamed(table, rng=np.random.default_rng(0))
    words = histories(table, 160, rng=np.random.default_rng(0))
    finder = Finder(table, DOMAIN, words, (0, 1, 2, 3, 4), (0, 1), -2, 7)
    found = finder.closed(8, deepest=2, limit=2_000, tests=1_000)
    return finder, words, found


def traces(words: Histories) -> dict[str, tuple[IntArray, int]]:
    """The values of some variables, old and new, and the operators of their updates."""
    symbols, columns = DOMAIN.symbols()[:, 0], {}
    for name, text in UPDATES.items():
        function = parse(f"function f(s: 0..9, x: 0..2) -> int = {text}")
        assert isinstance(function, Function)
        (update,) = function.outputs
        trace = np.zeros(len(words.parent), dtype=np.int64)
        for n in range(1, len(trace)):
            given = {"s": trace[words.parent[n], None], "x": symbols[words.symbol[n], None]}
            trace[n] = int(np.ravel(evaluate_batch(update, given))[0])
        columns[name] = trace[words.parent], operator_count(update)
        columns["new_" + name] = trace, operator_count(update)
    return columns | {"x": (symbols[words.symbol], 0)}


@pytest.fixture(scope="module")
def pool() -> tuple[Pool, Histories]:
    finder, words, _ = made()
    inputs = {"x": DOMAIN.symbols()[words.symbol, 0]}
    everything = Pool(words, inputs, (0, 1, 2, 3), finder.batches, 1_500, 2_000, rng=np.random.default_rng(0))
    return everything, words


@pytest.mark.parametrize(
    "text",
    [
        "new_s", "new_s - s", "new_s + t - u", "min(new_t, u) - s", "max(s, new_t) * u", "max(t, u) + 3 * 0 + s",
        "int(new_s == v)", "int(max(t, u) < s)", "if s == 1 then t + u else x", "(if v > 1 then s else x) - new_t",
        "if s + t > 2 then u else x",
    ],
)  # fmt: skip
def test_a_join_is_found_and_right_and_no_larger(pool: tuple[Pool, Histories], text: str) -> None:
    everything, words = pool
    given = traces(words)
    function = parse(f"function f({', '.join(n + ': 0..9' for n in given)}) -> int = {text}")
    assert isinstance(function, Function)
    (term,) = function.outputs
    wanted = np.asarray(evaluate_batch(term, {n: c for n, (c, _) in given.items()}))
    most = operator_count(term) + sum({n.removeprefix("new_"): given[n][1] for n in variables(term)}.values())
    found = everything.joins(wanted, 99, 30_000_000)
    assert found
    assert found[0].size <= most
    for join in found:
        columns = {"x": given["x"][0]}
        for name, v in join.chosen.items():
            new, old = v.trace.astype(np.int64), v.trace[words.parent].astype(np.int64)
            columns |= {name: old, name + "'": new, name + EARLIER: old[words.parent]}
        assert (np.broadcast_to(evaluate_batch(join.output, columns), wanted.shape)[1:] == wanted[1:]).all()
        assert join.size == operator_count(join.output) + operators(tuple(join.chosen.values()))
    assert all(join.size < found[0].size for join in everything.joins(wanted, found[0].size, 3_000_000))


def test_what_is_remembered_determines_the_state_without_operators() -> None:
    text = (
        "machine m(x: 0..2) -> 0..2 state s: 0..2 = 0 state t: 0..2 = 0 state u: 0..2 = 0 "
        "next s = t next t = max(u, x) next u = s output s"
    )
    table = mealy_of(machine(text), DOMAIN, max_states=64)
    assert table is not None
    words = histories(table, 200, rng=np.random.default_rng(0))
    finder = Finder(table, DOMAIN, words, (0, 1, 2), (0, 1), -2, 7)
    questions = Questions(table, DOMAIN, words, (0, 1, 2))
    shown = pruned(finder.shown(), 1, 12)
    fits = [fit for _, fit in questions.remembering(shown, shown, (0, 1))]
    assert fits
    assert any(questions.on_states(fit.variables, fit.names) is not None for fit in fits)
    for fit in fits:
        while fit.depth < 1 and not fit.spent:
            fit.deepen()
    assert min(fit.size for fit in fits) <= 1
    for fit in fits:
        free = [v for v in fit.variables if v.update is not None]
        assert all(operator_count(v.update) == 0 for v in free if v.update is not None)


def test_variables_that_outputs_do_not_depend_on_are_not_needed() -> None:
    program = machine(
        "machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 state t: 0..1 = 0 state u: 0..1 = 0 "
        "next s = t next t = x next u = s output s'"
    )
    assert needed_by(program.outputs, {s.name: s.update for s in program.states}) == {"s", "t"}


def test_a_shared_base_is_paid_once() -> None:
    finder, words, found = made()
    base = next(v for v in found if v.size == 1)
    finder.prepare(deepest=1, limit=2_000, tests=10)
    finder.over([base], 500, 100)
    over = [b for b in finder.batches if b.base is not None]
    inputs = {"x": DOMAIN.symbols()[words.symbol, 0]}
    everything = Pool(words, inputs, (0, 1, 2), finder.batches, 3_000, 2_000, rng=np.random.default_rng(0))
    pair = over[0].found(0), over[0].found(len(over[0].rows) - 1)
    wanted = pair[0].trace.astype(np.int64) + 5 * pair[1].trace[words.parent]
    for join in everything.joins(wanted, 99, 5_000_000):
        assert join.size == operator_count(join.output) + operators(tuple(join.chosen.values()))
    assert encoded(pair, words)[0].trace is base.trace
