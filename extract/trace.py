"""Recording a network: inputs, outputs and hidden states on a sample of words (a *word* is one input stream)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.domain import IntArray
from verify.subject import FloatArray, RecurrentSubject

SEARCH_WORDS = 64
SEARCH_TIME = 24


@dataclass(frozen=True)
class Record:
    """Words and outputs (words time arity) with the hidden state after each step (words time width)."""

    words: IntArray
    outputs: IntArray
    hidden: FloatArray

    @property
    def time(self) -> int:
        return self.words.shape[1]


def record(network: RecurrentSubject, words: IntArray) -> Record:
    """What the network does on the words."""
    trace = network.trace(words)
    return Record(words, trace.outputs, trace.activations[network.sites[0].name])


def first_record(network: RecurrentSubject, *, rng: np.random.Generator) -> Record:
    """A record of uniform words of the training length (at most SEARCH_TIME steps): where the network is at its best.

    Structured words come later, as counterexamples: a network that fails on some of them would hide its program.
    """
    length = min(max(network.domain.train_length, 3), SEARCH_TIME)
    return record(network, network.domain.draw((SEARCH_WORDS, length), rng=rng))


def with_counterexamples(network: RecurrentSubject, before: Record, found: IntArray) -> Record:
    """The record with further words (of its own length) put in front, where every search sees them."""
    more = record(network, found)
    return Record(
        np.concatenate([more.words, before.words]),
        np.concatenate([more.outputs, before.outputs]),
        np.concatenate([more.hidden, before.hidden]),
    )
