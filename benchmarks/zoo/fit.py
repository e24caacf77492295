"""Fit a recipe: train its members side by side, halve the field twice, keep the best.

The stopping set decides when to stop and which member to keep; accuracy is measured elsewhere, on sequences that had
no part in it.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.suites.task import Task, draw
from benchmarks.zoo.cells import Parameters, initial, run, shapes
from benchmarks.zoo.coding import decode, encode, input_features, loss, output_features
from benchmarks.zoo.field import Field
from benchmarks.zoo.recipe import Recipe, child_seed

CHECK_EVERY = 100
WIND_DOWN_STEPS = 200
HALVINGS = (0.2, 0.4)


@dataclass(frozen=True)
class Scales:
    """What inputs are divided by and outputs multiplied by during training."""

    inputs: float = 1.0
    outputs: float = 1.0


def scales(recipe: Recipe, task: Task, spread: float) -> Scales:
    """Unit scales unless the recipe asks for more; outputs are only scaled where they are rounded."""
    if not recipe.scaled:
        return Scales()
    largest = max(abs(bound) for low_high in task.inputs for bound in low_high)
    return Scales(
        float(largest) if recipe.encoding == "integer" else 1.0, spread if recipe.decoding == "round" else 1.0
    )


def fold(parameters: Parameters, recipe: Recipe, by: Scales) -> Parameters:
    """The same networks on unscaled inputs and outputs."""
    folded = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    last = f"readout.{2 * (recipe.readout_depth - 1)}" if recipe.cell == "mlp" else "readout"
    folded[f"{last}.weight"] *= by.outputs
    folded[f"{last}.bias"] *= by.outputs
    if recipe.cell == "mlp":
        folded["hidden.0.weight"][:, :, recipe.hidden :] /= by.inputs
    else:
        folded["rnn.weight_ih_l0"] /= by.inputs
    return folded


def _length(recipe: Recipe, task: Task, step: int, curriculum: int, rng: np.random.Generator) -> int:
    if step < curriculum:
        shortest = min(3, task.train_length)
        return shortest + (task.train_length - shortest) * step // curriculum
    if recipe.stretch > 1 and step > recipe.steps * 2 // 3:
        return int(rng.integers(task.train_length, int(task.train_length * recipe.stretch), endpoint=True))
    return task.train_length


def fit(recipe: Recipe, task: Task) -> Parameters:
    """The parameters of the best member, without the member axis, for unscaled inputs and outputs."""
    rng = np.random.default_rng(child_seed(recipe.seed, "training"))
    generator = torch.Generator().manual_seed(child_seed(recipe.seed, "weights"))
    stopping = draw(
        task,
        recipe.stopping,
        int(task.train_length * recipe.stretch),
        rng=np.random.default_rng(child_seed(recipe.seed, "stopping")),
    )
    stopping_truth = torch.from_numpy(task.truth(stopping))
    spread = max(float(stopping_truth[:, : task.train_length].float().std()), 1.0)
    by = scales(recipe, task, spread)
    stopping_inputs = encode(task, recipe.encoding, stopping) / by.inputs
    table = shapes(recipe, input_features(task, recipe.encoding), output_features(task, recipe.decoding))
    rates = torch.logspace(math.log10(recipe.lr_low), math.log10(recipe.lr_high), recipe.members)
    field_ = Field(initial(table, recipe, generator=generator), rates)
    curriculum = min(500, recipe.steps // 4)
    halvings = [int(recipe.steps * share) // CHECK_EVERY * CHECK_EVERY for share in HALVINGS]
    last, passed, frozen = recipe.steps, 0, 1.0
    for step in range(recipe.steps):
        progress = step / recipe.steps
        schedule = min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        if last < recipe.steps:
            schedule = frozen * max(0.01, (last - step) / WIND_DOWN_STEPS)
        tau = 0.5 * spread ** max(0.0, 1 - progress / 0.6)
        length = _length(recipe, task, step, curriculum, rng)
        inputs = draw(task, recipe.batch, length, rng=rng)
        outputs = (
            run(
                field_.parameters,
                recipe,
                encode(task, recipe.encoding, inputs) / by.inputs,
                noise=recipe.noise,
                generator=generator,
            )
            * by.outputs
        )
        losses = loss(task, recipe.decoding, outputs, torch.from_numpy(task.truth(inputs)), tau)
        losses.sum().backward()
        field_.step(schedule, recipe.weight_decay)
        if step + 1 == last:
            break
        if (step + 1) % CHECK_EVERY == 0 and step + 1 >= curriculum:
            right, sharpness = _standing(field_, recipe, task, stopping_inputs, stopping_truth, by)
            order = torch.argsort(right + sharpness, descending=True)
            print(f"{recipe.name} step {step + 1}: best {right.max():.5f}", file=sys.stderr, flush=True)
            passed = passed + 1 if right.max() == 1.0 else 0
            kept = (len(order) + 1) // 2 if step + 1 in halvings else len(order)
            if passed == 2 and last == recipe.steps and (recipe.stretch == 1 or progress > 2 / 3):
                last, frozen, kept = min(recipe.steps, step + 1 + WIND_DOWN_STEPS), schedule, 1
            if kept < len(order):
                field_.keep(order[:kept])
    right, sharpness = _standing(field_, recipe, task, stopping_inputs, stopping_truth, by)
    order = torch.argsort(right + sharpness, descending=True)
    field_.keep(order[:1])
    return {name: tensor[0] for name, tensor in fold(field_.parameters, recipe, by).items()}


def _standing(
    field_: Field, recipe: Recipe, task: Task, inputs: Tensor, truth: Tensor, by: Scales
) -> tuple[Tensor, Tensor]:
    """The share of right sequences of each member, and a tie-breaker below one sequence: less loss is better."""
    silent = torch.Generator()
    with torch.no_grad():
        outputs = run(field_.parameters, recipe, inputs, noise=0.0, generator=silent) * by.outputs
        right = (decode(task, recipe.decoding, outputs) == truth).flatten(2).all(2).float().mean(1)
        elements = (decode(task, recipe.decoding, outputs) == truth).flatten(1).float().mean(1)
        short = torch.nan_to_num(loss(task, recipe.decoding, outputs, truth, 0.5), nan=1e9)
    return right, elements + 0.1 / (1 + short)
