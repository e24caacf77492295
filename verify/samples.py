"""States a machine reaches on random inputs, as columns: the data that invariants are guessed from."""

from __future__ import annotations

import numpy as np

from dsl.batch import evaluate_batch, initial_batch, step_batch
from dsl.programs import Machine
from dsl.terms import Term
from dsl.types import BoolType
from verify.domain import Domain, IntArray
from verify.lockstep import Columns, Pair, concatenate
from verify.words import draw_mixed

WORDS, STEPS = 96, 24
FAR = 40
"""Open ends of an input range are drawn up to this far from the closed end (or from 0)."""


def reached_states(machine: Machine, *, rng_seed: int) -> Columns:
    """State variables (batch) before the first step and after each step of random runs."""
    domain = Domain(tuple(_ends(var.type) for var in machine.inputs), train_length=STEPS)
    words = draw_mixed(domain, WORDS, STEPS, rng=np.random.default_rng(rng_seed))
    state: Columns = initial_batch(machine, WORDS)
    reached = [state]
    for t in range(STEPS):
        state, _ = step_batch(machine, state, words[:, t])
        reached.append(state)
    return concatenate([Pair(np.zeros((WORDS, 0), dtype=np.float32), columns) for columns in reached]).program


def column(term: Term, states: Columns) -> IntArray | None:
    """The values of a term over states as 64-bit integers (truth values as 0 and 1), or None when they are not."""
    values = evaluate_batch(term, states)
    if not isinstance(values, np.ndarray) or values.dtype == object:
        return None
    return values.astype(np.int64)


def _ends(kind: object) -> tuple[int, int]:
    if isinstance(kind, BoolType):
        return 0, 1
    low = getattr(kind, "low", None)
    high = getattr(kind, "high", None)
    if low is None:
        low = -FAR if high is None else int(high) - 2 * FAR
    return int(low), int(low) + 2 * FAR if high is None else int(high)
