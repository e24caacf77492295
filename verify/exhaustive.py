"""Exhaustive checking: a program against a recurrent network on all inputs up to a length, or of every length.

Prefixes whose network state is bit-identical and whose program state is equal are merged (`verify.explore`); where the
set of reachable float32 states is finite and small enough, this closes and covers every length.

What is proved is about the network as evaluated here, a batch of rows at a time: processors that add in another order
reach other states (`verify.certificate` bounds every order). Matrix products of another batch shape may
round their last bit otherwise; so every difference is replayed with a batch of 1 before it is believed, and one that
does not show up again makes the verdict `Unknown`, naming the input.
"""

from __future__ import annotations

import time

from dsl.programs import Machine
from verify.budget import FOREVER, Deadline
from verify.domain import Domain, IntArray
from verify.explore import Exploration, explore
from verify.lockstep import BoolArray, Pair, advance, check_compatible, replay, start
from verify.subject import RecurrentSubject
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown, Verdict

CLAIM = "program equals network"
METHOD = "exhaustive"


def exhaustive(
    network: RecurrentSubject,
    machine: Machine,
    *,
    max_inputs: int = 200_000,
    max_length: int | None = None,
    deadline: Deadline = FOREVER,
) -> Finding:
    """Compare on all inputs of the largest length that `max_inputs` network steps (after merging) allow.

    Steps left over are spent on a part of the next length, where a difference is again a shortest one.
    """
    began = time.monotonic()
    check_compatible(network.domain, len(network.output_ranges), machine)

    def step(pair: Pair, symbols: IntArray) -> tuple[Pair, BoolArray]:
        return advance(network, machine, pair, symbols)

    def confirm(word: IntArray) -> Counterexample | None:
        return replay(network, machine, word)

    first = start(network, machine)
    explored = explore(
        first, step, confirm, network.domain, max_steps=max_inputs, max_length=max_length, deadline=deadline
    )
    domain = covered(explored, network.domain)
    measured = (
        ("length", explored.length),
        ("inputs", network.domain.word_count(explored.length)),
        ("steps", explored.steps),
        ("inputs_one_longer", explored.beyond),
    )
    verdict = _verdict(explored, network.domain, domain)
    return Finding(CLAIM, METHOD, verdict, domain, time.monotonic() - began, measured)


def covered(explored: Exploration, domain: Domain) -> str:
    """The inputs an exploration covered, in words."""
    if explored.closed:
        return f"all inputs of every length ({explored.states:,} reachable states, exact closure)"
    if explored.length == 0:
        return "no length completed"
    count = domain.word_count(explored.length)
    how = f"{count:,} checked" if count <= explored.steps else f"{explored.steps:,} steps after merging equal states"
    return f"all inputs of length up to {explored.length} ({how})"


def _verdict(explored: Exploration, domain: Domain, phrase: str) -> Verdict:
    if explored.found is not None:
        return Refuted(explored.found, shortest=not explored.unstable)
    if explored.unstable:
        word = " ".join(",".join(map(str, symbol)) for symbol in explored.unstable[0].tolist())
        return Unknown(f"the network's output on {word} depends on the batch it is evaluated in")
    if explored.length == 0:
        return Unknown(f"budget ended before all {domain.symbol_count:,} inputs of length 1")
    return Proved(phrase)
