"""The beam finds words that lead a network astray, and what it finds is real."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_network
from verify.attack import attacked
from verify.budget import Deadline
from verify.lockstep import first_failures

TOMITA = Path(__file__).parents[2] / "benchmarks" / "zoo" / "tomita"


def found(name: str, steps: int) -> tuple[Any, Machine, Any]:
    network: Any = load_network(TOMITA / name)
    program = parse(TASKS[network.description["task"]].reference)
    assert isinstance(program, Machine)
    deadline = Deadline.after(60, time.process_time)
    return network, program, attacked(network, program, steps=steps, rng=np.random.default_rng(0), deadline=deadline)


@pytest.mark.parametrize("name", ["4_rnn_relu_2", "4_rnn_relu_1"])
def test_a_word_is_found_and_leads_astray(name: str) -> None:
    network, program, counterexample = found(name, 100)
    assert counterexample is not None
    word = np.array(counterexample.inputs)[None]
    assert first_failures(network, program, word)[0] == counterexample.length - 1


def test_none_is_found_where_there_is_none() -> None:
    assert found("1_rnn_tanh_1", 60)[2] is None
