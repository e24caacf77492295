"""The search for regions: what it learns, what it drops, and the word at which a network leaves its program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsl.programs import Machine
from extract.networks import load_network
from tests.verify.stubs import machine
from verify.budget import FOREVER
from verify.lockstep import replay
from verify.reach.closure import Options
from verify.reach.measures import effects
from verify.reach.regions import Search
from verify.reach.samples import Samples
from verify.reach.table import ProgramTable
from verify.reach.tolerance import Tolerance
from verify.weights import weights_of

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
PARITY = machine("machine parity(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'")
LEAVES_AT_8 = machine(
    "machine late(x: 0..1) -> 0..1  state s: 0..1 = 0  state n: 0..9 = 0"
    "  next s = s ^ x  next n = min(n + 1, 9)  output if n' == 8 then 1 - s' else s'"
)
SMALL = Options(scale=0.05, settled=0.05, inflation=1.02)


@pytest.fixture(scope="module")
def network() -> Any:
    torch.set_num_threads(1)
    return load_network(ZOO / "parity_noisy_rnn_tanh")


def search_for(network: Any, program: Machine) -> Search:
    weights, rng = weights_of(network, network.initial_state(1)[0]), np.random.default_rng(0)
    table, symbols = ProgramTable(program, network.domain), network.domain.symbols()
    spread = np.full(len(weights.initial), 0.5)
    samples = Samples(weights, table, spread, rng.integers(0, 2, size=(32, 24)))
    tolerance = Tolerance(samples, effects(samples, FOREVER))

    def refutes(word: list[int]) -> bool:
        return replay(network, program, symbols[word]) is not None

    return Search(weights, table, tolerance, spread, SMALL, refutes)


def test_what_was_learnt_is_not_learnt_again(network: Any) -> None:
    tolerance = search_for(network, PARITY).tolerance
    state, first = network.initial_state(1).astype(np.float64), np.zeros(1, dtype=np.int64)

    def factors() -> np.ndarray:
        return tolerance.least(state, first, np.ones(1), np.ones(1))[1]

    for _ in range(3):  # of a region made before any was blamed
        tolerance.blame(state, first, np.ones(1))
        assert factors() == 0.5
    tolerance.blame(state, first, factors())
    assert factors() == 0.25


def test_what_came_of_a_blamed_region_is_dropped(network: Any) -> None:
    search = search_for(network, PARITY)
    assert search.run(FOREVER).obstacle is None
    last = int(np.nonzero(search.cover.kept)[0][-1])
    assert search.origins[last].parent > 0
    search._repair([search.origins[last].parent])
    kept = search.cover.kept
    assert not kept[last]
    assert all(kept[search.origins[k].parent] for k in np.nonzero(kept)[0] if search.origins[k].parent >= 0)


def test_a_program_that_differs_later_is_refuted_by_the_word(network: Any) -> None:
    closure = search_for(network, LEAVES_AT_8).run(FOREVER)
    assert closure.word is not None
    assert len(closure.word) == 8
    assert closure.regions == []
