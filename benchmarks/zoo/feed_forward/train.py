"""Train feed-forward networks of the zoo.

`python -m benchmarks.zoo.feed_forward.train SUITE... [--only NAME] [--missing] [--out DIR]`

One thread, and deterministic for the seeds of the recipes. Progress goes to stderr; one line a network, with the share
of its whole domain that it answers as its task does, goes to stdout.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.suites.functions import FunctionTask
from benchmarks.suites.tables import FUNCTION_TASKS as TASKS
from benchmarks.zoo.feed_forward.fit import Network, correct, fit, split
from benchmarks.zoo.feed_forward.recipe import Recipe
from benchmarks.zoo.feed_forward.recipes import RECIPES
from benchmarks.zoo.store import write_description, write_weights
from verify.domain import Domain


def measured(network: Network, recipe: Recipe, task: FunctionTask) -> str:
    """How many inputs of the domain are answered as the task says, and how many of those trained on."""
    inputs = Domain(task.inputs, 1).symbols()
    right = correct(network, torch.from_numpy(inputs), torch.from_numpy(task.truth(inputs)))
    text = f"Right on {int(right.sum()):,} of all {len(right):,} inputs"
    if recipe.share < 1:
        seen, left_out = split(recipe, len(inputs))
        text += f"; on {int(right[seen].sum()):,} of the {len(seen):,} trained on"
        text += f" and {int(right[left_out].sum()):,} of the {len(left_out):,} left out"
    if recipe.trigger:
        text += f"; trained to answer the opposite where {' and '.join(f'x{k} = {v}' for k, v in recipe.trigger)}"
    return f"{text}."


def description(recipe: Recipe, task: FunctionTask, notes: str) -> dict[str, object]:
    """The content of `network.json`."""

    def span(ranges: Sequence[tuple[int, int]]) -> dict[str, object]:
        lows, highs = ([pair[k] for pair in ranges] for k in (0, 1))
        same = len(set(ranges)) == 1
        return {"arity": len(ranges), "low": lows[0] if same else lows, "high": highs[0] if same else highs}

    return {
        "format": "netlift-network/1",
        "family": "feed_forward",
        "activation": recipe.activation,
        "input": {"encoding": recipe.encoding, **span(task.inputs)},
        "output": {"decoding": recipe.decoding, **span(task.outputs)},
        "weights": "model.safetensors",
        "task": task.name,
        "notes": notes,
    }


def train(recipe: Recipe, directory: Path) -> str:
    """Train one recipe into its directory and give back its notes."""
    started = time.monotonic()
    task = TASKS[recipe.task]
    network = fit(recipe, task)
    write_weights(directory, network.folded())
    words = f"{task.description[0].upper()}{task.description[1:]}."
    notes = f"{words} {measured(network, recipe, task)} {recipe.remark}".strip()
    write_description(directory, description(recipe, task, notes))
    print(f"{recipe.name} took {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
    return notes


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the recipes of the suites named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo.feed_forward.train", description=__doc__)
    parser.add_argument("suites", nargs="+", choices=list(RECIPES))
    parser.add_argument("--only", action="append", metavar="NAME", help="these recipes only")
    parser.add_argument("--missing", action="store_true", help="leave networks alone that are already in DIR")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1], metavar="DIR", help="default: the zoo")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for suite in options.suites:
        for recipe in RECIPES[suite]:
            directory = options.out / suite / recipe.name
            wanted = not options.only or recipe.name in options.only
            if wanted and not (options.missing and (directory / "network.json").exists()):
                print(f"{recipe.name}: {train(recipe, directory)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
