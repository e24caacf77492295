"""Train networks with real inputs and real outputs on functions of one or two numbers between -2 and 2.

    python -m benchmarks.zoo.reals [--only NAME] [--out DIR]

One thread, deterministic for the seeds below: Adam on the squared error of 512 fresh inputs a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from benchmarks.zoo.store import write_description, write_weights

BOUND, UNIT = 2.0, 0.01
HIDDEN, STEPS, BATCH, RATE = 16, 3_000, 512, 1e-2
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


@dataclass(frozen=True)
class Recipe:
    """A function of `arity` numbers, in words and as torch computes it; networks of both activations learn it."""

    name: str
    words: str
    arity: int
    truth: Callable[[Tensor], Tensor]
    seed: int = 1


RECIPES = (
    Recipe("abs", "the absolute value", 1, torch.abs),
    Recipe("clamp", "between -1 and 1, the nearest to x", 1, lambda x: x.clamp(-1, 1)),
    Recipe("max", "the larger of two numbers", 2, lambda x: x.amax(1, keepdim=True)),
    Recipe("product", "the product of two numbers", 2, lambda x: x.prod(1, keepdim=True)),
)


def trained(recipe: Recipe, activation: str) -> tuple[nn.Sequential, float]:
    """The network, and the largest error on 10,000 inputs drawn afterwards."""
    rng = torch.Generator().manual_seed(recipe.seed)
    net = nn.Sequential(nn.Linear(recipe.arity, HIDDEN), ACTIVATIONS[activation](), nn.Linear(HIDDEN, 1))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(-1, 1, generator=rng).mul_(recipe.arity**-0.5)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        x = _drawn(BATCH, recipe.arity, rng)
        loss = (net(x) - recipe.truth(x)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    x = _drawn(10_000, recipe.arity, rng)
    with torch.no_grad():
        return net, float((net(x) - recipe.truth(x)).abs().max())


def _drawn(count: int, arity: int, rng: torch.Generator) -> Tensor:
    return (torch.rand(count, arity, generator=rng) * 2 - 1) * BOUND


def main(
    only: Annotated[list[str] | None, typer.Option(help="these functions")] = None,
    out: Path = Path(__file__).parent / "reals",
) -> None:
    """Train and write the networks."""
    torch.set_num_threads(1)
    for recipe in RECIPES:
        for activation in ACTIVATIONS:
            if only and recipe.name not in only:
                continue
            net, error = trained(recipe, activation)
            directory = out / f"{recipe.name}_{activation}"
            write_weights(directory, {f"net.{key}": value for key, value in net.state_dict().items()})
            described = {
                "format": "netlift-network/1", "family": "feed_forward", "activation": activation,
                "input": {"encoding": "real", "arity": recipe.arity, "low": -BOUND, "high": BOUND, "unit": UNIT},
                "output": {"decoding": "real", "arity": 1, "unit": UNIT},
                "weights": "model.safetensors", "task": recipe.name,
                "notes": f"Trained on {recipe.words}: largest error {error:.3f} on 10,000 fresh inputs.",
            }  # fmt: skip
            write_description(directory, described)
            print(f"{directory.name}: largest error {error:.3f}")


if __name__ == "__main__":
    typer.run(main)
