"""A function against a network over single inputs: all of a finite domain, or random inputs of a larger one.

The counterexample shown is the most central one: the input nearest to the middle of the domain in units of its ranges.
What is proved is about the network as evaluated, a batch of rows at a time; every difference is replayed with a batch
of 1 before it is believed (see `verify.exhaustive`).
"""

from __future__ import annotations

import time

import numpy as np

from dsl.programs import Function
from verify.budget import FOREVER, Deadline
from verify.domain import IntArray
from verify.equivalence import as_machine
from verify.exhaustive import CLAIM
from verify.lockstep import check_compatible, chunks, first_failures, replay
from verify.subject import Subject
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown, Verdict

COMPUTES = "network computes"
"""How claims about a program that is not the extracted one begin."""
ROWS = 1 << 14
MOST_INPUTS = 1 << 21
MAX_REPLAYS = 32


def check_function(
    network: Subject,
    function: Function,
    *,
    rng_seed: int = 0,
    deadline: Deadline = FOREVER,
    samples: int = 100_000,
    claim: str = CLAIM,
) -> Finding:
    """The finding that the function equals the network: exhaustive where the domain allows, else by sampling."""
    began = time.monotonic()
    domain = network.domain
    machine = as_machine(function)
    check_compatible(domain, len(network.output_ranges), machine)
    whole = domain.symbol_count <= MOST_INPUTS
    planned = domain.symbol_count if whole else samples
    rng = np.random.default_rng(rng_seed)
    done, failing = 0, []
    for part in chunks(planned, ROWS):
        if deadline.passed:
            break
        size = part.stop - part.start
        inputs = domain.symbols_at(np.arange(part.start, part.stop)) if whole else domain.draw((size,), rng=rng)
        wrong = first_failures(network, machine, inputs[:, None]) >= 0
        failing.append(inputs[wrong])
        done += size
    different = np.concatenate(failing) if failing else np.empty((0, domain.arity), np.int64)
    verdict, phrase = _verdict(network, function, different, done, planned, whole)
    measured = (("inputs", done), ("differing", len(different)))
    method = "exhaustive" if whole else "sampling"
    return Finding(claim, method, verdict, phrase, time.monotonic() - began, measured)


def _verdict(
    network: Subject, function: Function, different: IntArray, done: int, planned: int, whole: bool
) -> tuple[Verdict, str]:
    phrase = f"all {planned:,} inputs" if whole else f"{planned:,} random inputs"
    machine = as_machine(function)
    unstable = 0
    for row in np.argsort(network.domain.eccentricity(different), kind="stable")[:MAX_REPLAYS]:
        found: Counterexample | None = replay(network, machine, different[row][None])
        if found is not None:
            return Refuted(found, shortest=True), f"{phrase} ({len(different):,} differ)"
        unstable += 1
    if unstable:
        example = ",".join(map(str, different[0].tolist()))
        return Unknown(f"the network's output on {example} depends on the batch it is evaluated in"), phrase
    if done < planned:
        return Unknown(f"no difference in {done:,} inputs before the time was up ({planned:,} planned)"), phrase
    return (Proved(f"{phrase} (each checked)") if whole else Unknown(f"no difference in {phrase}")), phrase
