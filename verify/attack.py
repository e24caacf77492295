"""Search for a word on which a network leaves its program: a beam over states, those nearest to a wrong answer kept.

Random words seldom push one way for long. The beam keeps, per program state, words that lead to the smallest lead of
the right output, and others drawn at random, and extends all by every symbol (best-first search on margins). What is
found is replayed on the network before it is believed.
"""

from __future__ import annotations

import numpy as np

from dsl.programs import Machine
from verify.budget import Deadline
from verify.domain import IntArray
from verify.lockstep import replay
from verify.reach.affine import Array, point
from verify.reach.cells import margins
from verify.reach.table import ProgramTable
from verify.subject import RecurrentSubject
from verify.verdict import Counterexample
from verify.weights import Weights, WithWeights, weights_of

BEAM = 64  # words kept per program state, half of them by their lead
MOST_STATES = 64


def attacked(
    network: RecurrentSubject, machine: Machine, *, steps: int, rng: np.random.Generator, deadline: Deadline
) -> Counterexample | None:
    """The first difference met within so many steps, replayed. Raises `Unsupported` for what is no finite program."""
    if not isinstance(network, WithWeights):
        return None
    weights, table = weights_of(network, network.initial_state(1)[0]), ProgramTable(machine, network.domain)
    alphabet = network.domain.symbols()
    states, numbers = network.initial_state(1), np.zeros(1, dtype=np.int64)
    history = list[tuple[IntArray, IntArray]]()
    for _ in range(steps):
        if deadline.passed:
            break
        rows = np.repeat(np.arange(len(states)), len(alphabet))
        symbols = np.tile(np.arange(len(alphabet)), len(states))
        states, answers = network.step(states[rows], alphabet[symbols])
        steps_ = [table.step(n, s) for n, s in zip(numbers[rows].tolist(), symbols.tolist())]
        numbers, expected = np.array([n for n, _ in steps_]), np.array([out for _, out in steps_])
        wrong = np.nonzero((answers != expected).any(axis=1))[0]
        for row in wrong[:4].tolist():
            found = replay(network, machine, alphabet[_word(history, int(rows[row]), int(symbols[row]))])
            if found is not None:
                return found
        with np.errstate(all="ignore"):  # states may overflow
            exact = np.asarray(states, dtype=np.float64)
            kept = _kept(_leads(weights, exact, expected), exact, numbers, rng)
        history.append((rows[kept], symbols[kept]))
        states, numbers = states[kept], numbers[kept]
    return None


def _word(history: list[tuple[IntArray, IntArray]], row: int, symbol: int) -> list[int]:
    word = [symbol]
    for rows, symbols in reversed(history):
        word.append(int(symbols[row]))
        row = int(rows[row])
    return word[::-1]


def _leads(weights: Weights, states: Array, expected: IntArray) -> Array:
    leads = np.zeros(len(states))
    for outputs in sorted(set(map(tuple, expected.tolist()))):
        rows = (expected == outputs).all(axis=1)
        leads[rows] = margins(weights, point(states[rows]), outputs).centre.min(axis=1)
    return leads


def _kept(leads: Array, states: Array, numbers: IntArray, rng: np.random.Generator) -> IntArray:
    """Per program state the rows of least lead and as many others, no network state twice."""
    fresh = np.unique(states, axis=0, return_index=True)[1]
    found = list[IntArray]()
    for number in np.unique(numbers[fresh])[:MOST_STATES].tolist():
        rows = fresh[numbers[fresh] == number]
        rows = rows[np.argsort(leads[rows], kind="stable")]
        rest = rows[BEAM // 2 :]
        found += [rows[: BEAM // 2], rng.choice(rest, min(BEAM // 2, len(rest)), replace=False)]
    return np.concatenate(found)
