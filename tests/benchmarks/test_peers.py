"""Peers that come along: trees and automata are written as programs that say what was learned."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.command import Learned, symbol_number
from benchmarks.peers.tree import function_text, machine_text, tree_term
from benchmarks.run import ZOO
from dsl.programs import Function, Machine
from dsl.semantics import evaluate, run_function, run_machine, wrap
from dsl.syntax import parse, parse_term
from dsl.types import IntType
from extract.networks import load_network
from verify.domain import Domain

PARITY = load_network(ZOO / "parity_noisy_rnn_tanh")
TOGGLE = Learned([[0, 1], [1, 0]], [[(0,), (1,)], [(1,), (0,)]], 3, 4, True, 0.1)
WORD = [(x,) for x in (0, 1, 1, 0, 1, 0)]
PARITIES = [(y,) for y in (0, 1, 0, 0, 1, 1)]


def test_a_tree_gives_the_answers_it_was_fitted_to() -> None:
    inputs = np.array([[a, b] for a in range(5) for b in range(-2, 3)])
    wanted = np.where(inputs[:, 0] > 2, 7, np.sign(inputs[:, 1]))
    term = parse_term(tree_term(inputs, wanted, ("a", "b"), seed=0), {"a": IntType(0, 4), "b": IntType(-2, 2)})
    assert [evaluate(term, {"a": int(a), "b": int(b)}) for a, b in inputs] == wanted.tolist()


def test_one_step_data_become_a_machine() -> None:
    machine = parse(machine_text(PARITY, TOGGLE, seed=0))
    assert isinstance(machine, Machine)
    assert run_machine(machine, WORD) == PARITIES


def test_a_network_over_single_inputs_becomes_a_function() -> None:
    network = load_network(next(p.parent for p in sorted((ZOO / "boolean").glob("*/network.json"))))
    function = parse(function_text(network, seed=0))
    assert isinstance(function, Function)
    inputs = network.domain.symbols()[:: max(network.domain.symbol_count // 20, 1)]
    answers = network.run(inputs[:, None])[:, 0].tolist()
    assert [list(wrap(run_function(function, tuple(map(int, row))))) for row in inputs] == answers


def test_symbols_are_numbered_first_component_first() -> None:
    domain = Domain(((0, 2), (-1, 1)), 5)
    term = parse_term(symbol_number(domain), {"a": IntType(0, 2), "b": IntType(-1, 1)})
    numbers = [evaluate(term, {"a": int(a), "b": int(b)}) for a, b in domain.symbols()]
    assert numbers == list(range(9))


def test_aalpy_learns_the_automaton_of_a_network(tmp_path: Path) -> None:
    pytest.importorskip("aalpy")
    from benchmarks.peers import automaton

    found = automaton.learn(PARITY, timeout_s=60.0, seed=0)
    assert found is not None
    assert found.finished
    assert (found.after, found.output) == (TOGGLE.after, TOGGLE.output)
    assert found.queries > 100
    machine = parse(automaton.machine_text(PARITY, found))
    assert isinstance(machine, Machine)
    assert run_machine(machine, WORD) == PARITIES
