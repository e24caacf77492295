"""Train policy networks for a pole on a cart (gymnasium's CartPole-v1), by the cross-entropy method.

    python -m benchmarks.zoo.policies [--only NAME] [--out DIR]

Needs the optional extra `control`. One thread, deterministic for the seeds below. A policy reads position, velocity,
angle and angular velocity in the box the episode can reach, and answers 0 (push left) or 1 (push right).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import nn

from benchmarks.control import LONGEST, returns
from benchmarks.zoo.store import write_description, write_weights

Array = NDArray[np.float64]
POPULATION, ELITE, EPISODES = 64, 8, 16
BOX = {"low": [-2.4, -3.0, -0.21, -3.0], "high": [2.4, 3.0, 0.21, 3.0], "unit": [0.01, 0.01, 0.001, 0.01]}


@dataclass(frozen=True)
class Recipe:
    """A policy network with one hidden layer of `width` units, trained for at most `rounds` of the search."""

    name: str
    activation: str
    width: int
    seed: int
    rounds: int = 60


RECIPES = (
    Recipe("cartpole_relu_8", "relu", 8, 1),
    Recipe("cartpole_tanh_8", "tanh", 8, 2),
    Recipe("cartpole_tanh_16", "tanh", 16, 3),
)


def network(recipe: Recipe) -> nn.Sequential:
    """The untrained network."""
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[recipe.activation]
    return nn.Sequential(nn.Linear(4, recipe.width), activation(), nn.Linear(recipe.width, 2))


def filled(net: nn.Sequential, parameters: Array) -> nn.Sequential:
    """The network with these parameters."""
    nn.utils.vector_to_parameters(torch.from_numpy(parameters).float(), net.parameters())
    return net


def trained(recipe: Recipe) -> tuple[nn.Sequential, float]:
    """The network, and its mean return over fresh episodes."""
    rng = np.random.default_rng(recipe.seed)
    net = network(recipe)
    count = sum(p.numel() for p in net.parameters())
    mean, spread = np.zeros(count), np.ones(count)
    for round_ in range(recipe.rounds):
        candidates = mean + spread * rng.standard_normal((POPULATION, count))
        scores = [returns(acting(filled(net, c)), EPISODES, seed=round_).mean() for c in candidates]
        best = candidates[np.argsort(scores, kind="stable")[-ELITE:]]
        mean, spread = best.mean(axis=0), best.std(axis=0) + 0.02
        reached = returns(acting(filled(net, mean)), 100, seed=10_000 + round_).mean()
        print(f"{recipe.name}: round {round_ + 1}, mean return {reached:.1f}", file=sys.stderr)
        if reached == LONGEST:
            break
    filled(net, mean)
    return net, float(returns(acting(net), 1_000, seed=99).mean())


def acting(net: nn.Sequential):
    """Actions (batch,) of observations (batch, 4)."""

    def act(observations: Array) -> NDArray[np.int64]:
        with torch.inference_mode():
            return net(torch.from_numpy(observations).float()).argmax(1).numpy()

    return act


def main(
    only: Annotated[list[str] | None, typer.Option(help="these recipes")] = None,
    out: Path = Path(__file__).parent / "control",
) -> None:
    """Train and write the policies."""
    torch.set_num_threads(1)
    for recipe in RECIPES:
        if only and recipe.name not in only:
            continue
        net, reached = trained(recipe)
        write_weights(out / recipe.name, {f"net.{key}": value for key, value in net.state_dict().items()})
        described = {
            "format": "netlift-network/1", "family": "feed_forward", "activation": recipe.activation,
            "input": {"encoding": "real", "arity": 4, **BOX},
            "output": {"decoding": "argmax", "arity": 1, "low": 0, "high": 1},
            "weights": "model.safetensors", "task": "cartpole",
            "notes": f"Balances a pole on a cart: mean return {reached:.1f} of {LONGEST} over 1,000 fresh episodes.",
        }  # fmt: skip
        write_description(out / recipe.name, described)
        print(f"{recipe.name}: mean return {reached:.1f}")


if __name__ == "__main__":
    typer.run(main)
