"""Reading networks: what goes in comes out, and every bad input is one clear line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dsl.errors import BadInput
from extract.networks import from_module, load_network
from extract.networks.coding import InputCoding, OutputCoding
from verify.domain import Domain
from verify.subject import Forced

Change = Callable[[dict[str, Any], dict[str, torch.Tensor]], None]


def content() -> dict[str, Any]:
    return {
        "format": "netlift-network/1", "family": "recurrent", "cell": "gru", "hidden_size": 4,
        "input": {"encoding": "one_hot", "arity": 1, "low": 0, "high": 1},
        "output": {"decoding": "argmax", "arity": 1, "low": 0, "high": 1},
        "lengths": {"train": 8}, "weights": "model.safetensors",
    }  # fmt: skip


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"rnn.weight_ih_l0": (12, 2), "rnn.weight_hh_l0": (12, 4), "rnn.bias_ih_l0": (12,),
              "rnn.bias_hh_l0": (12,), "readout.weight": (2, 4), "readout.bias": (2,)}  # fmt: skip
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write(directory: Path, change: Change) -> Path:
    """A good network with one change."""
    described, weights = content(), tensors()
    change(described, weights)
    (directory / "network.json").write_text(json.dumps(described))
    save_file(weights, directory / "model.safetensors")
    return directory


def setting(path: str, value: Any) -> Change:
    """The change that puts `value` at `path` of the description."""

    def change(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        *parents, key = path.split(".")
        for parent in parents:
            described = described[parent]
        described[key] = value

    return change


def lacking(path: str) -> Change:
    """The change that removes the key at `path` of the description."""

    def change(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        *parents, key = path.split(".")
        for parent in parents:
            described = described[parent]
        del described[key]

    return change


def weight(name: str, value: torch.Tensor | None) -> Change:
    """The change that replaces, adds or (None) removes a tensor."""

    def change(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        if value is None:
            del weights[name]
        else:
            weights[name] = value

    return change


BAD: list[tuple[Change, str]] = [
    (setting("format", "netlift-network/9"), "expected netlift-network/1, got 'netlift-network/9'"),
    (setting("family", "quantum"), "expected recurrent or feed_forward, got 'quantum'"),
    (setting("cell", "gruu"), "got 'gruu'"),
    (setting("hidden_size", 0), "got 0"),
    (setting("hidden_size", True), "got True"),
    (setting("hidden_size", "4"), "got '4'"),
    (setting("layers", 0), "got 0"),
    (setting("layers", 2), "expected a tensor rnn.weight_ih_l1"),
    (setting("input.low", 2), "expected a number not below low = 2 (else there are no symbols), got 1"),
    (setting("input.high", 10**9), "got 1000000000"),
    (setting("input.high", 1.5), "got 1.5"),
    (setting("input.arity", 0), "got 0"),
    (setting("input.encoding", "binary"), "got 'binary'"),
    (setting("input.high", 2), "expected shape [12, 3], got [12, 2] (tensor rnn.weight_ih_l0"),
    (setting("input", []), "expected an object, got []"),
    (setting("input.low", [0, 0]), "expected 1 numbers, got [0, 0]"),
    (setting("output.decoding", "top_k"), "got 'top_k'"),
    (setting("output.high", 2), "expected shape [3, 4], got [2, 4] (tensor readout.weight"),
    (setting("output", {"decoding": "sign", "arity": 1, "low": 0, "high": 2}), "expected 0 and 1 (decoding sign)"),
    (setting("lengths.train", 10**12), "expected a whole number from 1 to 100000, got 1000000000000"),
    (setting("lengths.train", -1), "got -1"),
    (setting("weights", "../model.safetensors"), "expected the name of a file beside it"),
    (setting("weights", "other.safetensors"), "expected a safetensors file, got nothing"),
    (lacking("cell"), "got nothing"),
    (lacking("input"), "expected an object, got nothing"),
    (lacking("input.high"), "got nothing"),
    (lacking("lengths.train"), "got nothing"),
    (lacking("output.low"), "got nothing"),
    (weight("rnn.weight_hh_l0", None), "expected a tensor rnn.weight_hh_l0 of shape [12, 4], got none"),
    (weight("readout.weight", None), "readout.0.weight"),
    (weight("extra", torch.zeros(1)), "expected only tensors of the recurrent gru network, got extra"),
    (weight("rnn.weight_hh_l0", torch.zeros(12, 5)), "expected shape [12, 4], got [12, 5]"),
    (weight("rnn.weight_hh_l0", torch.zeros(12)), "expected shape [12, 4], got [12]"),
    (weight("readout.weight", torch.zeros(2, 4).double()), "expected float32 weights, got F64"),
    (weight("readout.bias", torch.tensor([0.0, torch.nan])), "expected finite weights, got NaN (tensor readout.bias"),
    (weight("readout.bias", torch.tensor([0.0, torch.inf])), "got an infinite value"),
    (weight("h0", torch.zeros(2, 4)), "expected shape [1, 4], got [2, 4] (tensor h0"),
]


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        load_network(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize(("change", "said"), BAD, ids=[said for _, said in BAD])
def test_bad_networks_are_refused_in_one_line(change: Change, said: str, tmp_path: Path) -> None:
    assert said in refused(write(tmp_path, change))


def test_the_unchanged_network_is_accepted(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, setting("notes", "free text")))
    assert network.name == tmp_path.name
    assert network.description["notes"] == "free text"
    assert network.weights_hash == load_network(tmp_path).weights_hash
    assert len(network.weights_hash) == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "line 1"), ("[1]", "expected a JSON object"), ("\xff", "expected JSON"), ("[" * 100_000, "expected JSON")],
    ids=["cut off", "a list", "not UTF-8", "nested"],
)
def test_malformed_json_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes(text.encode("latin-1"))
    assert said in refused(tmp_path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    assert "got nothing" in refused(tmp_path / "absent")
    assert "expected a file network.json, got nothing" in refused(tmp_path)
    (tmp_path / "file").write_text("")
    assert "got a file" in refused(tmp_path / "file")


@pytest.mark.parametrize("kind", ["torch", "plain", "noise", "empty"])
def test_files_that_are_not_safetensors_are_refused(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, setting("notes", "")) / "model.safetensors"
    match kind:
        case "torch":
            torch.save(tensors(), path)
        case "plain":
            path.write_bytes(pickle.dumps({"weights": [1, 2]}))
        case "noise":
            path.write_bytes(bytes(range(256)))
        case "empty":
            path.write_bytes(b"")
    assert ("a pickle, which is never loaded" in refused(tmp_path)) == (kind in ("torch", "plain"))


def test_an_mlp_has_one_layer(tmp_path: Path) -> None:
    def change(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        described |= {"cell": "mlp", "layers": 2}

    assert "expected a whole number from 1 to 1, got 2" in refused(write(tmp_path, change))


def test_biases_are_optional_and_the_initial_state_is_read(tmp_path: Path) -> None:
    def change(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        for name in ("rnn.bias_ih_l0", "rnn.bias_hh_l0", "readout.bias"):
            del weights[name]
        weights["h0"] = torch.tensor([0.1, 0.2, 0.3, 0.4])

    network = load_network(write(tmp_path, change))
    assert network.initial_state(2).tolist() == [[np.float32(v) for v in (0.1, 0.2, 0.3, 0.4)]] * 2


def test_inputs_outside_the_domain_are_refused(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, setting("notes", "")))
    with pytest.raises(BadInput, match="expected inputs from 0 to 1, got 2"):
        network.run(np.array([[[0], [2]]]))
    with pytest.raises(BadInput, match="expected a site among h, logits, x, got attention"):
        network.run_forced(np.array([[[0]]]), [Forced("attention", 0, np.zeros((1, 4), np.float32))])
    with pytest.raises(BadInput, match="forced values of shape"):
        network.run_forced(np.array([[[0]]]), [Forced("h", 0, np.zeros((1, 3), np.float32))])


def test_codings() -> None:
    ranges = ((0, 1), (5, 7))
    symbols = torch.tensor([[1, 6]])
    assert InputCoding("one_hot", ranges).encode(symbols).tolist() == [[0, 1, 0, 1, 0]]
    assert InputCoding("one_hot_joint", ranges).encode(symbols).tolist() == [[0, 0, 0, 0, 1, 0]]
    assert InputCoding("integer", ranges).encode(symbols).tolist() == [[1, 6]]
    assert OutputCoding("argmax", ranges).decode(torch.tensor([[0.0, 1.0, 3.0, 2.0, 1.0]])).tolist() == [[1, 5]]
    halves = torch.tensor([[0.5, 1.5, -0.5]])
    assert OutputCoding("round", ((None, None),) * 3).decode(halves).tolist() == [[0, 2, 0]]
    assert OutputCoding("sign", ((0, 1),) * 3).decode(torch.tensor([[0.0, 0.1, -0.1]])).tolist() == [[0, 1, 0]]


class Counter(nn.Module):
    """Counts what it reads, in steps of its only parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.size = nn.Parameter(torch.ones(1))

    def initial_state(self, batch: int) -> torch.Tensor:
        return torch.full((batch, 1), 10.0)

    def step(self, state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return state + self.size * inputs

    def readout(self, state: torch.Tensor) -> torch.Tensor:
        return state


def test_a_module_from_python() -> None:
    module = Counter()
    options: dict[str, Any] = {"domain": Domain(((0, 9),), 4), "encoding": "integer", "decoding": "round"}
    network = from_module(module, output_ranges=((None, None),), **options)
    assert network.run(np.array([[[1], [2], [3]]])).tolist() == [[[11], [13], [16]]]
    assert module.training
    with pytest.raises(BadInput, match="expected logits"):
        from_module(module, output_ranges=((None, None),) * 2, **options)
    with pytest.raises(BadInput, match="expected a module with a method step"):
        from_module(nn.Linear(1, 1), output_ranges=((None, None),), **options)
