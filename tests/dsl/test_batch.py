"""The vectorised reading equals the reference, at any size of number, and is fast on machines."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.batch import evaluate_batch, initial_batch, run_machine_batch, step_batch
from dsl.errors import EvaluationError, Unsupported
from dsl.programs import Machine
from dsl.semantics import evaluate, run_machine
from dsl.syntax import parse, parse_term
from dsl.types import BOOL, INT, IntType
from tests.dsl.strategies import environments, machines, scopes, some_kind, terms, values
from tests.dsl.test_operators import same, stacked, unstacked


@given(data=st.data())
def test_terms_equal_the_reference(data: st.DataObject) -> None:
    scope = data.draw(scopes("abc"))
    term = data.draw(terms(scope, data.draw(some_kind), 4))
    rows = data.draw(st.lists(environments(scope), min_size=1, max_size=5))
    batch = evaluate_batch(term, {name: stacked([env[name] for env in rows]) for name in scope})
    for row, env in enumerate(rows):
        assert same(unstacked(batch, row), evaluate(term, env))


bounded = st.sampled_from([IntType(0, 1), IntType(-3, 9), INT, BOOL])


@given(data=st.data(), machine=machines(inputs=bounded, outputs=st.sampled_from([INT, BOOL])))
def test_machines_equal_the_reference(data: st.DataObject, machine: Machine) -> None:
    symbol = st.tuples(*(values(v.type) for v in machine.inputs))
    words = data.draw(st.lists(st.lists(symbol, min_size=4, max_size=4), min_size=1, max_size=3))
    inputs = np.array(words, dtype=object)
    outputs = run_machine_batch(machine, inputs)
    expected = np.array([[[int(v) for v in out] for out in run_machine(machine, word)] for word in words], dtype=object)  # type: ignore[arg-type]
    assert (outputs == expected).all()
    state = initial_batch(machine, len(words))
    for position in range(4):
        state, out = step_batch(machine, state, inputs[:, position])
        assert (out == expected[:, position]).all()


def test_overflow_is_never_silent() -> None:
    big = np.array([2**62, -(2**63), 3])
    texts = ["a + a", "a * a", "-a", "a - 1 - a * 3", "a div -1", "abs(a)", "a << 3", "~a", "a mod 10 + a * a - a * a"]
    for text in texts:
        term = parse_term(text, {"a": INT})
        got = evaluate_batch(term, {"a": big})
        assert [int(v) for v in got] == [evaluate(term, {"a": int(v)}) for v in big], text
    assert evaluate_batch(parse_term("a mod 10 + a * a - a * a", {"a": INT}), {"a": big}).dtype == np.int64


def test_outputs_beyond_64_bits_stay_exact() -> None:
    machine = parse("machine m(x: 0..9) -> int state s: int = 1 next s = s * 1000 + x output s'")
    assert isinstance(machine, Machine)
    outputs = run_machine_batch(machine, np.full((2, 30, 1), 7))
    assert outputs[1, 29, 0] == run_machine(machine, [(7,)] * 30)[-1][0]


def test_bad_arrays_are_refused() -> None:
    machine = parse("machine m(x: 0..1) -> 0..1 output x")
    assert isinstance(machine, Machine)
    with pytest.raises(EvaluationError, match=r"expected x in 0..1, got values in 0..2"):
        run_machine_batch(machine, np.array([[[0], [2]]]))
    with pytest.raises(EvaluationError, match="expected 1 inputs a step, got 2"):
        run_machine_batch(machine, np.zeros((1, 1, 2), dtype=np.int64))
    with pytest.raises(EvaluationError, match="got float64"):
        evaluate_batch(parse_term("a", {"a": INT}), {"a": np.array([0.5])})
    registers = parse("machine m(x: 0..1) -> [int; 2] output [x, x]")
    assert isinstance(registers, Machine)
    with pytest.raises(Unsupported):
        run_machine_batch(registers, np.zeros((1, 1, 1), dtype=np.int64))


def test_an_empty_batch_and_an_empty_word() -> None:
    machine = parse("machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = x output s")
    assert isinstance(machine, Machine)
    for shape in [(0, 3, 1), (3, 0, 1)]:
        assert run_machine_batch(machine, np.zeros(shape, dtype=np.int64)).shape == shape


def test_three_million_steps_take_about_a_second() -> None:
    machine = parse(
        """machine m(a: 0..1, b: 0..1) -> 0..1 state c: 0..1 = 0 state n: int = 0
             let s = a + b + c
             next c = s div 2  next n = if s mod 2 == 1 then n + 1 else max(n - 1, 0)
             output s mod 2"""
    )
    assert isinstance(machine, Machine)
    inputs: Any = np.random.default_rng(0).integers(0, 2, (100_000, 30, 2))
    started = time.process_time()
    run_machine_batch(machine, inputs)
    assert time.process_time() - started < 3
