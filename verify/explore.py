"""Breadth-first exploration of what a network and a program (or programs alone) remember, on all inputs.

Level by level over prefixes: each step is computed once per prefix, in batches, and the first failure is on a shortest
input. Prefixes that lead to the same *pair* are merged, since they have the same future; when no new pair is left the
exploration is *closed* and holds for every length (explicit-state search with exact keys, Holzmann 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from dsl.errors import Unsupported
from verify.budget import Deadline
from verify.domain import Domain, IntArray
from verify.lockstep import MAX_ROWS, BoolArray, Pair, concatenate
from verify.verdict import Counterexample

Advance = Callable[[Pair, IntArray], tuple[Pair, BoolArray]]
"""One step on symbols (batch arity): the pairs after it, and the rows on which the claim fails."""
Confirm = Callable[[IntArray], Counterexample | None]
"""The counterexample a word (time arity) really is, or None when the failure does not show up again."""

MAX_REMEMBERED = 2_000_000
"""Pairs remembered for merging; past this number prefixes are kept apart and no closure is claimed."""
MAX_FRONTIER_BYTES = 1 << 30


@dataclass
class Exploration:
    """How far it came: every input up to `length` was covered; `closed` means every input of every length.

    `beyond` counts the inputs of the next length that were covered too; `unstable` are words whose failure was not
    confirmed; `full` says that the frontier, or a number in it, outgrew memory.
    """

    found: Counterexample | None = None
    length: int = 0
    steps: int = 0
    states: int = 0
    closed: bool = False
    beyond: int = 0
    full: bool = False
    unstable: list[IntArray] = field(default_factory=list)


def explore(
    first: Pair,
    advance: Advance,
    confirm: Confirm,
    domain: Domain,
    *,
    max_steps: int,
    max_length: int | None,
    deadline: Deadline,
) -> Exploration:
    """Explore from one pair until a failure, closure, `max_length`, or the end of a budget."""
    search = _Search(first, advance, confirm, domain, deadline)
    result = search.result
    while not result.closed and not result.full and (max_length is None or result.length < max_length):
        if not search.level(max_steps - result.steps, last=result.length + 1 == max_length):
            break
    result.states = len(search.seen)
    return result


class _Search:
    """The frontier (one row per pair first reached at the present length) and how each row was reached."""

    def __init__(self, first: Pair, advance: Advance, confirm: Confirm, domain: Domain, deadline: Deadline) -> None:
        self.advance, self.confirm, self.domain, self.deadline = advance, confirm, domain, deadline
        self.frontier = first
        self.symbols: list[IntArray] = []  # per level: position of the last symbol of each row
        self.parents: list[IntArray] = []  # per level: the row of the level before that it came from
        self.seen: set[Hashable] = set(first.keys())
        self.merging = True
        self.result = Exploration()

    def level(self, affordable: int, *, last: bool) -> bool:
        """Extend the rows by one symbol, as many as affordable; whether the level was completed without failure."""
        result, count = self.result, self.domain.symbol_count
        wanted = self.frontier.rows * count
        whole = affordable >= wanted
        kept: list[tuple[Pair, IntArray, IntArray]] = []
        done = 0
        while done < min(wanted, affordable):
            if self.deadline.passed:
                break
            index = np.arange(done, min(done + MAX_ROWS, wanted, affordable), dtype=np.int64)
            rows, letters = np.divmod(index, count)
            try:
                after, wrong = self.advance(self.frontier.take(rows), self.domain.symbols_at(letters))
            except Unsupported:  # values too large to hold
                result.full = True
                break
            if not self._confirmed(rows[wrong], letters[wrong]):
                break
            done += len(index)
            result.steps += len(index)
            if whole and not last:
                keep = self._fresh(after)
                kept.append((after.take(keep), letters[keep], rows[keep]))
        if done < wanted:
            result.beyond = done
            return False
        result.length += 1
        if not last:
            self._descend(kept)
        return True

    def _descend(self, kept: list[tuple[Pair, IntArray, IntArray]]) -> None:
        self.frontier = concatenate([pairs for pairs, _, _ in kept])
        self.symbols.append(np.concatenate([letters for _, letters, _ in kept]))
        self.parents.append(np.concatenate([rows for _, _, rows in kept]))
        self.result.closed = self.merging and self.frontier.rows == 0
        self.result.full = self.frontier.network.nbytes > MAX_FRONTIER_BYTES

    def _confirmed(self, rows: IntArray, letters: IntArray) -> bool:
        """Look for a confirmed failure among these; False when one was found or the time is up."""
        for row, letter in zip(rows.tolist(), letters.tolist(), strict=True):
            if self.deadline.passed:
                return False
            word = self._word(row, letter)
            self.result.found = self.confirm(word)
            if self.result.found is not None:
                return False
            self.result.unstable.append(word)
        return True

    def _word(self, row: int, letter: int) -> IntArray:
        """The input that ends in `letter` after a row of the frontier."""
        positions = [letter]
        for symbols, parents in zip(reversed(self.symbols), reversed(self.parents), strict=True):
            positions.append(int(symbols[row]))
            row = int(parents[row])
        return self.domain.symbols_at(np.array(positions[::-1], dtype=np.int64))

    def _fresh(self, pairs: Pair) -> IntArray:
        """The rows whose pair was not met before; they are remembered."""
        if not self.merging:
            return np.arange(pairs.rows, dtype=np.int64)
        fresh = []
        for row, key in enumerate(pairs.keys()):
            if key not in self.seen:
                self.seen.add(key)
                fresh.append(row)
        self.merging = len(self.seen) <= MAX_REMEMBERED
        return np.array(fresh, dtype=np.int64)
