"""Exhaustive checking finds the shortest difference, closes finite state spaces, and keeps to its budgets."""

from __future__ import annotations

import time

import numpy as np
import pytest

from dsl.errors import TypeMismatch
from tests.verify.stubs import BITS, COUNTER, PARITY, SUM, MachineNetwork, machine
from verify.budget import Deadline
from verify.domain import Domain
from verify.exhaustive import exhaustive
from verify.lockstep import replay
from verify.verdict import Proved, Refuted, Unknown


def test_finite_state_network_is_proved_for_every_length() -> None:
    finding = exhaustive(MachineNetwork(PARITY, BITS), PARITY)
    assert finding.verdict == Proved("all inputs of every length (3 reachable states, exact closure)")


def test_unbounded_counter_is_proved_up_to_a_length() -> None:
    finding = exhaustive(MachineNetwork(COUNTER, BITS), COUNTER, max_length=10)
    assert isinstance(finding.verdict, Proved)
    assert finding.domain.startswith("all inputs of length up to 10 (")


def test_without_merging_every_input_is_counted() -> None:
    history = machine("machine h(x: 0..1) -> int  state n: int = 1  next n = 2 * n + x  output n'")
    finding = exhaustive(MachineNetwork(history, BITS), history, max_length=10)
    assert finding.domain == "all inputs of length up to 10 (2,046 checked)"


@pytest.mark.parametrize("word", [(1,), (0, 1, 1), (1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1)])
def test_planted_deviation_is_found_and_shortest(word: tuple[int, ...]) -> None:
    planted = tuple((bit,) for bit in word)
    for program in (PARITY, COUNTER):
        finding = exhaustive(MachineNetwork(program, BITS, planted), program)
        assert isinstance(finding.verdict, Refuted)
        assert finding.verdict.counterexample.inputs == planted
        assert finding.verdict.shortest


def test_deviation_beyond_the_budget_is_not_claimed_away() -> None:
    planted = ((7,), (93,), (20,))
    network = MachineNetwork(SUM, Domain(((0, 99),), 10), planted)
    finding = exhaustive(network, SUM, max_inputs=10_100)
    assert isinstance(finding.verdict, Proved)
    assert "length up to 2" in finding.verdict.domain


def test_leftover_budget_searches_a_part_of_the_next_length() -> None:
    network = MachineNetwork(SUM, Domain(((0, 99),), 10), ((0,), (93,)))
    finding = exhaustive(network, SUM, max_inputs=200)
    assert isinstance(finding.verdict, Refuted)
    assert dict(exhaustive(network, SUM, max_inputs=150).measured)["inputs_one_longer"] == 50


def test_alphabet_above_the_budget_is_unknown() -> None:
    finding = exhaustive(MachineNetwork(SUM, Domain(((0, 99),), 10)), SUM, max_inputs=50)
    assert isinstance(finding.verdict, Unknown)


def test_deadline_is_honoured() -> None:
    history = machine("machine h(x: 0..1) -> int  state n: int = 1  next n = 2 * n + x  output n'")
    began = time.monotonic()
    finding = exhaustive(MachineNetwork(history, BITS), history, max_inputs=10**9, deadline=Deadline.after(0.5))
    assert time.monotonic() - began < 0.8
    assert isinstance(finding.verdict, Proved)


class _DependsOnBatch(MachineNetwork):
    """Answers otherwise in batches of exactly 8 rows, as a matrix product of another shape might."""

    def step(self, state, symbols):  # type: ignore[no-untyped-def]
        after, outputs = super().step(state, symbols)
        return after, outputs + (1 if len(symbols) == 8 else 0)


def test_difference_that_does_not_replay_is_unknown() -> None:
    history = machine("machine h(x: 0..1) -> int  state n: int = 1  next n = 2 * n + x  output n'")
    finding = exhaustive(_DependsOnBatch(history, BITS), history, max_length=5)
    assert isinstance(finding.verdict, Unknown)
    assert "depends on the batch" in finding.verdict.reason


def test_replay_rejects_a_word_that_does_not_fail() -> None:
    assert replay(MachineNetwork(PARITY, BITS), PARITY, np.array([[0], [1]])) is None


def test_incompatible_program_is_named() -> None:
    with pytest.raises(TypeMismatch, match=r"expected an input type that holds 0\.\.1"):
        exhaustive(MachineNetwork(PARITY, BITS), machine("machine m(x: 0..0) -> int output x"))
