"""Whether a monitor is true at every step of every run: proved for every length, or false on a shortest input.

In order of cost: explore the reachable states (which decides finite-state programs), induction with mined invariants,
a wider exploration, bounded unrolling for a shortest violation, Spacer. What none of them decides is `Unknown`, naming
how far each came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import z3

from dsl.batch import initial_batch, step_batch
from dsl.errors import Unsupported
from dsl.printers.text import print_term
from dsl.programs import Machine
from dsl.terms import Term
from dsl.types import Type
from verify.budget import Deadline
from verify.domain import IntArray
from verify.exhaustive import covered
from verify.explore import explore
from verify.induction import inductive, proved_by_induction
from verify.invariants import candidates
from verify.lockstep import BoolArray, Pair
from verify.monitor import input_domain
from verify.samples import reached_states
from verify.spacer import spacer
from verify.unroll import shortest_violation, sound_types
from verify.verdict import Counterexample, Proved, Refuted, Unknown, Verdict

Replay = Callable[[list[tuple[Any, ...]]], Counterexample | None]
"""The counterexample an input really is, by the reference interpreter, or None."""

FIRST_STEPS, FIRST_LENGTH = 4_000, 256
EXPLORE_STEPS = 200_000
MAX_ALPHABET = 20_000
FIRST_UNROLLING, MAX_UNROLLING = 12, 10_000


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the method that reached it, and the length up to which the claim was proved in any case."""

    verdict: Verdict
    method: str
    length: int = 0
    invariants: tuple[str, ...] = ()


def always(monitor: Machine, replay: Replay, *, deadline: Deadline, rng_seed: int = 0) -> Decision:
    """Decide whether the monitor's output is true at every step of every run."""
    explored = _explored(monitor, replay, FIRST_STEPS, FIRST_LENGTH, deadline.share(0.2))
    if not isinstance(explored.verdict, Unknown):
        return explored
    obstacle = "beyond that no invariant was found in time"
    try:
        kinds = sound_types(monitor, deadline.share(0.2))
        guesses = candidates(monitor, reached_states(monitor, rng_seed=rng_seed))
        lemmas = inductive(monitor, kinds, guesses, deadline.share(0.4))
        share = deadline.share(0.4)
        depth = proved_by_induction(monitor, kinds, lemmas, proved_length=explored.length, deadline=share)
        if depth is not None:
            return _proved(f"{depth}-induction", lemmas, explored.length)
        wider = _explored(monitor, replay, EXPLORE_STEPS, None, deadline.share(0.3))
        if not isinstance(wider.verdict, Unknown):
            return wider
        return _unrolled(monitor, replay, kinds, lemmas, max(explored.length, wider.length), deadline)
    except Unsupported as error:
        obstacle = f"not encoded for the solver: {error}"
    wider = _explored(monitor, replay, EXPLORE_STEPS, None, deadline)
    if not isinstance(wider.verdict, Unknown):
        return wider
    return Decision(Unknown(f"true for length up to {wider.length}; {obstacle}"), wider.method, wider.length)


def _explored(
    monitor: Machine, replay: Replay, max_steps: int, max_length: int | None, deadline: Deadline
) -> Decision:
    method = "exploration of reachable states"
    domain = input_domain(monitor)
    if domain is None or domain.symbol_count > MAX_ALPHABET:
        return Decision(Unknown("the input alphabet is too large to explore"), method)

    def advance(pair: Pair, symbols: IntArray) -> tuple[Pair, BoolArray]:
        program, outputs = step_batch(monitor, pair.program, symbols)
        return Pair(np.zeros((len(symbols), 0), dtype=np.float32), program), outputs[:, 0] != 1

    def confirm(word: IntArray) -> Counterexample | None:
        return replay([tuple(symbol) for symbol in word.tolist()])

    first = Pair(np.zeros((1, 0), dtype=np.float32), initial_batch(monitor, 1))
    result = explore(first, advance, confirm, domain, max_steps=max_steps, max_length=max_length, deadline=deadline)
    assert not result.unstable, "the batch and the reference semantics of a program differ"
    if result.found is not None:
        return Decision(Refuted(result.found, shortest=True), method, result.length)
    if result.closed:
        return Decision(Proved(covered(result, domain)), method, result.length)
    return Decision(Unknown(f"true for {covered(result, domain)}"), method, result.length)


def _unrolled(
    monitor: Machine, replay: Replay, kinds: dict[str, Type], lemmas: list[Term], length: int, deadline: Deadline
) -> Decision:
    """Unroll a little, ask Spacer, unroll for the rest of the time."""
    short, word = shortest_violation(monitor, kinds, max_length=FIRST_UNROLLING, deadline=deadline.share(0.3))
    length = max(length, short)
    if word is None:
        answer = spacer(monitor, kinds, lemmas, deadline=deadline.share(0.6))
        if answer == z3.unsat:
            return _proved("Spacer", lemmas, length)
        short, word = shortest_violation(monitor, kinds, max_length=MAX_UNROLLING, deadline=deadline)
        length = max(length, short)
    if word is not None:
        found = replay(word)
        if found is not None:
            return Decision(Refuted(found, shortest=True), "bounded unrolling", length)
        return Decision(Unknown("the solver's input does not fail in the reference interpreter"), "bounded unrolling")
    reason = f"true for length up to {length}; neither {len(lemmas)} invariants nor Spacer cover every length in time"
    return Decision(Unknown(reason), "induction and Spacer", length)


def _proved(method: str, lemmas: list[Term], length: int) -> Decision:
    return Decision(Proved(f"all inputs of every length ({method})"), method, length, tuple(map(print_term, lemmas)))
