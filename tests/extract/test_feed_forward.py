"""Feed-forward networks: read from disk and from modules, run, traced, forced, and refused with one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from dsl.errors import BadInput
from extract.networks import FeedForwardNetwork, from_module, load_network
from extract.networks.coding import TOKEN
from verify.domain import Domain
from verify.subject import Forced, RecurrentSubject, Subject

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
CODINGS: list[tuple[dict[str, Any], dict[str, Any], int, int]] = [
    ({"encoding": "one_hot", "arity": 2, "low": 1, "high": 3},
     {"decoding": "argmax", "arity": 2, "low": 0, "high": 2}, 6, 6),
    ({"encoding": "integer", "arity": 2, "low": [-2, 0], "high": [2, 1]}, {"decoding": "round", "arity": 1}, 2, 1),
    ({"encoding": "real", "arity": 2, "low": [-0.5, 0.1], "high": [0.5, 0.3], "unit": [0.25, 0.1]},
     {"decoding": "round", "arity": 1}, 2, 1),
    ({"encoding": "one_hot_joint", "arity": 2, "low": 0, "high": 1}, {"decoding": "sign", "arity": 1}, 4, 1),
]  # fmt: skip


def write(directory: Path, module: nn.Module, content: dict[str, Any]) -> Path:
    save_file(module.state_dict(), directory / "model.safetensors")
    whole = {"format": "netlift-network/1", "family": "feed_forward", "weights": "model.safetensors", **content}
    (directory / "network.json").write_text(json.dumps(whole))
    return directory


class Holder(nn.Module):
    """Layers under the names that files use."""

    def __init__(self, net: nn.Sequential, embedding: nn.Embedding | None = None) -> None:
        super().__init__()
        self.net = net
        if embedding is not None:
            self.embedding = embedding


@pytest.fixture(params=[(a, c) for a in ACTIVATIONS for c in range(len(CODINGS))], ids=str)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[FeedForwardNetwork, nn.Sequential]:
    """A network on disk with random weights, and its layers."""
    activation, k = request.param
    reads, writes, features, outputs = CODINGS[k]
    torch.manual_seed(k)
    net = nn.Sequential(nn.Linear(features, 7), ACTIVATIONS[activation](), nn.Linear(7, outputs))
    network = load_network(write(tmp_path, Holder(net), {"activation": activation, "input": reads, "output": writes}))
    assert isinstance(network, FeedForwardNetwork)
    return network, net


Case = tuple[FeedForwardNetwork, nn.Sequential]


def test_it_is_a_subject_over_single_inputs(case: Case) -> None:
    network, _ = case
    assert isinstance(network, Subject)
    assert not isinstance(network, RecurrentSubject)
    assert not network.domain.streams


def test_equals_the_layers_of_torch(case: Case) -> None:
    network, net = case
    inputs = network.domain.symbols()
    with torch.no_grad():
        expected = net(network.input_coding.encode(torch.from_numpy(inputs))).numpy()
    np.testing.assert_allclose(
        network.trace(inputs[:, None]).activations["logits"][:, 0], expected, rtol=1e-5, atol=1e-6
    )


def test_steps_are_inputs_of_their_own(case: Case) -> None:
    network, _ = case
    inputs = network.domain.draw((5, 3), rng=np.random.default_rng(0))
    apart = np.stack([network.run(inputs[:, t : t + 1])[:, 0] for t in range(3)], axis=1)
    assert np.array_equal(network.run(inputs), apart)


def test_forcing_a_site_to_its_own_value_changes_nothing(case: Case) -> None:
    network, _ = case
    inputs = network.domain.symbols()[:, None]
    trace = network.trace(inputs)
    for site in network.sites:
        assert trace.activations[site.name].shape == (len(inputs), 1, site.width)
        forced = Forced(site.name, 0, trace.activations[site.name][:, 0])
        assert np.array_equal(network.run_forced(inputs, [forced]), trace.outputs), site


def test_forcing_the_first_layer_to_that_of_another_gives_its_output(case: Case) -> None:
    network, _ = case
    inputs = network.domain.symbols()[:, None]
    others = inputs[::-1].copy()
    first = network.sites[0].name
    forced = Forced(first, 0, network.trace(others).activations[first][:, 0])
    assert np.array_equal(network.run_forced(inputs, [forced]), network.run(others))


def test_tokens_are_looked_up(tmp_path: Path) -> None:
    torch.manual_seed(0)
    embedding, net = nn.Embedding(5, 3), nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 5))
    span = {"low": 0, "high": 4}
    reads, writes = {"encoding": "integer", "arity": 2, **span}, {"decoding": "argmax", "arity": 1, **span}
    content = {"activation": "relu", "input": reads, "output": writes}
    network = load_network(write(tmp_path, Holder(net, embedding), content))
    inputs = network.domain.symbols()
    with torch.no_grad():
        expected = net(embedding(torch.from_numpy(inputs)).flatten(1)).argmax(1).numpy()
    assert np.array_equal(network.run(inputs[:, None])[:, 0, 0], expected)


def test_real_inputs_are_multiples_of_a_unit(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(1, 1))
    with torch.no_grad():
        net[0].weight.fill_(8.0)
        net[0].bias.fill_(0.0)
    reads, writes = {"encoding": "real", "arity": 1, "low": -1, "high": 1}, {"decoding": "round", "arity": 1}
    content = {"input": reads, "output": writes}
    network = load_network(write(tmp_path, Holder(net), {"activation": "relu", **content}))
    assert network.domain.ranges == ((-1000, 1000),)  # without a unit: thousandths of so wide a box
    assert network.run(np.array([[[250]], [[-1000]]])).ravel().tolist() == [2, -8]


class Residual(nn.Module):
    """A module that no list of known classes holds."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        return self.last(torch.cat([h + torch.tanh(self.second(h)), h], dim=1))


def test_any_module_that_fx_reads_is_a_network() -> None:
    torch.manual_seed(1)
    domain = Domain.single(((0, 3), (0, 3)))
    network = from_module(Residual(), domain=domain, output_ranges=((0, 2),), encoding="integer")
    assert isinstance(network, FeedForwardNetwork)
    assert {site.name for site in network.sites} >= {"first", "second", "logits", "x"}
    assert len(network.layers().nodes) == 7


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"activation": "swish"}, "expected relu or tanh or gelu, got 'swish'"),
        ({"output": {"decoding": "argmax", "arity": 1, "low": 0, "high": 8}}, "expected shape [9, 7], got [6, 7]"),
        ({"input": {"encoding": "real", "arity": 2, "low": 1.5, "high": 0.5}}, "a number above low = 1.5"),
        ({"input": {"encoding": "real", "arity": 2, "low": 0, "high": [1.0]}}, "a number, or 2 of them, got [1.0]"),
        ({"input": {"encoding": "real", "arity": 1, "low": 0, "high": 1, "unit": 2}}, "cuts 0.0 to 1.0 into steps"),
    ],
)
def test_bad_directories_get_one_line(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    reads, writes, features, outputs = CODINGS[0]
    net = nn.Sequential(nn.Linear(features, 7), nn.ReLU(), nn.Linear(7, outputs))
    write(tmp_path, Holder(net), {"activation": "relu", "input": reads, "output": writes, **change})
    with pytest.raises(BadInput) as error:
        load_network(tmp_path)
    assert says in str(error.value)


def test_an_embedding_that_is_too_small_is_named(tmp_path: Path) -> None:
    net, span = nn.Sequential(nn.Linear(3, 4)), {"arity": 1, "low": 0, "high": 4}
    content = {"activation": "relu", "input": {"encoding": "integer", **span}, "output": {"decoding": "argmax", **span}}
    with pytest.raises(BadInput, match="a table of at least 5 vectors"):
        load_network(write(tmp_path, Holder(net, nn.Embedding(4, 3)), content))


def test_modules_that_do_not_fit_are_named() -> None:
    domain = Domain.single(((0, 3), (0, 3)))
    with pytest.raises(BadInput, match="expected logits of shape"):
        from_module(Residual(), domain=domain, output_ranges=((0, 5),), encoding="integer")

    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(BadInput, match=r"torch\.fx can read"):
        from_module(Branching(), domain=domain, output_ranges=((0, 1),), encoding=TOKEN)
