"""Train on, on words far beyond the training length, so that what was learned holds there too.

Words (half uniform, half structured: runs, repeated motifs, rare symbols) are cut into pieces of about the training
length; the memory is carried from piece to piece while gradients stay within one (truncated backpropagation, Williams
& Peng 1990). A step costs as much as before, and the network is corrected wherever its memory has drifted to after
hundreds of steps. No noise enters unless the recipe asks for it.
"""

import math
import sys

import numpy as np
import torch
from torch import Tensor

from benchmarks.suites.task import IntArray, Task
from benchmarks.zoo.cells import Memory, Parameters, blank, resume, run
from benchmarks.zoo.coding import decode, encode, loss
from benchmarks.zoo.field import Field
from benchmarks.zoo.recipe import Recipe, child_seed
from verify.domain import Domain
from verify.words import draw_mixed

PIECE = 2  # training lengths
PIECES = 20
ENDING = 0.1  # share of the words that end after a piece
STREAMS = 96
WARM_UP = 50
CHECK_EVERY = 100
VALIDATED = 40  # training lengths
VALIDATING = 1024


class Streams:
    """Long words read side by side, each at its own place; a word that ends is followed by a fresh one."""

    def __init__(self, task: Task, memory: Memory, *, rng: np.random.Generator) -> None:
        self.task, self.memory, self.rng = task, memory, rng
        self.span = PIECE * task.train_length
        self.words = self._drawn(STREAMS)
        self.truth = task.truth(self.words)
        self.place = np.zeros(STREAMS, dtype=np.int64)

    def _drawn(self, count: int) -> IntArray:
        words = long_words(self.task, max(count, 24), PIECES * self.span, rng=self.rng)
        return words[self.rng.permutation(len(words))[:count]]

    def piece(self) -> tuple[IntArray, Tensor]:
        """The next piece of every word, with the truth."""
        at = (self.place[:, None] * self.span + np.arange(self.span))[:, :, None]
        return np.take_along_axis(self.words, at, axis=1), torch.from_numpy(np.take_along_axis(self.truth, at, axis=1))

    def go_on(self, memory: Memory) -> None:
        """Read on with this memory, and begin anew where a word has ended."""
        self.place += 1
        ended = np.nonzero((self.place == PIECES) | (self.rng.random(STREAMS) < ENDING))[0]
        self.place[ended] = 0
        if len(ended):
            self.words[ended] = self._drawn(len(ended))
            self.truth[ended] = self.task.truth(self.words[ended])
        kept = torch.ones(STREAMS, 1)
        kept[ended] = 0.0
        self.memory = [(h.detach() * kept, c.detach() * kept) for h, c in memory]

    def keep(self, members: Tensor) -> None:
        """Drop the memory of every other member."""
        self.memory = [(h[members], c[members]) for h, c in self.memory]


def long_words(task: Task, count: int, length: int, *, rng: np.random.Generator) -> IntArray:
    """Words of shape `(count, length, arity)`, half uniform, half structured."""
    return draw_mixed(Domain(task.inputs, task.train_length), count, length, rng=rng)


def lengthen(field: Field, recipe: Recipe, task: Task, *, generator: torch.Generator) -> float:
    """Train on, leave the best member in the field, and give back its share of right long words."""
    rng = np.random.default_rng(child_seed(recipe.seed, "long words"))
    checked = long_words(
        task, VALIDATING, VALIDATED * task.train_length, rng=np.random.default_rng(child_seed(recipe.seed, "long stopping"))
    )
    inputs, truth = encode(task, recipe.encoding, checked), torch.from_numpy(task.truth(checked))
    members = len(field.rates)
    streams = Streams(task, blank(recipe, members, STREAMS), rng=rng)
    best, kept = -1.0, {name: p.detach()[:1].clone() for name, p in field.parameters.items()}
    for step in range(recipe.long_steps):
        schedule = min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / recipe.long_steps))
        words, wanted = streams.piece()
        outputs, memory = resume(
            field.parameters,
            recipe,
            encode(task, recipe.encoding, words),
            streams.memory,
            noise=recipe.noise,
            generator=generator,
        )
        loss(task, recipe.decoding, outputs, wanted, 0.5).sum().backward()
        field.step(schedule, recipe.weight_decay)
        streams.go_on(memory)
        if (step + 1) % CHECK_EVERY == 0:
            right, error = standing(field.parameters, recipe, task, inputs, truth)
            member = int(torch.argmax(right - error))
            print(f"{recipe.name} long step {step + 1}: {right.tolist()} {error.tolist()}", file=sys.stderr, flush=True)
            if (score := float(right[member] - 1e-3 * min(error[member],1))) > best:
                best, kept = score, {n: p.detach()[[member]].clone() for n, p in field.parameters.items()}
    field.parameters = {name: tensor.requires_grad_() for name, tensor in kept.items()}
    field.rates = field.rates[:1]
    return best


def standing(
    parameters: Parameters, recipe: Recipe, task: Task, inputs: Tensor, truth: Tensor
) -> tuple[Tensor, Tensor]:
    """Per member, the share of words right at every step, and the mean loss."""
    with torch.no_grad():
        outputs = run(parameters, recipe, inputs, noise=0.0, generator=torch.Generator())
        right = (decode(task, recipe.decoding, outputs) == truth).flatten(2).all(2).float().mean(1)
        return right, loss(task, recipe.decoding, outputs, truth, 0.5)
