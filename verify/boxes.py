"""Branch and bound over boxes of inputs: a claim about a network's outputs, by sound bounds where they suffice.

A claim gives, for a box, the interval that each output must stay in, or says that the box must be split first. Bounds
of the float32 network (`verify.reach.backward`) settle a box; a small one that resists is settled by running the
network on all its inputs; others are split across the input that matters most. Over whole numbers this always ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from dsl.programs import Function
from dsl.terms import Var, substitute
from dsl.types import BoolType, IntType
from verify.budget import FOREVER, Deadline
from verify.domain import Domain, IntArray
from verify.equivalence import as_machine
from verify.exhaustive import CLAIM
from verify.graph import Array, Graphed
from verify.lockstep import replay
from verify.reach.backward import Bounds
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown, Verdict

METHOD = "branch and bound"
BATCH = 64
LEAF = 64
"""A box of at most so many inputs is run rather than split."""
Ends = tuple[tuple[int | None, int | None], ...]
Wanted = Callable[[tuple[int, ...], tuple[int, ...]], Ends | None]
"""For a box (lows, highs): the interval of each output on it, or None where that differs within the box."""
Right = Callable[[IntArray, IntArray], NDArray[np.bool_]]
"""For inputs (batch, arity) and the network's outputs (batch, outputs): which are as the claim says."""


@dataclass(frozen=True)
class Claim:
    """What is claimed of each box, and of each input of a small one."""

    wanted: Wanted
    right: Right


@dataclass
class Tally:
    """How boxes were settled: `bounded` inputs by bounds over `boxes` boxes, `run` inputs one by one; `splits`."""

    boxes: int = 0
    bounded: int = 0
    run: int = 0
    splits: int = 0


def within(ranges: Ends) -> Claim:
    """The claim that every output stays in its range."""

    def right(_: IntArray, outputs: IntArray) -> NDArray[np.bool_]:
        fits = np.ones(len(outputs), dtype=bool)
        for k, (low, high) in enumerate(ranges):
            fits &= (low is None or outputs[:, k] >= low) & (high is None or outputs[:, k] <= high)
        return fits

    return Claim(lambda lows, highs: ranges, right)


def equals(function: Function) -> Claim:
    """The claim that the network computes the function: settled on boxes where its range is one value."""
    machine = as_machine(function)

    def wanted(lows: tuple[int, ...], highs: tuple[int, ...]) -> Ends | None:
        narrow = {v.name: Var(v.name, IntType(a, b)) for v, a, b in zip(machine.inputs, lows, highs, strict=True)
                  if not isinstance(v.type, BoolType)}  # fmt: skip
        ends = [_ends(substitute(term, narrow).type) for term in machine.outputs]
        return tuple((a, b) for a, b in ends) if all(a is not None and a == b for a, b in ends) else None

    def right(inputs: IntArray, outputs: IntArray) -> NDArray[np.bool_]:
        return (values_of(function, inputs) == outputs).all(axis=1)

    return Claim(wanted, right)


def values_of(function: Function, inputs: IntArray) -> IntArray:
    """What the function answers (batch, outputs) to inputs (batch, arity)."""
    machine = as_machine(function)
    env: dict[str, Any] = {v.name: inputs[:, k] for k, v in enumerate(machine.inputs)}
    env = {v.name: env[v.name] != 0 if isinstance(v.type, BoolType) else env[v.name] for v in machine.inputs}
    values = [np.broadcast_to(evaluate_batch(term, env), len(inputs)) for term in machine.outputs]
    return np.stack(values, axis=1).astype(np.int64)


def _ends(kind: object) -> tuple[int | None, int | None]:
    return (kind.low, kind.high) if isinstance(kind, IntType) else (None, None)


def search_boxes(
    network: Graphed, claim: Claim, lows: IntArray, highs: IntArray, deadline: Deadline = FOREVER
) -> tuple[IntArray | None, bool, Tally]:
    """An input (arity,) of the box on which the claim fails, or None; whether every input was settled; the tally."""
    tally = Tally()
    queue: list[tuple[IntArray, IntArray]] = [(np.asarray(lows, np.int64), np.asarray(highs, np.int64))]
    while queue and not deadline.passed:
        boxes, queue = queue[-BATCH:], queue[:-BATCH]
        low, high = (np.stack(ends) for ends in zip(*boxes, strict=True))
        counts = (high - low + 1).prod(axis=1, dtype=np.float64)
        small = counts <= LEAF
        for k in np.flatnonzero(small):
            points = _points(low[k], high[k])
            wrong = ~claim.right(points, network.run(points[:, None])[:, 0])
            tally.run += len(points)
            if wrong.any():
                return points[int(np.argmax(wrong))], False, tally
        if small.all():
            continue
        low, high = low[~small], high[~small]
        settled, weight = _settled(network, claim, low, high)
        tally.boxes += int(settled.sum())
        tally.bounded += int(counts[~small][settled].sum())
        for k in np.flatnonzero(~settled):
            at = int(np.argmax(np.where(high[k] > low[k], weight[k], -1.0)))
            middle = int(low[k, at] + high[k, at]) // 2
            below, above = high[k].copy(), low[k].copy()
            below[at], above[at] = middle, middle + 1
            queue += [(low[k], below), (above, high[k])]
            tally.splits += 1
    return None, not queue, tally


def _settled(network: Graphed, claim: Claim, low: IntArray, high: IntArray) -> tuple[NDArray[np.bool_], Array]:
    """Which boxes the bounds settle, and how much each input matters on them (boxes, arity)."""
    graph = network.layers()
    bounds = Bounds(graph, low, high)
    settled = np.zeros(len(low), dtype=bool)
    wanted = [claim.wanted(tuple(a), tuple(b)) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    by_ends: dict[Ends, list[int]] = {}
    for k, ends in enumerate(wanted):
        if ends is not None:
            by_ends.setdefault(ends, []).append(k)
    for ends, rows in by_ends.items():
        held = np.ones(len(low), dtype=bool)
        for option in obligations(network, ends):
            matrix, constants = option
            held &= (bounds.least(matrix, constants) > 0).all(axis=1)
        settled[rows] = held[rows]
    return settled, bounds.influence()


def obligations(network: Graphed, ends: Ends) -> list[tuple[Array, Array]]:
    """Linear functions of the read-out (rows, constants) that are positive where the outputs lie between the ends."""
    width = network.layers().nodes[-1].width
    rows: list[Array] = []
    constants: list[float] = []

    def must(coefficients: dict[int, float], constant: float) -> None:
        row = np.zeros(width)
        for at, value in coefficients.items():
            row[at] = value
        rows.append(row)
        constants.append(constant)

    start = 0
    for k, (low, high) in enumerate(ends):
        least, most = network.output_ranges[k]
        if network.decoding != "argmax":
            if network.decoding != "sign":  # rounded, real outputs to steps
                steps = 1.0 if network.decoding == "round" else 1 / network.output_units[k]
                if low is not None:
                    must({k: steps}, 0.5 - low)
                if high is not None:
                    must({k: -steps}, high + 0.5)
            else:
                if low is not None and low > 0:
                    must({k: 1.0} if low == 1 else {}, 0.0)  # no output exceeds 1: 0 > 0 never holds
                if high is not None and high < 1:
                    must({k: -1.0} if high == 0 else {}, 0.0)
            continue
        assert least is not None
        assert most is not None
        size = most - least + 1
        allowed = [v for v in range(size) if (low is None or v + least >= low) and (high is None or v + least <= high)]
        others = [v for v in range(size) if v not in allowed]
        best = allowed[len(allowed) // 2] if allowed else None
        for other in others:
            if best is None:
                must({}, -1.0)
            else:
                must({start + best: 1.0, start + other: -1.0}, 0.0)
        start += size
    return [(np.array(rows), np.array(constants))] if rows else []


def _points(low: IntArray, high: IntArray) -> IntArray:
    return Domain(tuple(zip(low.tolist(), high.tolist(), strict=True)), 1).symbols()


def check_boxes(network: Graphed, function: Function, *, deadline: Deadline = FOREVER) -> Finding:
    """The finding that the function equals the network on its whole domain, however large."""
    began = time.monotonic()
    domain = network.domain
    lows, highs = np.array(domain.ranges, dtype=np.int64).T
    found, done, tally = search_boxes(network, equals(function), lows, highs, deadline)
    phrase = f"all {domain.symbol_count:,} inputs"
    told = f"{phrase} ({tally.bounded:,} by bounds over {tally.boxes:,} boxes, {tally.run:,} one by one)"
    verdict: Verdict = (
        Proved(told) if done else Unknown(f"time was up: {tally.bounded + tally.run:,} of {phrase[4:]} settled")
    )
    if found is not None:
        example: Counterexample | None = replay(network, as_machine(function), found[None])
        verdict = Unknown("a difference found does not replay") if example is None else Refuted(example)
    measured = (("boxes", tally.boxes), ("bounded", tally.bounded), ("run", tally.run), ("splits", tally.splits))
    return Finding(CLAIM, METHOD, verdict, told, time.monotonic() - began, measured)
