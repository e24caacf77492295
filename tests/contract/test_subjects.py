"""What every network promises, whatever its cell and its coding: one test per promise, over all cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from extract.networks import RecurrentNetwork, from_module, load_network
from extract.networks.cells import CELLS
from verify.subject import Forced, RecurrentSubject

HIDDEN, BATCH, TIME = 5, 24, 7
NAMES = [cell.name for cell in CELLS]
CODINGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("one_hot", {"arity": 1, "low": 0, "high": 2}, {"decoding": "argmax", "arity": 1, "low": -1, "high": 2}),
    ("one_hot", {"arity": 2, "low": 1, "high": 3}, {"decoding": "argmax", "arity": 2, "low": 0, "high": 3}),
    ("one_hot_joint", {"arity": 2, "low": 0, "high": 1}, {"decoding": "sign", "arity": 1, "low": 0, "high": 1}),
    ("integer", {"arity": 2, "low": -3, "high": 3}, {"decoding": "round", "arity": 2}),
]
WIDTHS = [(3, 4), (6, 8), (4, 1), (2, 2)]
CASES = [
    (cell, layers, coding) for cell in NAMES for layers in (1, 2) for coding in range(4) if cell != "mlp" or layers == 1
]


class MlpReference(nn.Module):
    """The cell `mlp` written with torch's layers."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(HIDDEN + features, 9), nn.ReLU(), nn.Linear(9, HIDDEN))
        self.readout = nn.Sequential(nn.Linear(HIDDEN, 7), nn.ReLU(), nn.Linear(7, outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(len(x), HIDDEN)
        states = []
        for now in x.unbind(1):
            h = self.hidden(torch.cat([h, now], dim=1))
            states.append(h)
        return self.readout(torch.stack(states, dim=1))


class TorchReference(nn.Module):
    """A recurrent layer of torch and a linear read-out."""

    def __init__(self, cell: str, layers: int, features: int, outputs: int) -> None:
        super().__init__()
        kinds = {"rnn_tanh": nn.RNN, "rnn_relu": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        options = {"nonlinearity": cell.removeprefix("rnn_")} if cell.startswith("rnn_") else {}
        self.rnn = kinds[cell](features, HIDDEN, num_layers=layers, batch_first=True, **options)
        self.readout = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.rnn(x)[0])


Case = tuple[RecurrentNetwork, nn.Module]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}-{CODINGS[case[2]][0]}-{case[2]}")
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """A network on disk with random weights, and the same weights in torch's own layers."""
    cell, layers, coding = request.param
    encoding, reads, writes = CODINGS[coding]
    features, outputs = WIDTHS[coding]
    torch.manual_seed(coding)
    module = MlpReference(features, outputs) if cell == "mlp" else TorchReference(cell, layers, features, outputs)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.7)
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    content = {"format": "netlift-network/1", "family": "recurrent", "cell": cell, "hidden_size": HIDDEN,
               "layers": layers, "input": {"encoding": encoding, **reads}, "output": writes,
               "lengths": {"train": TIME}, "weights": "model.safetensors"}  # fmt: skip
    (tmp_path / "network.json").write_text(json.dumps(content))
    return load_network(tmp_path), module.eval()


def draw(network: RecurrentNetwork, seed: int = 0) -> np.ndarray:
    return network.domain.draw((BATCH, TIME), rng=np.random.default_rng(seed))


def test_fits_the_protocol(case: Case) -> None:
    network, _ = case
    assert isinstance(network, RecurrentSubject)
    assert network.sites[0].name == "h"


def test_same_input_same_output(case: Case) -> None:
    network, _ = case
    inputs = draw(network)
    assert np.array_equal(network.run(inputs), network.run(inputs.copy()))
    assert np.array_equal(network.run(inputs), network.trace(inputs).outputs)


def test_forcing_a_site_to_its_own_value_changes_nothing(case: Case) -> None:
    network, _ = case
    inputs = draw(network)
    trace = network.trace(inputs)
    for site in network.sites:
        for time in range(TIME):
            forced = Forced(site.name, time, trace.activations[site.name][:, time])
            assert np.array_equal(network.run_forced(inputs, [forced]), trace.outputs), (site, time)


def test_forcing_the_input_to_that_of_another_gives_its_output(case: Case) -> None:
    network, _ = case
    inputs, others = draw(network), draw(network, seed=1)
    forced = [Forced("x", time, others[:, time].astype(np.float32)) for time in range(TIME)]
    assert np.array_equal(network.run_forced(inputs, forced), network.run(others))
    assert not np.array_equal(inputs, others)


def test_forcing_the_state_to_that_of_another_continues_as_it(case: Case) -> None:
    network, _ = case
    inputs, others = draw(network), draw(network, seed=1)
    inputs[:, 4:] = others[:, 4:]
    state = network.trace(others).activations["h"][:, 3]
    outputs = network.run_forced(inputs, [Forced("h", 3, state)])
    assert np.array_equal(outputs[:, 3:], network.run(others)[:, 3:])
    assert np.array_equal(outputs[:, :3], network.run(inputs)[:, :3])


def test_shapes_match_the_declaration(case: Case) -> None:
    network, _ = case
    trace = network.trace(draw(network))
    assert trace.outputs.shape == (BATCH, TIME, len(network.output_ranges))
    assert trace.outputs.dtype == np.int64
    assert set(trace.activations) == {site.name for site in network.sites}
    for site in network.sites:
        assert trace.activations[site.name].shape == (BATCH, TIME, site.width)
        assert trace.activations[site.name].dtype == np.float32
    for k, (low, high) in enumerate(network.output_ranges):
        if low is not None and high is not None:
            assert low <= trace.outputs[..., k].min() <= trace.outputs[..., k].max() <= high


def test_equals_the_layers_of_torch(case: Case) -> None:
    network, module = case
    inputs = draw(network)
    with torch.no_grad():
        flat = network.input_coding.encode(torch.from_numpy(inputs).flatten(0, 1))
        expected = module(flat.reshape(BATCH, TIME, -1)).numpy()
    np.testing.assert_allclose(network.trace(inputs).activations["logits"], expected, rtol=1e-4, atol=1e-4)


def test_stepping_equals_running(case: Case) -> None:
    network, _ = case
    inputs = draw(network)
    trace = network.trace(inputs)
    state = network.initial_state(BATCH)
    for time in range(TIME):
        state, outputs = network.step(state, inputs[:, time])
        assert np.array_equal(state, trace.activations["h"][:, time])
        assert np.array_equal(outputs, trace.outputs[:, time])
        np.testing.assert_array_equal(network.readout(state), trace.activations["logits"][:, time])


def test_a_module_from_python_equals_the_network_it_wraps(case: Case) -> None:
    network, _ = case

    class Wrapped(nn.Module):
        def step(self, state: Tensor, inputs: Tensor) -> Tensor:
            return network.body.step(state, inputs)

        def readout(self, state: Tensor) -> Tensor:
            return network.body.readout(state)

    wrapped = from_module(
        Wrapped(), domain=network.domain, output_ranges=network.output_ranges, state_width=network.width,
        encoding=network.input_coding.encoding, decoding=network.output_coding.decoding,
    )  # fmt: skip
    inputs = draw(network)
    assert np.array_equal(wrapped.run(inputs), network.run(inputs))
