"""The shipped networks are well-formed directories, and compute what their notes say they compute."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import benchmarks.zoo
from benchmarks.suites.tables import TASKS
from benchmarks.suites.task import draw
from benchmarks.zoo.recipes import RECIPES
from benchmarks.zoo.store import accuracy, description, read_module

ZOO = Path(benchmarks.zoo.__file__).parent
SHIPPED = sorted(path.parent for path in ZOO.glob("**/network.json") if '"recurrent"' in path.read_text())
NAMES = [str(path.relative_to(ZOO)) for path in SHIPPED]


def test_shipped_networks_vary() -> None:
    content = [json.loads((path / "network.json").read_text()) for path in SHIPPED]
    assert {c["cell"] for c in content} == {"rnn_tanh", "rnn_relu", "gru", "lstm", "mlp"}
    assert {c["input"]["encoding"] for c in content} == {"one_hot", "one_hot_joint", "integer"}
    assert {c["output"]["decoding"] for c in content} == {"argmax", "round", "sign"}
    assert len({c["task"] for c in content}) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_directory_is_well_formed(name: str) -> None:
    content = json.loads((ZOO / name / "network.json").read_text())
    recipe = RECIPES[name]
    assert content == description(recipe, TASKS[recipe.task], content["notes"])
    assert "On fresh sequences" in content["notes"]
    tensors = load_file(ZOO / name / content["weights"])
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    assert {path.name for path in (ZOO / name).iterdir()} == {"network.json", "model.safetensors"}


@pytest.mark.parametrize("name", NAMES)
def test_network_does_as_noted_on_a_few_sequences(name: str) -> None:
    recipe = RECIPES[name]
    task = TASKS[recipe.task]
    module = read_module(ZOO / name, recipe, task)
    inputs = draw(task, 64, task.train_length, rng=np.random.default_rng(0))
    noted = json.loads((ZOO / name / "network.json").read_text())["notes"]
    seen = accuracy(module, task, inputs)
    if "it answers all 16384" in noted:
        assert seen.right == seen.sequences
    else:
        assert seen.elements > 0.5
