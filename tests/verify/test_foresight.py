"""Foresight says what a step says: doubt is less than its lead exactly where a read-out is certain, now and later."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_network
from verify.enclosures import Network, Zonotope
from verify.layers import Layers
from verify.reach.foresight import doubt, doubtful

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
PARITY = parse("machine parity(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'")


@pytest.mark.parametrize("name", ["parity_noisy_rnn_tanh", "tomita4_lstm", "finite/Add_Mod_3_gru", "div_3_gru"])
def test_doubt_is_less_than_a_lead_where_a_read_out_is_certain(name: str) -> None:
    torch.set_num_threads(1)
    rng, network = np.random.default_rng(7), load_network(ZOO / name)
    enclosed = Network(dict(network.description), dict(network.tensors))
    centre = network.trace(network.domain.draw((50, 8), rng=rng)).activations["h"].reshape(-1, len(enclosed.start()))
    sizes = 10 ** rng.uniform(-3, 0.5, size=(len(centre), 1, 1))
    terms = sizes * rng.standard_normal((len(centre), 4, centre.shape[1]))
    logits = enclosed.logits(Zonotope(centre.astype(np.float64), terms, np.full(centre.shape, 1e-4)))
    some = 0
    for output in range(enclosed.outputs[0][0], enclosed.outputs[0][1] + 1):
        doubts, certain = doubt(enclosed, logits, (output,)), enclosed.decides(logits, (output,))
        assert certain[doubts < 0.999].all()
        assert not certain[doubts > 1.001].any()
        some += int(((doubts > 0.1) & (doubts < 0.9)).sum())
    assert some > 0


def test_what_is_wide_is_doubtful_and_stays_so() -> None:
    assert isinstance(PARITY, Machine)
    network = load_network(ZOO / "parity_noisy_rnn_tanh")
    layers = Layers(PARITY, Network(dict(network.description), dict(network.tensors)))
    for _ in range(3):
        layers.step()
    centre, states = layers.zonotopes.centre, layers.states
    found = list[list[bool]]()
    for radius in (1e-3, 0.3, 3.0):
        wide = Zonotope(centre, np.tile(radius * np.eye(centre.shape[1]), (len(centre), 1, 1)), np.zeros_like(centre))
        by_depth = [doubtful(layers, wide, states, inputs, np.full(len(states), 0.9)) for inputs in (1, 2, 5)]
        assert all((after | ~before).all() for before, after in pairwise(by_depth))
        found.append([bool(each.all()) for each in by_depth])
    assert not any(found[0])
    assert all(found[2])
    assert (doubtful(layers, wide, states, 1, np.full(len(states), np.inf)) == np.zeros(len(states))).all()
