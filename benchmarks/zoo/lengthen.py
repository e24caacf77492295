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
from benchmarks.zoo.cells import Memory, Parameters, blank, resume
from benchmarks.zoo.coding import decode, encode, loss
from benchmarks.zoo.field import Field
from benchmarks.zoo.recipe import Recipe, child_seed
from verify.domain import Domain
from verify.words import draw_mixed

PIECE = 2  # training lengths
PIECES = 20
ENDING = 0.1  # share of the words that end after a piece
STREAMS = 64
WARM_UP = 50
CHECK_EVERY = 200
VALIDATED = 40  # training lengths
VALIDATING = 384


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


def long_words(task: Task, count: int, length: int, *, rng: np.random.Generator) -> IntArray:
    """Words of shape `(count, length, arity)`, half uniform, half structured."""
    return draw_mixed(Domain(task.inputs, task.train_length), count, length, rng=rng)


def lengthen(parameters: Parameters, recipe: Recipe, task: Task) -> tuple[Parameters, float]:
    """Train one network on; the parameters that did best on words kept aside, and their share of right words.

    Without a member axis, in and out. Randomness is the recipe's, apart from that of `benchmarks.zoo.fit`, so that the
    result depends on the parameters and the recipe alone.
    """
    streams_seed, aside_seed, noise_seed = (
        child_seed(recipe.seed, f"long words, {use}") for use in ("training", "stopping", "noise")
    )
    generator = torch.Generator().manual_seed(noise_seed)
    aside = long_words(task, VALIDATING, VALIDATED * task.train_length, rng=np.random.default_rng(aside_seed))
    inputs, truth = encode(task, recipe.encoding, aside), torch.from_numpy(task.truth(aside))
    field = Field(
        {name: tensor.detach()[None].clone().requires_grad_() for name, tensor in parameters.items()},
        torch.tensor([recipe.long_rate]),
    )
    streams = Streams(task, blank(recipe, 1, STREAMS), rng=np.random.default_rng(streams_seed))
    best, kept = -1.0, parameters
    for step in range(recipe.long_steps):
        schedule = min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / recipe.long_steps))
        words, wanted = streams.piece()
        encoded = encode(task, recipe.encoding, words)
        outputs, memory = resume(
            field.parameters, recipe, encoded, streams.memory, noise=recipe.noise, generator=generator
        )
        loss(task, recipe.decoding, outputs, wanted, 0.5).sum().backward()
        field.step(schedule, recipe.long_decay)
        streams.go_on(memory)
        if (step + 1) % CHECK_EVERY == 0:
            right = right_words(field.parameters, recipe, task, inputs, truth)
            print(f"{recipe.name} long step {step + 1}: {right:.5f}", file=sys.stderr, flush=True)
            if right >= best:  # the latest of equals: it was trained longest at small rates
                best, kept = right, {n: p.detach()[0].clone() for n, p in field.parameters.items()}
    return kept, best


def right_words(parameters: Parameters, recipe: Recipe, task: Task, inputs: Tensor, truth: Tensor) -> float:
    """The share of words that the only member answers right at every step."""
    with torch.no_grad():
        start = blank(recipe, 1, len(inputs))
        outputs, _ = resume(parameters, recipe, inputs, start, noise=0.0, generator=torch.Generator())
        return float((decode(task, recipe.decoding, outputs) == truth).flatten(2).all(2).float().mean())
