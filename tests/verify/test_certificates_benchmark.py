"""The table of proofs tells proved from refuted, and sampled steps keep to their bounds on every cell."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.performance import growth
from benchmarks.performance.certificates import TIMES, TOMITA, measure, summary
from benchmarks.performance.enclosures import violations


def test_rows_and_summary_say_what_happened() -> None:
    proved = measure(TOMITA / "2_rnn_tanh_noisy_1", 20.0)
    refuted = measure(TOMITA / "7_gru_1", 20.0)
    assert (proved.verdict, proved.noisy, refuted.verdict, refuted.noisy) == ("proved", True, "refuted", False)
    assert proved.regions > 0
    assert refuted.detail.startswith("differs at length ")
    lines = summary([proved, refuted])
    assert "plain gru: 0 proved, 0 bounded, 1 refuted, 0 obstacle of 1" in lines
    assert any(line.startswith("noisy all: 1 proved, 0 bounded, 0 refuted, 0 obstacle of 1; median") for line in lines)


def test_a_network_that_counts_is_settled_up_to_a_length_and_refuted_after_it() -> None:
    counter = measure(TOMITA.parent / "count_ones_mlp", 20.0)
    assert (counter.verdict, counter.finite) == ("refuted", False)
    assert counter.train < counter.length < counter.differs <= TIMES * counter.train
    assert summary([counter])[-1].endswith("1 settled to 10 times the training length, 1 by a counterexample")


@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "gru", "lstm", "mlp"])
def test_sampled_steps_stay_inside(cell: str) -> None:
    steps, broken = violations(TOMITA / f"5_{cell}_1", np.random.default_rng(3))
    assert steps == 64_000
    assert broken == 0


def test_a_planted_counter_of_any_cell_is_proved() -> None:
    row = growth.measure("gru", 2, 8, 20.0)
    assert (row.cell, row.states, row.hidden, row.proved) == ("gru", 2, 8, growth.DRAWS)
    assert row.prover_s > row.checker_s > 0
