"""Finite state: merge hidden states by their future behaviour into a minimal Mealy machine.

Two hidden states are merged when the network, continued *from the hidden state itself*, answers alike on every
distinguishing suffix (Myhill-Nerode). Suffixes start with single symbols and grow by counterexamples, split as
in Rivest & Schapire (1993). AALpy's learners are the peers; ours steps whole batches of states at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from verify.domain import IntArray
from verify.subject import FloatArray, RecurrentSubject
from verify.words import draw_mixed


@dataclass(frozen=True, slots=True)
class Mealy:
    """A finite machine: `next[q, s]`, `output[q, s]` (arity last), state 0 first; `access[q]` is a shortest word.

    `hidden[q]` is the hidden state after `access[q]`. `closed` says that no new state appeared at the largest
    depths explored, so the machine explains every continuation that was tried; `exceptions` counts the words tried
    on which the network leaves it.
    """

    next: NDArray[np.int64]
    output: IntArray
    hidden: FloatArray
    depth: NDArray[np.int64]
    closed: bool
    exceptions: int = 0

    @property
    def size(self) -> int:
        """Number of states."""
        return len(self.next)

    def run(self, symbols: NDArray[np.int64]) -> tuple[NDArray[np.int64], IntArray]:
        """States before each step (batch time) and outputs (batch time arity) for symbol indices (batch time)."""
        state = np.zeros(len(symbols), dtype=np.int64)
        states = np.empty(symbols.shape, dtype=np.int64)
        for t in range(symbols.shape[1]):
            states[:, t] = state
            state = self.next[state, symbols[:, t]]
        return states, self.output[states, symbols]

PORTION = 200_000
"""Network steps between two looks at the clock."""
SLIPS = 0.1
"""A machine that is wrong on more than this share of the words is no description of the network."""
FEW_SLIPS = 0.01
"""A closed machine that is wrong on no more of the words is preferred to any that keeps growing with the words."""


@dataclass(frozen=True, slots=True)
class MealyLimits:
    """Budgets of the learner."""

    max_states: int = 20_000
    max_symbols: int = 256
    max_rounds: int = 60
    max_steps: int = 12_000_000
    timeout_s: float = 20.0
    test_words: int = 2_000


def symbol_index(ranges: tuple[tuple[int, int], ...], words: IntArray) -> NDArray[np.int64]:
    """Mixed-radix index of each input tuple, first component most significant, as `Domain.symbols` lists them."""
    index = np.zeros(words.shape[:-1], dtype=np.int64)
    for k, (low, high) in enumerate(ranges):
        index = index * (high - low + 1) + (words[..., k] - low)
    return index


def learn_mealy(
    network: RecurrentSubject, limits: MealyLimits, *, rng: np.random.Generator, hard: IntArray | None = None
) -> Mealy | None:
    """The machine that describes the network best on the words tried, or None when a limit was hit before any did.

    Machines grow round by round until one is right on all words. Trained networks are often machines with rare
    slips, and explaining a slip takes many states; so of all rounds the one wins whose own bits and those of its
    exceptions are fewest (minimum description length), closed machines with few slips first. The words tried, `hard`
    ones among them, have the training length; `closed` is False when states keep appearing up to that depth, the mark
    of a network that counts.
    """
    if network.domain.symbol_count > limits.max_symbols:
        return None
    return _Learner(network, limits, rng).learn(hard)


class _Learner:
    def __init__(self, network: RecurrentSubject, limits: MealyLimits, rng: np.random.Generator) -> None:
        self.network, self.limits, self.rng = network, limits, rng
        self.deadline = time.monotonic() + limits.timeout_s
        self.symbols = network.domain.symbols()
        self.steps = 0
        self.suffixes: list[IntArray] = [self.symbols[[s]] for s in range(len(self.symbols))]

    def learn(self, hard: IntArray | None) -> Mealy | None:
        domain = self.network.domain
        length = max(domain.train_length, 2)
        words = draw_mixed(domain, self.limits.test_words, length, rng=self.rng)
        if hard is not None:
            words = np.concatenate([hard, words])
        expected = self.network.run(words)
        indices = symbol_index(domain.ranges, words)
        best, fewest = None, (True, np.inf)
        for _ in range(self.limits.max_rounds):
            machine = self.build()
            if machine is None:
                break
            _, actual = machine.run(indices)
            wrong = (actual != expected).any(axis=-1)
            exceptions = int(wrong.any(axis=1).sum())
            bits = self.bits(machine) + exceptions * length * np.log2(len(self.symbols) + 1)
            grows = not machine.closed or exceptions > FEW_SLIPS * len(words)
            if (grows, bits) < fewest:
                best, fewest = replace(machine, exceptions=exceptions), (grows, bits)
            if not exceptions:
                break
            first = np.where(wrong.any(axis=1), wrong.argmax(axis=1), length)
            rows = np.argsort(first, kind="stable")[:4]
            grown = False
            for row in rows:
                if wrong[row].any():
                    grown |= self.split(machine, words[row, : first[row] + 1], indices[row])
            if not grown:
                break  # the network contradicts itself: rounding noise, not a state
        return best if best is not None and best.exceptions <= SLIPS * len(words) else None

    def bits(self, machine: Mealy) -> float:
        """The size of the table."""
        values = len(np.unique(machine.output.reshape(-1, machine.output.shape[2]), axis=0))
        return machine.next.size * float(np.log2(machine.size) + np.log2(max(values, 2)))

    def build(self) -> Mealy | None:
        """Breadth-first closure of the states under all symbols, merged by the present suffixes."""
        count = len(self.symbols)
        start = self.network.initial_state(1)
        known: dict[bytes, int] = {}
        hidden: list[FloatArray] = []
        outputs: list[IntArray] = []
        depth: list[int] = []
        transitions: list[NDArray[np.int64]] = []
        frontier, level = start, 0
        signatures, first_outputs = self.signatures(frontier)
        known[signatures[0]] = 0
        hidden.append(frontier[0])
        outputs.append(first_outputs[0])
        depth.append(0)
        horizon = max(self.network.domain.train_length, 2)
        last_new = 0
        while len(frontier):
            level += 1
            expanded = self.expand(frontier)
            if expanded is None:
                return None
            after, signatures, answer = expanded
            fresh: list[int] = []
            targets = np.empty(len(after), dtype=np.int64)
            for row, signature in enumerate(signatures):
                state = known.get(signature)
                if state is None:
                    state = known[signature] = len(known)
                    fresh.append(row)
                    hidden.append(after[row])
                    outputs.append(answer[row])
                    depth.append(level)
                    last_new = level
                targets[row] = state
            transitions.append(targets.reshape(-1, count))
            frontier = after[fresh]
            if len(known) > self.limits.max_states:
                return None
            if level >= horizon and fresh:  # beyond the training length: keep what is new inside, by looping it
                transitions.append(np.tile(np.arange(len(known) - len(fresh), len(known))[:, None], (1, count)))
                break
        return Mealy(np.concatenate(transitions), np.stack(outputs), np.stack(hidden), np.array(depth),
                     closed=last_new < horizon - 1)

    def expand(self, frontier: FloatArray) -> tuple[FloatArray, list[bytes], IntArray] | None:
        """The successors of hidden states under all symbols with their signatures; None when that exceeds a limit."""
        count = len(self.symbols)
        each = count * (1 + sum(map(len, self.suffixes)))
        self.steps += len(frontier) * each
        if self.steps > self.limits.max_steps:
            return None
        size = max(1, PORTION // each)
        states: list[FloatArray] = []
        signatures: list[bytes] = []
        answers: list[IntArray] = []
        for first in range(0, len(frontier), size):
            if time.monotonic() > self.deadline:
                return None
            part = frontier[first : first + size]
            after, _ = self.network.step(np.repeat(part, count, axis=0), np.tile(self.symbols, (len(part), 1)))
            found, answer = self.signatures(after)
            states.append(after)
            signatures += found
            answers.append(answer)
        return np.concatenate(states), signatures, np.concatenate(answers)

    def signatures(self, hidden: FloatArray) -> tuple[list[bytes], IntArray]:
        """Per hidden state: its answers on all suffixes as bytes, and its outputs on single symbols."""
        rows, count = len(hidden), len(self.symbols)
        columns: list[IntArray] = []
        singles: IntArray | None = None
        for length in sorted({len(s) for s in self.suffixes}):
            group = np.stack([s for s in self.suffixes if len(s) == length])
            state = np.repeat(hidden, len(group), axis=0)
            answers = []
            for t in range(length):
                state, out = self.network.step(state, np.tile(group[:, t], (rows, 1)))
                answers.append(out)
            stacked = np.stack(answers, axis=1).reshape(rows, len(group), -1)
            columns.append(stacked.reshape(rows, -1))
            if length == 1:
                singles = stacked[:, :count]
        table = np.concatenate(columns, axis=1)
        assert singles is not None
        return [row.tobytes() for row in np.ascontiguousarray(table)], singles

    def split(self, machine: Mealy, word: IntArray, indices: NDArray[np.int64]) -> bool:
        """Add the suffix that separates two states merged on the way through a misjudged word."""
        length = len(word)
        state = 0
        reached = [0]
        for t in range(length):
            state = int(machine.next[state, indices[t]])
            reached.append(state)
        truth = self.network.run(word[None])[0, -1]
        low, high = 0, length  # from reached[0] the network itself answers right, from reached[length-1] wrong
        if (self.tail(machine.hidden[0], word) != truth).any():
            return False
        for middle in range(1, length):
            if (self.tail(machine.hidden[reached[middle]], word[middle:]) != truth).any():
                low, high = middle - 1, middle
                break
        else:
            low, high = length - 1, length
        suffix = word[high:] if high < length else word[low:]
        if len(suffix) == 0 or any(len(s) == len(suffix) and (s == suffix).all() for s in self.suffixes):
            return False
        self.suffixes.append(suffix)
        return True

    def tail(self, hidden: FloatArray, word: IntArray) -> IntArray:
        """The last output when continuing from a hidden state."""
        state, out = hidden[None], np.zeros((1, 0), dtype=np.int64)
        for symbol in word:
            state, out = self.network.step(state, symbol[None])
        return out[0]
