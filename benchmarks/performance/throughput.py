"""Raw enumeration throughput of the term engine against the memory bandwidth of the machine.

Method. One thread. *Integers*: a bank of 1,681 rows of 32 int64 examples (all `i x + j y`, |i|, |j| <= 20) is expanded
by `+` and `-` over all pairs, through the same path as a search: evaluate, hash, look up, store what is
new. *Truth values*: the 2,047 parities of 11 variables on 32 examples, packed, under `xor`. The candidates are
duplicates here, as most are in an enumeration's large levels when the values have structure; *growing* is the
opposite case, a search over three variables and all default operators in which about a quarter of the candidates is
new and stored. Candidates are counted by the engine; time is processor time of the process, so that other load on
the machine counts less; the best of several repetitions is reported, after one that warms up compiled code.

*Bandwidth* is the best of several copies of 128 MiB between arrays outside the caches, counted as bytes read plus
bytes written. The *limit* is what an engine could do that moves one row of 32 int64 values (256 bytes) to or from
memory for each candidate; the share reported is integer throughput over that limit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dsl.terms import Var
from dsl.types import BOOL, INT
from extract.search.engine.enumeration import Enumeration, Leaf
from extract.search.engine.lowering import DEFAULT, INTEGERS, Table
from extract.search.engine.problem import Array

EXAMPLES = 32
ROW_BYTES = 8 * EXAMPLES


@dataclass(frozen=True)
class Throughput:
    """Candidates per second, and the bandwidth in bytes per second."""

    integers: float
    truths: float
    growing: float
    bandwidth: float

    @property
    def share(self) -> float:
        """Integer throughput as a share of one row moved per candidate."""
        return self.integers / (self.bandwidth / ROW_BYTES)


def measure(repetitions: int = 5) -> Throughput:
    """All figures."""
    return Throughput(integers(repetitions), truths(repetitions), growing(max(repetitions // 2, 1)), bandwidth())


def bandwidth(size: int = 1 << 27, repetitions: int = 8) -> float:
    """Bytes per second of a large copy, read and written."""
    source, target = np.ones(size // 8), np.empty(size // 8)
    best = float("inf")
    for _ in range(repetitions):
        started = time.process_time()
        np.copyto(target, source)
        best = min(best, time.process_time() - started)
    return 2 * size / best


def integers(repetitions: int) -> float:
    """Candidates per second on rows of 32 integers."""
    x, y = np.random.default_rng(0).integers(-50, 51, (2, EXAMPLES))
    rows = [i * x + j * y for i in range(-20, 21) for j in range(-20, 21)]
    return _pairs(rows, Var("x", INT), ("+", "-"), repetitions)


def truths(repetitions: int) -> float:
    """Candidates per second on 32 packed truth values."""
    bits = np.random.default_rng(0).random((11, EXAMPLES)) < 0.5
    rows = [np.logical_xor.reduce(bits[[k for k in range(11) if number >> k & 1]]) for number in range(1, 1 << 11)]
    return _pairs(rows, Var("b", BOOL), ("xor",), repetitions)


def _pairs(rows: list[Array], name: Var, operators: tuple[str, ...], repetitions: int) -> float:
    """All pairs of the rows under each operator; the fastest repetition."""
    kinds = (0, 0) if name.type == INT else (1, 1)
    table = tuple(row for row in INTEGERS if row.operator in operators and row.arguments == kinds)
    best = 0.0
    for repetition in range(repetitions + 1):
        run = _enumeration([Leaf(name, row, 1) for row in rows], table, (1,) * len(table))
        run.advance(1 << 60, float("inf"), 2)
        before, started = run.candidates, time.process_time()
        run.advance(1 << 60, float("inf"), 3)
        rate = (run.candidates - before) / (time.process_time() - started)
        best = max(best, rate if repetition else 0.0)
    return best


def growing(repetitions: int) -> float:
    """Candidates per second of a search that keeps finding new values, up to cost 31."""
    columns = np.random.default_rng(0).integers(-9, 10, (3, EXAMPLES))
    table = tuple(row for row in INTEGERS if row.operator in DEFAULT)
    best = 0.0
    for _ in range(repetitions + 1):
        leaves = [Leaf(Var(name, INT), column, 5) for name, column in zip("xyz", columns, strict=True)]
        leaves += [Leaf(Var(str(c), INT), np.full(EXAMPLES, c), cost) for c, cost in ((0, 2), (1, 4), (2, 4), (5, 6))]
        run = _enumeration(leaves, table, tuple(int(row.cost) for row in table))
        started = time.process_time()
        run.advance(1 << 60, float("inf"), 31)
        best = max(best, run.candidates / (time.process_time() - started))
    return best


def _enumeration(leaves: list[Leaf], table: Table, costs: tuple[int, ...]) -> Enumeration:
    unreachable = np.full(EXAMPLES, 1 << 61)
    return Enumeration(leaves, table, costs, EXAMPLES, unreachable, 1 << 30)
