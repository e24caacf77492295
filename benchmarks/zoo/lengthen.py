"""Train on, on words far beyond the training length, so that what was learned holds there too.

Words are read in pieces of about the training length, with the memory carried from piece to piece
(`extract.streams`). A step costs as much as before, and the network is corrected wherever its memory has drifted to
after hundreds of steps. No noise enters unless the recipe asks for it.
"""

import math
import sys
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.suites.tables import TASKS
from benchmarks.suites.task import Task
from benchmarks.zoo.cells import Parameters, blank, resume, run
from benchmarks.zoo.coding import decode, encode, loss
from benchmarks.zoo.field import Field
from benchmarks.zoo.recipe import Recipe, child_seed
from extract.streams import Streams
from verify.domain import Domain
from verify.words import draw_mixed

PIECE = 2  # training lengths
STREAMS = 32
WARM_UP = 50
REPORT_EVERY = 100
VALIDATED = 40  # training lengths
VALIDATING = 384


def lengthen(found: Sequence[Parameters], recipes: Sequence[Recipe]) -> list[Parameters]:
    """Train networks of one cell and size on, side by side, and give back their new parameters.

    Of each network there are copies that differ in weight decay; the one with the strongest decay is kept among those
    that answer most words right which had no part in training. Parameters have no member axis, in and out. A result
    depends on the company in the last bits: torch rounds by the shape of a batch.
    """
    first, tasks = recipes[0], [TASKS[recipe.task] for recipe in recipes]
    copies, count = len(first.long_decays), len(recipes)
    generator = torch.Generator().manual_seed(child_seed(first.seed, "long words, noise"))
    field = Field(
        {
            name: torch.stack([p[name].detach() for p in found]).repeat_interleave(copies, 0).requires_grad_()
            for name in found[0]
        },
        torch.full((count * copies,), first.long_rate),
    )
    decays = torch.tensor(first.long_decays).repeat(count)
    streams = [
        Streams(_domain(task), task.truth, STREAMS, PIECE * task.train_length, rng=_rng(recipe, "training"))
        for recipe, task in zip(recipes, tasks)
    ]
    memory = blank(first, count * copies, STREAMS)
    for step in range(first.long_steps):
        schedule = min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / first.long_steps))
        pieces = [each.piece() for each in streams]
        inputs = torch.stack([encode(task, first.encoding, words) for task, (words, _) in zip(tasks, pieces)])
        wanted = torch.stack([truth for _, truth in pieces]).repeat_interleave(copies, 0)
        outputs, memory = resume(
            field.parameters,
            first,
            inputs.repeat_interleave(copies, 0),
            memory,
            noise=first.noise,
            generator=generator,
        )
        loss(tasks[0], first.decoding, outputs, wanted, 0.5).sum().backward()
        field.step(schedule, decays)
        kept = torch.stack([each.advance() for each in streams]).repeat_interleave(copies, 0)
        memory = [(h.detach() * kept, c.detach() * kept) for h, c in memory]
        if (step + 1) % REPORT_EVERY == 0:
            print(f"{first.name} and {count - 1} more, long step {step + 1}", file=sys.stderr, flush=True)
    results = []
    for k, (recipe, task) in enumerate(zip(recipes, tasks)):
        own = {name: p.detach()[k * copies : (k + 1) * copies] for name, p in field.parameters.items()}
        right = _right_words(own, recipe, task)
        best = int(torch.nonzero(right == right.max())[0])
        shares = ", ".join(f"{share:.4f}" for share in right.tolist())
        print(f"{recipe.name}: right of words kept aside, by weight decay: {shares}", file=sys.stderr, flush=True)
        results.append({name: p[best] for name, p in own.items()})
    return results


def _domain(task: Task) -> Domain:
    return Domain(task.inputs, task.train_length)


def _rng(recipe: Recipe, use: str) -> np.random.Generator:
    return np.random.default_rng(child_seed(recipe.seed, f"long words, {use}"))


def _right_words(parameters: Parameters, recipe: Recipe, task: Task) -> Tensor:
    """Per member, the share of the words kept aside that are answered right at every step."""
    words = draw_mixed(_domain(task), VALIDATING, VALIDATED * task.train_length, rng=_rng(recipe, "aside"))
    with torch.no_grad():
        inputs, truth = encode(task, recipe.encoding, words), torch.from_numpy(task.truth(words))
        outputs = run(parameters, recipe, inputs, noise=0.0, generator=torch.Generator())
        return (decode(task, recipe.decoding, outputs) == truth).flatten(2).all(2).float().mean(1)
