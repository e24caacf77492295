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
from benchmarks.suites.task import IntArray, Task
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
ACCEPTING = 4096


def lengthen(found: Sequence[Parameters], recipes: Sequence[Recipe]) -> list[Parameters | None]:
    """Train networks of one cell and size on, in rounds; None for one that is not `accepted` after the last."""
    results, left = list(found), list(range(len(found)))
    for round_ in range(recipes[0].long_rounds):
        trained = lengthened([results[k] for k in left], [recipes[k] for k in left], round_)
        for k, parameters in zip(left, trained):
            results[k] = parameters
        left = [k for k in left if not accepted(results[k], recipes[k])]
        print(f"round {round_ + 1}: left are {[recipes[k].name for k in left]}", file=sys.stderr, flush=True)
        if not left:
            break
    return [None if k in left else parameters for k, parameters in enumerate(results)]


def lengthened(found: Sequence[Parameters], recipes: Sequence[Recipe], round_: int) -> list[Parameters]:
    """One round: networks of one cell and size are trained side by side; their new parameters.

    Of each network there are copies that differ in weight decay; the one with the strongest decay is kept among those
    that answer most words right which had no part in training. Each round has a third of the decay of the one before.
    Parameters have no member axis, in and out. A result
    depends on the company in the last bits: torch rounds by the shape of a batch.
    """
    first, tasks = recipes[0], [TASKS[recipe.task] for recipe in recipes]
    copies, count = len(first.long_decays), len(recipes)
    generator = torch.Generator().manual_seed(child_seed(first.seed, _stream("noise", round_)))
    field = Field(
        {
            name: torch.stack([p[name].detach() for p in found]).repeat_interleave(copies, 0).requires_grad_()
            for name in found[0]
        },
        torch.full((count * copies,), first.long_rate),
    )
    decays = torch.tensor(first.long_decays).repeat(count) / 3**round_
    streams = [
        Streams(_domain(task), task.truth, STREAMS, PIECE * task.train_length, rng=_rng(recipe, "training", round_))
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
        right = _right_words(own, recipe, task, _long(recipe, VALIDATING, "aside", round_))
        best = int(torch.nonzero(right == right.max())[0])
        shares = ", ".join(f"{share:.4f}" for share in right.tolist())
        print(f"{recipe.name}: right of words kept aside, by weight decay: {shares}", file=sys.stderr, flush=True)
        results.append({name: p[best] for name, p in own.items()})
    return results


def _domain(task: Task) -> Domain:
    return Domain(task.inputs, task.train_length)


def _stream(use: str, round_: int) -> str:
    return f"long words, {use}" + (f", round {round_}" if round_ else "")


def _rng(recipe: Recipe, use: str, round_: int) -> np.random.Generator:
    return np.random.default_rng(child_seed(recipe.seed, _stream(use, round_)))


def _long(recipe: Recipe, count: int, use: str, round_: int) -> IntArray:
    task = TASKS[recipe.task]
    return draw_mixed(_domain(task), count, VALIDATED * task.train_length, rng=_rng(recipe, use, round_))


def accepted(parameters: Parameters, recipe: Recipe) -> bool:
    """Whether all words of the training length (or many) and many long words are answered right at every step."""
    task = TASKS[recipe.task]
    domain = _domain(task)
    if domain.symbol_count**task.train_length <= ACCEPTING:
        places = domain.symbol_count ** np.arange(task.train_length)
        short = domain.symbols_at(np.arange(domain.symbol_count**task.train_length)[:, None] // places)
    else:
        short = draw_mixed(domain, ACCEPTING, task.train_length, rng=_rng(recipe, "short", 0))
    alone = {name: tensor[None] for name, tensor in parameters.items()}
    long = _long(recipe, ACCEPTING, "acceptance", 0)
    return all(float(_right_words(alone, recipe, task, words)[0]) == 1.0 for words in (short, long))


def _right_words(parameters: Parameters, recipe: Recipe, task: Task, words: IntArray) -> Tensor:
    """Per member, the share of words answered right at every step."""
    with torch.no_grad():
        inputs, truth = encode(task, recipe.encoding, words), torch.from_numpy(task.truth(words))
        outputs = run(parameters, recipe, inputs, noise=0.0, generator=torch.Generator())
        return (decode(task, recipe.decoding, outputs) == truth).flatten(2).all(2).float().mean(1)
