"""Sampling: a program against a network on seeded random inputs. It can refute; it never proves.

A difference is shrunk (`verify.shrink`), shorter inputs are searched exhaustively within a small budget, and the result
is replayed on the network with a batch of 1 and in the reference interpreter before it is believed.
"""

from __future__ import annotations

import time

import numpy as np

from dsl.errors import Unsupported
from dsl.programs import Machine
from verify.budget import FOREVER, Deadline
from verify.domain import IntArray
from verify.exhaustive import CLAIM, exhaustive
from verify.lockstep import check_compatible, chunks, differing, first_failures, replay
from verify.shrink import shrink
from verify.subject import RecurrentSubject, Subject
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown
from verify.words import draw_mixed

METHOD = "sampling"
FIRST_ROWS, ROWS = 1 << 8, 1 << 12
"""Inputs drawn and compared at a time; fewer at first, so that a short deadline is noticed on a slow network."""
SHRINK_INPUTS = 50_000
"""Network steps spent on looking for a shorter counterexample than the shrunk one."""
MAX_REPLAYS = 32


def sampled(
    network: RecurrentSubject,
    machine: Machine,
    *,
    count: int = 100_000,
    length: int,
    rng_seed: int,
    deadline: Deadline = FOREVER,
) -> Finding:
    """Compare on `count` random inputs of `length` steps, at every step. `Unknown` unless a difference is found."""
    began = time.monotonic()
    check_compatible(network.domain, len(network.output_ranges), machine)
    rng = np.random.default_rng(rng_seed)
    domain = f"{count:,} random inputs of length {length}"
    done = unconfirmed = 0
    rows = FIRST_ROWS
    while done < count and not deadline.passed:
        inputs = draw_mixed(network.domain, min(rows, count - done), length, rng=rng)
        rows = min(2 * rows, ROWS)
        try:
            at = first_failures(network, machine, inputs)
        except Unsupported as error:
            return Finding(CLAIM, METHOD, Unknown(str(error)), domain, time.monotonic() - began, (("inputs", done),))
        done += len(inputs)
        failing = np.flatnonzero(at >= 0)
        for row in failing[np.argsort(at[failing], kind="stable")][:MAX_REPLAYS]:
            found = replay(network, machine, inputs[row, : at[row] + 1])
            if found is not None:
                best, shortest = shorten(network, machine, found, deadline=deadline)
                measured = (("inputs", done), ("failing", len(failing)), ("failing_of", len(inputs)))
                return Finding(CLAIM, METHOD, Refuted(best, shortest), domain, time.monotonic() - began, measured)
            unconfirmed += 1
    reason = f"no difference in {done:,} random inputs of length {length}"
    if unconfirmed:
        reason = f"differences on {unconfirmed} inputs depend on the batch they are evaluated in; otherwise {reason}"
    if done < count:
        reason += f" before the time was up ({count:,} planned)"
    return Finding(CLAIM, METHOD, Unknown(reason), domain, time.monotonic() - began, (("inputs", done),))


def shorten(
    network: RecurrentSubject, machine: Machine, found: Counterexample, *, deadline: Deadline = FOREVER
) -> tuple[Counterexample, bool]:
    """A counterexample no longer than `found`, and whether no shorter one exists."""

    def failures(words: IntArray) -> IntArray:
        return first_failures(network, machine, words)

    rng = np.random.default_rng(0)
    best, word = found, np.array(found.inputs, dtype=np.int64)
    while True:
        better = replay(network, machine, shrink(failures, network.domain, word, deadline=deadline))
        best = better if better is not None and better.length <= best.length else best
        if best.length == 1:
            return best, True
        drawn = draw_mixed(network.domain, ROWS, best.length - 1, rng=rng)
        at = failures(drawn)
        if deadline.passed or not (at >= 0).any():
            break
        row = int(np.argmin(np.where(at >= 0, at, best.length)))
        word = drawn[row, : at[row] + 1]
        if replay(network, machine, word) is None:
            break
    finding = exhaustive(network, machine, max_inputs=SHRINK_INPUTS, max_length=best.length - 1, deadline=deadline)
    if isinstance(finding.verdict, Refuted):
        return finding.verdict.counterexample, finding.verdict.shortest
    covered = dict(finding.measured)["length"]
    return best, isinstance(finding.verdict, Proved) and covered == best.length - 1


def agreement(network: Subject, machine: Machine, inputs: IntArray) -> float:
    """Share of words (batch time arity) on which network and program give equal outputs at every step."""
    equal = sum(int((first_failures(network, machine, inputs[part]) < 0).sum()) for part in chunks(len(inputs), ROWS))
    return equal / len(inputs)


def output_agreement(network: Subject, machine: Machine, inputs: IntArray) -> float:
    """Share of single outputs, over words and steps, that are equal."""
    from dsl.batch import run_machine_batch

    wrong = sum(
        int(differing(run_machine_batch(machine, inputs[part]), network.run(inputs[part])).sum())
        for part in chunks(len(inputs), ROWS)
    )
    return 1 - wrong / (inputs.shape[0] * inputs.shape[1])
