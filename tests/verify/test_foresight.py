"""Foresight says what following a set would: how large a part of a lead it reaches, along the inputs ahead."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extract.networks import load_network
from tests.verify.stubs import machine
from verify.enclosures import Network, Zonotope
from verify.layers import Layers
from verify.reach.foresight import Foresight, foresight

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
PROGRAMS = {
    "parity_noisy_rnn_tanh": "machine m(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'",
    "tomita4_lstm": "machine m(x: 0..1) -> 0..1  state s: 0..3 = 0"
    "  next s = if s == 3 then 3 else if x == 1 then 0 else s + 1  output if s' == 3 then 0 else 1",
}
DEPTH, INPUTS = 2, 3


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def layers(request: pytest.FixtureRequest) -> Layers:
    torch.set_num_threads(1)
    network = load_network(ZOO / request.param)
    found = Layers(machine(PROGRAMS[request.param]), Network(dict(network.description), dict(network.tensors)))
    for _ in range(4):
        found.step()
    return found


@pytest.fixture(scope="module")
def ahead(layers: Layers) -> Foresight:
    return foresight(layers, DEPTH, INPUTS, 400)


def cubes(ahead: Foresight, radius: float) -> tuple[Zonotope, Any]:
    """Around each state that was looked from."""
    centre = np.stack([each.state for each in ahead.ahead]) * ahead.unit
    terms = np.tile(radius * np.diag(ahead.unit), (len(centre), 1, 1))
    return Zonotope(centre, terms, np.zeros_like(centre)), np.array([each.number for each in ahead.ahead])


def lost(layers: Layers, x: Any, states: Any) -> Any:
    """Per enclosure, the largest part of a lead that its terms reach, of all words of up to so many inputs."""
    worst = np.zeros(len(states))
    for word in itertools.product(range(len(layers.network.symbols)), repeat=INPUTS):
        image, reached = x, states

        def reach(enclosure: Any, outputs: tuple[int, ...]) -> Any:
            matrix, offset = layers.network.leads(outputs)
            logits = layers.network.logits(enclosure)
            return (np.abs(logits.terms @ matrix.T).sum(axis=1) / (logits.centre @ matrix.T + offset)).max(axis=1)

        for position in word:
            image, reached, parts = layers.follower.image(image, reached, position, reach)
            worst = np.maximum(worst, parts)
    return worst


def test_doubt_is_what_following_small_sets_comes_to(layers: Layers, ahead: Foresight) -> None:
    assert len(ahead.ahead) > 3
    x, states = cubes(ahead, 1e-3)
    assert np.allclose(ahead.doubts(x, states), lost(layers, x, states), rtol=0.05)


def test_doubt_grows_with_the_set(ahead: Foresight) -> None:
    (small, states), (large, _) = cubes(ahead, 1e-3), cubes(ahead, 3e-3)
    assert (ahead.doubts(small, states) > 0).all()
    assert np.allclose(ahead.doubts(large, states), 3 * ahead.doubts(small, states))
    boxed = Zonotope(small.centre, small.terms, np.abs(small.terms).sum(axis=1))
    assert np.allclose(ahead.doubts(boxed, states), 2 * ahead.doubts(small, states))


def test_words_that_do_not_matter_are_forgotten(ahead: Foresight) -> None:
    x, states = cubes(ahead, 1e-2)
    fewer = ahead.of(x, states)
    assert sum(len(each.leads) for each in fewer.ahead) < sum(len(each.leads) for each in ahead.ahead)
    assert np.allclose(fewer.doubts(x, states), ahead.doubts(x, states))


def test_nothing_is_known_of_another_program_state(ahead: Foresight) -> None:
    x, states = cubes(ahead, 10.0)
    assert (ahead.doubts(x, states + 100) == 0).all()
    assert (ahead.doubts(x, states) > 0.5).any()
