"""Train networks of the zoo.

`python -m benchmarks.zoo.train NAME... | --all [--missing | --measure] [--seed N] [--out DIR]`

One thread, and deterministic for the seed. Progress goes to stderr; one line a network, its accuracy on fresh
sequences, goes to stdout.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.suites.tables import TASKS
from benchmarks.suites.task import Task, draw, uniform
from benchmarks.zoo.fit import fit
from benchmarks.zoo.lengthen import lengthen
from benchmarks.zoo.recipe import Recipe, child_seed
from benchmarks.zoo.recipes import RECIPES
from benchmarks.zoo.store import (
    FRESH_SEQUENCES,
    Stored,
    accuracy,
    description,
    read_module,
    write_description,
    write_weights,
)

TRAINED_ON = "Trained on with long words."
LONG = 10
LONG_SEQUENCES = 2_048


def measured(module: Stored, recipe: Recipe, task: Task) -> str:
    """One sentence on accuracy over sequences that had no part in training or stopping."""
    rng = np.random.default_rng(child_seed(recipe.seed, "fresh"))
    at_training = accuracy(module, task, draw(task, FRESH_SEQUENCES, task.train_length, rng=rng))
    longer = accuracy(module, task, draw(task, LONG_SEQUENCES, LONG * task.train_length, rng=rng))
    text = f"On fresh sequences it answers {at_training} right at every step; {longer}."
    if task.sampler is not None:
        even = accuracy(module, task, uniform(task, FRESH_SEQUENCES, task.train_length, rng=rng))
        text += f" On uniform inputs, which it was not trained on: {even}."
    return text


def describe(recipe: Recipe, out: Path, trained_on: bool) -> str:
    """Measure the network in `out/<name>`, write its `network.json`, and give back its notes."""
    task = TASKS[recipe.task]
    directory = out / recipe.name
    measurement = measured(read_module(directory, recipe, task), recipe, task)
    remark = f"{recipe.remark} {TRAINED_ON if trained_on else ''}".strip()
    notes = f"{task.description[0].upper()}{task.description[1:]}. {measurement} {remark}".strip()
    write_description(directory, description(recipe, task, notes))
    return notes


def train(recipes: Sequence[Recipe], out: Path) -> None:
    """Train recipes of one company (see `companies`) into `out/<name>`; prints the notes of each."""
    started, found = time.monotonic(), [fit(recipe, TASKS[recipe.task]) for recipe in recipes]
    longer = lengthen(found, recipes) if recipes[0].long_steps else [None] * len(found)
    for recipe, short, long in zip(recipes, found, longer):
        write_weights(out / recipe.name, short if long is None else long)
        show(recipe, describe(recipe, out, long is not None))
    names = ", ".join(recipe.name for recipe in recipes)
    print(f"{names} took {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def companies(recipes: Sequence[Recipe]) -> list[list[Recipe]]:
    """Recipes that are trained together: those on long words by their shape and noise, others each alone."""
    found: dict[object, list[Recipe]] = {}
    for recipe in recipes:
        alike = replace(recipe, name="", task="", seed=0) if recipe.long_steps else recipe
        found.setdefault(alike, []).append(recipe)
    return list(found.values())


def show(recipe: Recipe, notes: str) -> None:
    """One line on stdout."""
    print(f"{recipe.name} ({recipe.cell}, {recipe.hidden}): {notes}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the named recipes; exit status 2 for a name that is no recipe."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo.train", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes to train")
    parser.add_argument("--all", action="store_true", help="train every recipe")
    parser.add_argument("--missing", action="store_true", help="leave networks alone that are already in DIR")
    parser.add_argument("--measure", action="store_true", help="measure what is in DIR again, without training")
    parser.add_argument("--seed", type=int, help="a seed in place of the recipe's own")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR", help="default: the zoo")
    options = parser.parse_args(arguments)
    names = list(RECIPES) if options.all else options.names
    unknown = [name for name in names if name not in RECIPES]
    if unknown or not names:
        print(f"expected names of recipes, got {unknown or 'none'}; known: {', '.join(RECIPES)}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    recipes = [RECIPES[n] if options.seed is None else replace(RECIPES[n], seed=options.seed) for n in names]
    if options.missing:
        recipes = [recipe for recipe in recipes if not (options.out / recipe.name / "network.json").exists()]
    if options.measure:
        for recipe in recipes:
            before = (options.out / recipe.name / "network.json").read_text(encoding="utf-8")
            show(recipe, describe(recipe, options.out, TRAINED_ON in before))
        return 0
    for company in companies(recipes):
        train(company, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
