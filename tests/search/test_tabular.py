"""Machines from unlabelled tables: planted machines are sane, tables are what they say, and programs come back."""

import numpy as np
import pytest

from benchmarks.suites.planted import planted
from dsl.batch import evaluate_batch
from dsl.programs import Function, program_size
from dsl.syntax import parse
from dsl.terms import Var, operator_count
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.abstract.minimal import equal, mealy_of, renamed
from extract.search.covers import covers, determines, room
from extract.search.finder import Finder
from extract.search.histories import MOST_NODES, histories
from extract.search.simulations import purity
from extract.search.small.smallest import Smallest
from extract.search.tabular import machine_from_table
from extract.search.unfold import unfold
from extract.search.variables import Variable, encoded, joint_codes, pruned
from tests.search.tables import table
from tests.verify.stubs import machine
from verify.budget import Deadline
from verify.domain import Domain

BITS = Domain(((0, 1),), 9)


def test_a_table_is_minimal_and_keeps_its_start_when_renamed() -> None:
    text = "machine m(x: 0..1) -> 0..2 state s: 0..5 = 0 next s = (s + x) mod 6 output s' mod 3"
    plain = mealy_of(machine(text), BITS, max_states=64)
    assert plain is not None
    assert plain.size == 3
    assert plain.output[0, :, 0].tolist() == [0, 1]
    other = renamed(plain, rng=np.random.default_rng(3))
    assert equal(plain, other)
    assert not equal(plain, table("machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = s ^ x output s'", BITS))


def test_a_machine_without_end_has_no_table() -> None:
    text = "machine m(x: 0..1) -> int state s: int = 1 next s = s * s + s output s"
    assert mealy_of(machine(text), BITS, max_states=64) is None


def test_planted_machines_are_reproducible_and_worth_recovering() -> None:
    first, again = planted(12, seed=5), planted(12, seed=5)
    assert [str(p.program) for p in first] == [str(p.program) for p in again]
    for p in first:
        exact = mealy_of(p.program, p.domain, max_states=256)
        assert exact is not None
        assert equal(exact, p.mealy)
        assert exact.size == p.mealy.size
        assert 2 <= p.mealy.size <= 64
    assert [len(p.program.states) for p in first] == [1, 1, 2, 2, 3, 3] * 2


def test_traces_are_values_and_sets_without_conflict_determine_the_state() -> None:
    text = (
        "machine m(x: 0..1) -> 0..5 state s: 0..1 = 0 state t: 0..2 = 0 "
        "next s = x next t = (t + s) mod 3 output t + 3 * s"
    )
    mealy = table(text, BITS)
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    finder = Finder(mealy, BITS, words, (0, 1, 2, 3), (0, 1), -2, 7)
    closed = pruned(finder.closed(8, deepest=1, limit=2_000, tests=500), 5, 400)
    base = next(v for v in closed if v.update == Var("x", INT) and v.initial == 0)
    assert (base.trace[1:] == words.symbol[1:]).all()
    finder.prepare(deepest=1, limit=3_000, tests=2_000)
    pool = pruned(finder.over([base], 5_000, 100), 5, 500)
    assert pool
    hits = np.empty((50, 3), dtype=np.int64)
    told, prices = np.stack([v.told for v in pool]), np.array([max(round(v.price), 1) for v in pool])
    count = covers(told, joint_codes(pool, words), prices, words.state, 2, 10, hits, 10_000)
    chosen = [(v,) for v in pool if (v.told == ~np.uint64(0)).all()]
    chosen += [tuple(pool[k] for k in row if k >= 0) for row in hits[:count].tolist()]
    exact = [unfold(mealy, BITS, encoded(c, words), most=400) for c in chosen]
    assert any(joint is not None and joint.determined for joint in exact)


def test_words_take_each_step_of_the_table() -> None:
    """A counter that saturates far from its start: words that never get there do not tell it from one without end."""
    text = (
        "machine m(x: 0..3) -> 0..9 state s: 0..9 = 0 "
        "next s = if x == 1 then min(s + 1, 9) else max(s - 1, 0) output s"
    )
    mealy = table(text, Domain(((0, 3),), 9))
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    before = words.state[words.parent[1:]]
    assert (words.state[1:] == mealy.next[before, words.symbol[1:]]).all()
    assert len(set(zip(before.tolist(), words.symbol[1:].tolist(), strict=True))) == mealy.next.size


def test_words_and_hash_tables_bear_tables_of_many_steps() -> None:
    text = "machine m(x: 0..99) -> 0..39 state s: 0..39 = 0 next s = (s + x) mod 40 output s"
    words = histories(table(text, Domain(((0, 99),), 9)), 256, rng=np.random.default_rng(0))
    assert MOST_NODES <= len(words.state) <= MOST_NODES + 1
    codes = np.arange(5 * MOST_NODES, dtype=np.uint64) << np.uint64(13)
    assert determines(codes, np.zeros(len(codes), np.int64), room(len(codes)))


def test_a_pure_variable_is_a_function_of_the_state() -> None:
    state = np.array([0, 1, 2, 0, 1, 2])
    traces = np.array([[5, 3, 3, 5, 3, 3], [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 3]], dtype=np.int16)
    pure = purity(traces, state)
    assert pure[0] == pytest.approx(1)
    assert pure[1] == pytest.approx(0)
    assert 0 < pure[2] < 1


def test_what_closes_a_set_determines_the_state_with_it() -> None:
    text = (
        "machine m(x: 0..1) -> 0..5 state s: 0..1 = 0 state t: 0..2 = 0 "
        "next s = x next t = (t + s) mod 3 output t + 3 * s"
    )
    mealy = table(text, BITS)
    words = histories(mealy, 200, rng=np.random.default_rng(0))
    finder = Finder(mealy, BITS, words, (0, 1, 2, 3), (0, 1), -2, 7)
    finder.prepare(deepest=2, limit=5_000, tests=100)
    base = next(v for v in finder.closed(8, deepest=1, limit=500, tests=10) if v.update == Var("x", INT))
    found = finder.closing([(base,)], 20_000, 50, 30)
    assert found
    for chosen in found:
        assert chosen[0] is base
        codes = joint_codes(chosen, words).sum(axis=0)
        assert len(np.unique(codes)) == len(np.unique(np.stack([codes, words.state.astype(np.uint64)]), axis=1).T)
    exact = [unfold(mealy, BITS, encoded(chosen, words), most=400) for chosen in found]
    assert any(joint is not None and joint.determined for joint in exact)


def test_values_without_end_are_no_encoding() -> None:
    mealy = table("machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = s ^ x output s'", BITS)
    square = parse("function f(v0: int) -> int = v0 * v0 + 2")
    assert isinstance(square, Function)
    growing = Variable("v0", square.outputs[0], 2, 2, np.zeros(1, np.int16))
    assert unfold(mealy, BITS, (growing,), most=1000) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("s' - t", "st"),
        ("if x == 1 then min(s + 1, 3) else max(s - 1, 0)", "xs"),
        ("(s + 2 * x) mod 4", "xs"),
        ("max(s, min(t, x)) - 1", "xst"),
        ("int(s < t) * x", "xst"),
    ],
)  # fmt: skip
def test_the_smallest_term_is_right_and_no_larger(text: str, names: str) -> None:
    rng = np.random.default_rng(1)
    text = text.replace("s'", "s")
    columns = {n: rng.integers(0, 4, 150) for n in names}
    declared = ", ".join(f"{n}: 0..3" for n in names)
    function = parse(f"function f({declared}) -> int = {text}")
    assert isinstance(function, Function)
    (term,) = function.outputs
    target = np.asarray(evaluate_batch(term, columns))
    search = Smallest(columns, target, (0, 1, 2, 3, -1))
    while not search.spent:
        search.deepen()
    assert search.best is not None
    assert (evaluate_batch(search.best, columns) == target).all()
    assert search.size <= operator_count(term)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = int(s != x) output s'", BITS),
        ("machine m(x: 0..4) -> 0..4 state s: 0..4 = 0 next s = max(s, x) output s'", Domain(((0, 4),), 9)),
        ("machine m(x: 0..2) -> 0..3 state s: 0..3 = 0 next s = min(s + x, 3) output s", Domain(((0, 2),), 9)),
    ],
)  # fmt: skip
def test_a_program_comes_back_no_larger(text: str, domain: Domain) -> None:
    mealy = table(text, domain)
    planted_program = machine(text)
    kinds, rng = planted_program.output_types, np.random.default_rng(0)
    found = machine_from_table(mealy, domain, kinds, deadline=Deadline.after(600), rng=rng)
    assert found.machine is not None
    exact = mealy_of(found.machine, domain, max_states=256)
    assert exact is not None
    assert equal(exact, mealy)
    assert program_size(found.machine) <= program_size(planted_program)


def test_failure_says_why_and_gives_the_table() -> None:
    rng = np.random.default_rng(0)
    nothing = np.zeros((9, 0), dtype=np.float32)
    mealy = Mealy(rng.integers(0, 9, (9, 2)), rng.integers(-99, 99, (9, 2, 1)), nothing, np.zeros(9, int), True)
    found = machine_from_table(mealy, BITS, (INT,), deadline=Deadline.after(0), rng=np.random.default_rng(0))
    assert found.stop == "time limit"
    assert found.size is None
    assert found.machine is not None
    same = mealy_of(found.machine, BITS, max_states=64)
    assert same is not None
    assert equal(same, mealy)
