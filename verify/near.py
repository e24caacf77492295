"""How near a function is to a network whose outputs are real numbers: a distance that no input exceeds.

Outputs are told in steps of a unit, so a function that is at most E steps from the network's rounded output is at most
(E + 1/2) units from the output itself. The distance is the largest one where all inputs can be listed; on a larger
domain it is guessed from a sample, a little above, and proved by branch and bound.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from dsl.errors import Unsupported
from dsl.programs import Function
from dsl.terms import Var, substitute
from dsl.types import BoolType, IntType
from verify.boxes import Claim, Ends, search_boxes, values_of
from verify.budget import FOREVER, Deadline
from verify.domain import IntArray
from verify.equivalence import as_machine
from verify.exhaustive import CLAIM
from verify.functions import MOST_INPUTS, ROWS
from verify.graph import Graphed
from verify.lockstep import check_compatible, chunks
from verify.subject import Subject
from verify.verdict import Finding, Proved, Unknown, Verdict

SAMPLES = 100_000
ROOM = 1.1
"""By how much the distance to be proved exceeds the largest one met."""


def units_of(network: Subject) -> tuple[float, ...]:
    """What one step of each output stands for; empty where outputs are whole numbers in their own right."""
    return getattr(network, "output_units", ())


def check_near(network: Subject, function: Function, *, rng_seed: int = 0, deadline: Deadline = FOREVER) -> Finding:
    """The finding that no output of the function is farther from the network's than the claim tells."""
    began = time.monotonic()
    check_compatible(network.domain, len(network.output_ranges), as_machine(function))
    whole = network.domain.symbol_count <= MOST_INPUTS
    part = deadline if whole else deadline.share(0.3)
    steps, done, planned = _farthest(network, function, whole, rng_seed, part)
    phrase, method = f"all {planned:,} inputs", "exhaustive"
    if done < planned:
        verdict: Verdict = Unknown(f"so in {done:,} inputs before the time was up ({planned:,} planned)")
    elif whole:
        verdict = Proved(f"{phrase} (each checked)")
    elif isinstance(network, Graphed):
        phrase, method = f"all {network.domain.symbol_count:,} inputs", "branch and bound"
        try:
            steps, verdict = _bounded(network, function, steps, deadline)
        except Unsupported as error:
            verdict = Unknown(str(error))
    else:
        phrase, method, verdict = f"{planned:,} random inputs", "sampling", Unknown(f"so in {planned:,} random inputs")
    within = [(s + 0.5) * unit for s, unit in zip(steps.tolist(), units_of(network), strict=True)]
    claim = f"{CLAIM} within {', '.join(f'{w:.4g}' for w in within)}"
    measured = (("inputs", done), ("within", within), ("farthest", steps.tolist()))
    return Finding(claim, method, verdict, phrase, time.monotonic() - began, measured)


def near(function: Function, steps: IntArray) -> Claim:
    """The claim that every output is at most so many steps from the function's."""
    machine = as_machine(function)

    def wanted(lows: tuple[int, ...], highs: tuple[int, ...]) -> Ends | None:
        narrow = {v.name: Var(v.name, IntType(a, b)) for v, a, b in zip(machine.inputs, lows, highs, strict=True)
                  if not isinstance(v.type, BoolType)}  # fmt: skip
        ends: list[tuple[int | None, int | None]] = []
        for term, distance in zip(machine.outputs, steps.tolist(), strict=True):
            kind = substitute(term, narrow).type
            least, most = (kind.low, kind.high) if isinstance(kind, IntType) else (0, 1)
            if least is None or most is None or most - distance > least + distance:
                return None
            ends.append((most - distance, least + distance))
        return tuple(ends)

    def right(inputs: IntArray, outputs: IntArray) -> NDArray[np.bool_]:
        apart = np.abs(values_of(function, inputs) - outputs)
        return np.all(apart <= steps, axis=1)

    return Claim(wanted, right)


def _farthest(
    network: Subject, function: Function, whole: bool, rng_seed: int, deadline: Deadline
) -> tuple[IntArray, int, int]:
    """The largest distance met per output, in steps, and of how many inputs planned it was asked for how many."""
    domain = network.domain
    planned, done = domain.symbol_count if whole else SAMPLES, 0
    steps = np.zeros(len(network.output_ranges), dtype=np.int64)
    rng = np.random.default_rng(rng_seed)
    for part in chunks(planned, ROWS):
        if deadline.passed:
            break
        size = part.stop - part.start
        inputs = domain.symbols_at(np.arange(part.start, part.stop)) if whole else domain.draw((size,), rng=rng)
        distance = np.abs(values_of(function, inputs) - network.run(inputs[:, None])[:, 0])
        steps, done = np.maximum(steps, distance.max(axis=0)), done + size
    return steps, done, planned


def _bounded(network: Graphed, function: Function, steps: IntArray, deadline: Deadline) -> tuple[IntArray, Verdict]:
    """A distance that branch and bound proves, from a little above the one met; larger where an input exceeds it."""
    lows, highs = np.array(network.domain.ranges, dtype=np.int64).T
    while True:
        steps = np.array([math.ceil(ROOM * s) + 1 for s in steps.tolist()])
        found, done, tally = search_boxes(network, near(function, steps), lows, highs, deadline)
        settled = f"{tally.bounded:,} by bounds over {tally.boxes:,} boxes, {tally.run:,} one by one"
        if done:
            return steps, Proved(f"all {network.domain.symbol_count:,} inputs ({settled})")
        if found is None:
            return steps, Unknown(f"so in random inputs; time was up with {settled}")
        distance = np.abs(values_of(function, found[None]) - network.run(found[None, None])[:, 0])
        steps = np.maximum(steps, distance[0])
