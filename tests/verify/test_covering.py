"""Regions that were followed up to a length prove that length and no more."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsl.programs import Machine
from extract.networks import load_network
from tests.verify.stubs import machine
from verify.budget import FOREVER
from verify.certificate import certificate_of
from verify.checker import Rejected, check_certificate
from verify.lockstep import replay
from verify.reach.closure import Options
from verify.reach.measures import Total
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


def search_for(network: Any, program: Machine, length: int | None) -> tuple[Search, ProgramTable]:
    weights, rng = weights_of(network, network.initial_state(1)[0]), np.random.default_rng(0)
    table, symbols = ProgramTable(program, network.domain), network.domain.symbols()
    spread = np.full(len(weights.initial), 0.5)
    samples = Samples(weights, table, spread, rng.integers(0, 2, size=(32, 24)))
    tolerance = Tolerance(samples, Total(samples, FOREVER))
    options = Options(SMALL.scale, SMALL.settled, SMALL.inflation, length=length)

    def refutes(word: list[int]) -> bool:
        return replay(network, program, symbols[word]) is not None

    return Search(weights, table, tolerance, spread, options, refutes), table


def test_what_was_learnt_is_not_learnt_again(network: Any) -> None:
    tolerance = search_for(network, PARITY, None)[0].tolerance
    state, first = network.initial_state(1).astype(np.float64), np.zeros(1, dtype=np.int64)

    def factors() -> np.ndarray:
        return tolerance.least(state, first, np.ones(1), np.ones(1), np.ones(1, dtype=np.int64))[1]

    for _ in range(3):  # of a region made before any was blamed
        tolerance.blame(state, first, np.ones(1))
        assert factors() == 0.5
    tolerance.blame(state, first, factors())
    assert factors() == 0.25


def test_what_came_of_a_blamed_region_is_dropped(network: Any) -> None:
    search = search_for(network, PARITY, 4)[0]
    search.run(FOREVER)
    last = search.cover.count - 1
    assert search.origins[last].parent > 0
    search._repair([search.origins[last].parent])
    kept = search.cover.kept
    assert not kept[last]
    assert all(kept[search.origins[k].parent] for k in np.nonzero(kept)[0] if search.origins[k].parent >= 0)


@pytest.fixture(scope="module")
def bounded(network: Any) -> dict[str, Any]:
    """A certificate for inputs of length up to 4, beyond which nothing was followed."""
    search, table = search_for(network, PARITY, 4)
    closure = search.run(FOREVER)
    length, regions = search.covered()
    assert closure.asked
    assert not closure.ended
    assert length == 4
    made = certificate_of(regions, "all inputs of length up to 4", table, PARITY, network.tensors)
    return {**made, "length": length}


def checked(certificate: dict[str, Any], network: Any) -> str:
    return check_certificate(certificate, dict(network.description), dict(network.tensors))


def test_the_length_followed_is_proved(network: Any, bounded: dict[str, Any]) -> None:
    assert checked(bounded, network).startswith("all inputs of length up to 4 (")
    assert checked({**bounded, "length": 3}, network).startswith("all inputs of length up to 3 (")
    assert any(region["to"] is None for region in bounded["regions"])


@pytest.mark.parametrize("length", [5, 6, 1_000])
def test_a_longer_one_is_not(network: Any, bounded: dict[str, Any], length: int) -> None:
    with pytest.raises(Rejected, match="are not named"):
        checked({**bounded, "length": length}, network)


def test_without_a_length_all_has_to_be_followed(network: Any, bounded: dict[str, Any]) -> None:
    endless = {name: value for name, value in bounded.items() if name != "length"}
    with pytest.raises(Rejected, match="are not named"):
        checked({**endless, "domain": "all inputs of every length"}, network)


@pytest.mark.parametrize("length", [0, -1, 10**9])
def test_lengths_that_are_none_are_rejected(network: Any, bounded: dict[str, Any], length: int) -> None:
    with pytest.raises(Rejected, match="expected a length"):
        checked({**bounded, "length": length}, network)


def test_corrupted_bounded_certificates_are_rejected(network: Any, bounded: dict[str, Any]) -> None:
    accepted = []
    followed = [k for k, region in enumerate(bounded["regions"]) if region["to"] is not None]
    lost = len(bounded["regions"]) - 1
    for k in followed:
        for name, change in {
            "forgotten": {"to": None},
            "leads to what was not followed": {"to": [[lost], [lost]]},
            "leads back": {"to": [[0], [0]]},
            "leads nowhere": {"to": [[lost + 1], [lost + 1]]},
            "leads to a negative number": {"to": [[-1], [-1]]},
            "of another state": {"state": ["7"]},
            "moved": {"centre": [value + 1 for value in bounded["regions"][k]["centre"]]},
        }.items():
            wrong = copy.deepcopy(bounded)
            wrong["regions"][k].update(change)
            try:
                checked(wrong, network)
                accepted.append((k, name))
            except Rejected:
                continue
    assert accepted == []


def test_a_program_that_differs_later_is_proved_only_until_then(network: Any) -> None:
    """Seven steps are right, the eighth is not: no regions may say more, however they are sought."""
    search, table = search_for(network, LEAVES_AT_8, 12)
    closure = search.run(FOREVER)
    length, regions = search.covered()
    assert closure.word is not None
    assert len(closure.word) == 8
    assert 0 < length <= 7
    made = certificate_of(regions, f"all inputs of length up to {length}", table, LEAVES_AT_8, network.tensors)
    assert checked({**made, "length": length}, network).startswith(f"all inputs of length up to {length} (")
    with pytest.raises(Rejected):
        checked({**made, "length": 8}, network)


def test_a_network_that_forgets_closes_whatever_length_is_asked_for(network: Any) -> None:
    search, _ = search_for(network, PARITY, 10_000)
    assert search.run(FOREVER).obstacle is None
