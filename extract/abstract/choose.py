"""Which abstraction fits this network: finite state, or read-outs of an unbounded state. Evidence decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extract.abstract.evidence import EitherEvidence, Evidence, LinearEvidence, StateEvidence
from extract.abstract.mealy import Mealy, MealyLimits, learn_mealy, symbol_index
from extract.trace import Record
from verify.budget import Deadline
from verify.domain import IntArray
from verify.subject import RecurrentSubject

SMALL = 400
"""A closed machine with at most this many states is believed to be the network's state space."""


@dataclass(frozen=True)
class Abstraction:
    """The learned machine, if any, and whether it is believed to be the whole story."""

    mealy: Mealy | None
    finite: bool

    def evidence(self, network: RecurrentSubject, record: Record) -> Evidence:
        """The test of whether a stream can be read off the hidden state of this network."""
        linear = LinearEvidence(record.hidden)
        if self.mealy is None or not self.finite:
            return linear
        index = symbol_index(network.domain.ranges, record.words)
        states, _ = self.mealy.run(index)
        return EitherEvidence(StateEvidence(self.mealy.next[states, index]), linear)

    def cleaned(self, network: RecurrentSubject, words: IntArray, outputs: IntArray) -> IntArray:
        """The network's outputs on these words without its slips: the machine's, where one is believed."""
        if self.mealy is None or not self.finite or not self.mealy.exceptions:
            return outputs
        return self.mealy.run(symbol_index(network.domain.ranges, words))[1]

    def describe(self) -> str:
        """One phrase for the record of the run."""
        if self.mealy is None:
            return "no finite machine within the limits: linear read-outs of the hidden state"
        if self.finite:
            slips = f", {self.mealy.exceptions} exceptions" if self.mealy.exceptions else ""
            return f"finite: {self.mealy.size} states{slips}"
        return f"not finite: new states up to depth {int(self.mealy.depth.max())} ({self.mealy.size} so far)"


def abstract(
    network: RecurrentSubject, deadline: Deadline, *, rng: np.random.Generator, hard: IntArray | None = None
) -> Abstraction:
    """Learn a finite machine where the alphabet allows, and judge whether the network is one.

    `hard` are further words (words time arity) which the machine must explain.
    """
    mealy = learn_mealy(network, MealyLimits(timeout_s=deadline.left), rng=rng, hard=hard)
    return Abstraction(mealy, mealy is not None and mealy.closed and mealy.size <= SMALL)
