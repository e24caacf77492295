"""Write a trained network to its directory, read it back as torch modules, and measure what was written."""

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmarks.suites.task import IntArray, OutputRange, Range, Task
from benchmarks.zoo.coding import decode, encode, input_features, output_features
from benchmarks.zoo.recipe import Recipe

FRESH_SEQUENCES = 16_384
CHUNK = 4_096


class Stored(nn.Module):
    """A network with torch's own layers: `rnn` and `readout`, or the stacks `hidden` and `readout` of `mlp`."""

    def __init__(self, recipe: Recipe, features: int, outputs: int) -> None:
        super().__init__()
        self.recipe = recipe
        size, width = recipe.hidden, recipe.width
        if recipe.cell == "mlp":
            self.hidden = _stack([size + features, *[width] * (recipe.hidden_depth - 1), size])
            self.readout: nn.Module = _stack([size, *[width] * (recipe.readout_depth - 1), outputs])
            return
        options = {"num_layers": recipe.layers, "batch_first": True}
        match recipe.cell:
            case "gru":
                self.rnn: nn.Module = nn.GRU(features, size, **options)
            case "lstm":
                self.rnn = nn.LSTM(features, size, **options)
            case _:
                self.rnn = nn.RNN(features, size, nonlinearity=recipe.cell.removeprefix("rnn_"), **options)
        self.readout = nn.Linear(size, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of shape `(batch, time, out)` for encoded inputs of shape `(batch, time, feature)`."""
        if self.recipe.cell != "mlp":
            return self.readout(self.rnn(inputs)[0])
        h = inputs.new_zeros(inputs.shape[0], self.recipe.hidden)
        outputs = []
        for now in inputs.unbind(1):
            h = self.hidden(torch.cat([h, now], dim=-1))
            outputs.append(self.readout(h))
        return torch.stack(outputs, dim=1)


def _stack(sizes: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(before, after)] if layers else [nn.Linear(before, after)]
    return nn.Sequential(*layers)


def read_module(directory: Path, recipe: Recipe, task: Task) -> Stored:
    """The network in a directory written for this recipe."""
    module = Stored(recipe, input_features(task, recipe.encoding), output_features(task, recipe.decoding))
    module.load_state_dict(load_file(directory / "model.safetensors"))
    return module.eval()


def answers(module: Stored, task: Task, inputs: IntArray) -> IntArray:
    """What the network answers: integers of shape `(batch, time, arity)`."""
    recipe = module.recipe
    with torch.no_grad():
        parts = [
            decode(task, recipe.decoding, module(encode(task, recipe.encoding, inputs[i : i + CHUNK]))).numpy()
            for i in range(0, len(inputs), CHUNK)
        ]
    return np.concatenate(parts)


@dataclass(frozen=True)
class Accuracy:
    """How many sequences were answered right in every step, and the share of right elements."""

    right: int
    sequences: int
    length: int
    elements: float

    def __str__(self) -> str:
        if self.right == self.sequences:
            return f"all {self.sequences} sequences of length {self.length}"
        share = f" ({math.floor(10_000 * self.elements) / 100:.2f} % of the elements)"
        return f"{self.right} of {self.sequences} sequences of length {self.length}{share}"


def accuracy(module: Stored, task: Task, inputs: IntArray) -> Accuracy:
    """Agreement of the network with the truth of a task."""
    same = answers(module, task, inputs) == task.truth(inputs)
    return Accuracy(int(same.all(axis=(1, 2)).sum()), len(inputs), inputs.shape[1], float(same.mean()))


def description(recipe: Recipe, task: Task, notes: str) -> dict[str, object]:
    """The content of `network.json`."""
    return {
        "format": "netlift-network/1",
        "family": "recurrent",
        "cell": recipe.cell,
        "hidden_size": recipe.hidden,
        "layers": recipe.layers,
        "input": {"encoding": recipe.encoding, **_span(task, task.inputs)},
        "output": {"decoding": recipe.decoding, **_span(task, task.outputs)},
        "lengths": {"train": task.train_length},
        "weights": "model.safetensors",
        "task": task.name,
        "notes": notes,
    }


def _span(task: Task, ranges: tuple[Range, ...] | tuple[OutputRange, ...]) -> dict[str, int]:
    assert len(set(ranges)) == 1, f"{task.name}: components with different ranges cannot be written"
    low, high = ranges[0]
    bounds = {} if low is None or high is None else {"low": low, "high": high}
    return {"arity": len(ranges), **bounds}


def write_weights(directory: Path, parameters: dict[str, Tensor]) -> None:
    """Write `model.safetensors`, float32."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.float().contiguous() for name, tensor in parameters.items()}, directory / "model.safetensors"
    )


def write_description(directory: Path, content: dict[str, object]) -> None:
    """Write `network.json`."""
    (directory / "network.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
