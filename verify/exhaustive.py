"""Exhaustive checking: a program against a recurrent network on all inputs up to a length, or of every length.

Breadth-first over prefixes, level by level, so that each step of network and program is computed once per prefix and
the first difference is on a shortest input. Prefixes whose *pair* (network state, program state) is bit-identical to
one met before are merged: they have the same future. When no new pair is left, the explicit-state search is closed
and the claim holds for every length (Holzmann's exact hashing, on the product of network and program).

What is proved is about the network as evaluated, a batch of rows at a time. Matrix products of another batch shape may
round their last bit otherwise; so every difference is replayed with a batch of 1 before it is believed, and one that
does not show up again makes the verdict `Unknown`, naming the input.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from dsl.programs import Machine
from verify.budget import FOREVER, Deadline
from verify.domain import IntArray
from verify.lockstep import MAX_ROWS, Pair, advance, check_compatible, concatenate, replay, start
from verify.subject import RecurrentSubject
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown, Verdict

CLAIM = "program equals network"
METHOD = "exhaustive"
MAX_REMEMBERED = 2_000_000
"""Pairs remembered for merging; past this number prefixes are kept apart and no closure is claimed."""


@dataclass
class _Search:
    """The search so far: one row of the frontier per pair first reached at the present length."""

    network: RecurrentSubject
    machine: Machine
    frontier: Pair
    words: list[IntArray]  # per level: the index of the last symbol of each row
    parents: list[IntArray]  # per level: the row of the previous level it came from
    seen: set[Hashable]
    merging: bool = True
    closed: bool = False
    length: int = 0
    steps: int = 0
    unstable: list[IntArray] = field(default_factory=list)

    def word(self, level: int, parent: int, last: int) -> IntArray:
        """The input that ends in symbol `last` after row `parent` of a level."""
        indices = [last]
        for k in range(level, 0, -1):
            indices.append(int(self.words[k][parent]))
            parent = int(self.parents[k][parent])
        return self.network.domain.symbols_at(np.array(indices[::-1], dtype=np.int64))


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
    first = start(network, machine)
    none = np.zeros(1, dtype=np.int64)
    search = _Search(network, machine, first, [none], [none], set(first.keys()))
    found: Counterexample | None = None
    beyond = 0
    while found is None and search.frontier.rows and (max_length is None or search.length < max_length):
        wanted = search.frontier.rows * network.domain.symbol_count
        affordable = min(wanted, max_inputs - search.steps)
        if affordable <= 0:
            break
        found, done = _level(search, affordable, deadline, last=search.length + 1 == max_length)
        if done < wanted:
            beyond = done
            break
    verdict, domain = _verdict(search, found)
    inputs = network.domain.word_count(search.length)
    measured = [("length", search.length), ("inputs", inputs), ("steps", search.steps)]
    if beyond:
        measured.append(("inputs_one_longer", beyond))
    return Finding(CLAIM, METHOD, verdict, domain, time.monotonic() - began, tuple(measured))


def _level(search: _Search, affordable: int, deadline: Deadline, *, last: bool) -> tuple[Counterexample | None, int]:
    """Extend the first `affordable` (row, symbol) combinations by a step; the second result counts those done."""
    network, symbols = search.network, search.network.domain.symbol_count
    partial = affordable < search.frontier.rows * symbols
    pairs: list[Pair] = []
    words: list[IntArray] = []
    parents: list[IntArray] = []
    done = 0
    while done < affordable:
        if deadline.passed:
            return None, done
        index = np.arange(done, min(done + MAX_ROWS, affordable), dtype=np.int64)
        rows, letters = np.divmod(index, symbols)
        after, wrong = advance(network, search.machine, search.frontier.take(rows), network.domain.symbols_at(letters))
        done += len(index)
        search.steps += len(index)
        for at in np.flatnonzero(wrong):
            word = search.word(search.length, int(rows[at]), int(letters[at]))
            found = replay(network, search.machine, word)
            if found is not None:
                return found, done
            search.unstable.append(word)
            if deadline.passed:
                return None, done - len(index)
        if partial or last:
            continue  # nothing will be continued from these rows
        keep = _fresh(search, after)
        pairs.append(after.take(keep))
        words.append(letters[keep])
        parents.append(rows[keep])
    if not partial:
        search.length += 1
    if not partial and not last:
        search.frontier = concatenate(pairs)
        search.words.append(np.concatenate(words))
        search.parents.append(np.concatenate(parents))
        search.closed = search.merging and search.frontier.rows == 0
    return None, done


def _fresh(search: _Search, pairs: Pair) -> IntArray:
    """The rows whose pair was not met before; they are remembered."""
    if not search.merging:
        return np.arange(pairs.rows, dtype=np.int64)
    fresh = []
    for row, key in enumerate(pairs.keys()):
        if key not in search.seen:
            search.seen.add(key)
            fresh.append(row)
    if len(search.seen) > MAX_REMEMBERED:
        search.merging = False
        search.seen.clear()
    return np.array(fresh, dtype=np.int64)


def _verdict(search: _Search, found: Counterexample | None) -> tuple[Verdict, str]:
    if search.closed:
        domain = f"all inputs of every length ({len(search.seen):,} reachable states, exact closure)"
    elif search.length:
        count = search.network.domain.word_count(search.length)
        how = f"{count:,} checked" if count <= search.steps else f"{search.steps:,} steps after merging equal states"
        domain = f"all inputs of length up to {search.length} ({how})"
    else:
        domain = "no length completed"
    if found is not None:
        return Refuted(found, shortest=not search.unstable), domain
    if search.unstable:
        word = " ".join(",".join(map(str, symbol)) for symbol in search.unstable[0].tolist())
        return Unknown(f"the network's output on {word} depends on the batch it is evaluated in"), domain
    if search.length == 0:
        return Unknown(f"budget ended before all {search.network.domain.symbol_count:,} inputs of length 1"), domain
    return Proved(domain), domain
