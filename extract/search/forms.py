"""Forms that an output may have, which a walk beside a table rules out one after the other (`extract.search.closures`).

They are joins of up to three values, and terms at large over one variable and the inputs. Values are those of the
variables before a step, after it, the inputs and some constants, in this order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from extract.abstract.mealy import Mealy
from extract.search.aims import DIV, GATE, IS, MOD, OVER, PLAIN, THEN, applied
from extract.search.candidates import by_terms, reading
from extract.search.histories import Masks, Rows, Traces
from extract.search.trios import LEAST, LOW, SPAN, WIDTH, fitting, operators_over
from verify.domain import Domain, IntArray

CONSTANTS, WIDEST = (0, 1, 2, 3, 4, 5, 6), 64
"""Constants in joins, and values that a variable may have."""
TABLE = -1
MOST, STEPS = 2800, 4.5
"""Forms, and about how many steps rule out nearly all that are wrong of those over two variables."""
MOST_TERMS, TERMS, LEAST_TOLD = 3000, 40, 0.6
"""Terms over one variable: all, those taken, and what share of a value's bits they may leave open on the average."""
Join = tuple[int, int, int, int, int, int, int]
"""An operator, its test, the constant of that, what is taken else, two arguments, and a third value that is joined."""


class Asked(NamedTuple):
    """What is put out on each step, whatever the variables are: the `output` (state, symbol), its `kind`, that tells
    outputs and inputs apart, and which operators `ops` make it of two values by `fits` (`extract.search.trios`)."""

    output: IntArray
    kind: Rows
    ops: Rows
    fits: Masks


class Forms(NamedTuple):
    """Forms as `rows` of joins, with masks of the operators that may join the third value. A join may be one of the
    `tables` of terms (term, value from `low`, symbol). `given` are values by symbol with room for those of the
    variables."""

    asked: Asked
    rows: Rows
    masks: Masks
    tables: Traces
    given: Rows
    low: int


def asked(mealy: Mealy, domain: Domain) -> Asked:
    """What is put out first on each step."""
    symbols, output = domain.symbols(), mealy.output[:, :, 0]
    spare = np.concatenate([symbols.T, np.zeros((1, len(symbols)), np.int64)]).astype(np.int16)
    ops = operators_over(len(spare), (PLAIN, MOD, DIV))
    place = np.stack([output.ravel(), np.tile(np.arange(len(symbols)), len(output))], axis=1)
    kinds, kind = np.unique(place, axis=0, return_inverse=True)
    return Asked(output, kind.reshape(output.shape), ops, fitting(kinds, spare, ops))


def forms(
    given: Asked, following: Rows, domain: Domain, wide: int, values: IntArray, constants: Sequence[int]
) -> Forms:
    """The simplest forms of the output over so many variables with some of the `values`: of two as many as a few
    steps rule out where outputs differ so much, of three also joins of all."""
    symbols, output = domain.symbols(), given.output
    share = np.unique(output, return_counts=True)[1] / output.size
    left = MOST if wide > 2 else int(min(MOST, 2 ** (-STEPS * float((share * np.log2(share)).sum()))))
    tables, over = _terms(following, output, domain, values, constants)
    rows: list[Join] = [(TABLE, 0, k, 0, v + wide * new, 0, 0) for k, new in over for v in range(wide)]
    masks = [1] * len(rows)
    for row, mask in _joins(wide, domain, given.ops):
        if left <= 0:
            break
        left -= mask.bit_count()
        rows.append(row)
        masks.append(mask)
    known = [np.zeros((len(symbols), 2 * wide)), symbols, np.tile(CONSTANTS, (len(symbols), 1))]
    return Forms(
        given, np.array(rows, dtype=np.int64), np.array(masks, dtype=np.uint64), tables,
        np.concatenate(known, axis=1).astype(np.int64), int(values[0]),
    )  # fmt: skip


def none(given: Forms) -> Forms:
    """No forms, so that nothing is ruled out."""
    return given._replace(rows=given.rows[:0], masks=given.masks[:0])


def _terms(
    following: Rows, output: IntArray, domain: Domain, values: IntArray, constants: Sequence[int]
) -> tuple[Traces, list[tuple[int, bool]]]:
    """Tables of terms over one variable and the inputs that may be the output, and which are those over its old or its
    new value, those first that are short and tell most."""
    names, rows = reading(domain, values, 1)
    terms = by_terms(names, values, rows, constants, 2, MOST_TERMS)
    new = np.zeros((len(terms.size), *output.shape), np.uint64)
    for v in range(len(values)):
        new |= (terms.tables[:, v][:, None] == output[None]).astype(np.uint64) << np.uint64(v)
    old = np.bitwise_and.reduce(new, axis=2)[:, following]
    found: dict[bytes, tuple[float, int, bool]] = {}
    for masks, is_new in ((new, True), (old, False)):
        left = np.log2(np.maximum(np.bitwise_count(masks), 1)).mean(axis=(1, 2))
        for k in np.flatnonzero((masks != 0).all(axis=(1, 2)) & (left <= LEAST_TOLD * np.log2(len(values)))):
            found.setdefault(masks[k].tobytes(), (float(terms.size[k] + left[k]), int(k), is_new))
    best = sorted(found.values())[:TERMS]
    return np.ascontiguousarray(terms.tables[[k for _, k, _ in best]]), [(n, new) for n, (_, _, new) in enumerate(best)]


def _joins(wide: int, domain: Domain, ops: Rows) -> Iterator[tuple[Join, int]]:
    """Joins of values, each with a mask of operators, the simplest first."""
    own, zero = range(2 * wide), 2 * wide + domain.arity
    constants = range(zero + 1, zero + len(CONSTANTS))
    pairs = [*itertools.combinations(own, 2), *itertools.product(own, range(2 * wide, zero))]
    choosing = [k for k, op in enumerate(ops[:, 0]) if op in (GATE, THEN)]
    joining = [k for k, op in enumerate(ops[:, 0]) if op not in (GATE, THEN, PLAIN, MOD, DIV)]
    alone, turned = ([k for k, op in enumerate(ops[:, 0]) if op in some] for some in ((PLAIN,), (MOD, DIV)))
    triples = list(_triples(pairs, wide, zero))
    tests = [(2 * wide + n, test, k) for n, (low, high) in enumerate(domain.ranges) for k in range(low, high + 1)
             for test in (IS, OVER)]  # fmt: skip

    def inner(k: int) -> tuple[int, int, int, int]:
        op, test, constant, other = ops[k].tolist()
        return op, test, constant, 2 * wide + other  # inputs, then 0

    yield from (((PLAIN, 0, 0, 0, a, 0, a), _mask(alone)) for a in own)
    yield from (((PLAIN, 0, 0, 0, a, 0, b), _mask(joining)) for a, b in pairs)
    yield from (((PLAIN, 0, 0, 0, a, 0, c), _mask(turned)) for c in constants[1:] for a in own)
    yield from (((PLAIN, 0, 0, 0, a, 0, c), _mask(joining)) for c in constants[:3] for a in own)
    chosen = itertools.product(tests, itertools.permutations(own, 2))
    yield from (((GATE, test, k, b, a, x, a), _mask(alone)) for (x, test, k), (a, b) in chosen)
    yield from (((*inner(k), a, b, c), _mask(joining)) for a, b, c in triples for k in joining)
    yield from (((*inner(k), a, b, a), _mask(alone)) for a, b in itertools.combinations(own, 2) for k in choosing)
    yield from (((*inner(k), a, b, c), _mask(joining)) for a, b, c in triples for k in choosing)


def _mask(some: Sequence[int]) -> int:
    return sum(1 << k for k in some)


def _triples(pairs: Sequence[tuple[int, int]], wide: int, zero: int) -> Iterator[tuple[int, int, int]]:
    """Pairs of values with one more: of three variables the third, of two any that is not there."""
    for a, b in pairs:
        for c in range(2 * wide if wide > 2 else zero):
            if c not in (a, b) and (wide == 2 or (b < 2 * wide and len({a % wide, b % wide, c % wide}) == 3)):
                yield a, b, c


@njit(cache=True, nogil=True)
def kept(
    given: Forms, alive: Rows, masks: Masks, begin: int, end: int, values: Rows, state: int, symbol: int
) -> int:
    """Copy those of some forms, from `begin` to `end`, that make the output of the values behind them, with the
    operators that do; returns the end of these."""
    to, wanted, kind = end, given.asked.output[state, symbol], given.asked.kind[state, symbol]
    for n in range(begin, end):
        f, mask = given.rows[alive[n]], masks[n]
        if f[0] == TABLE:
            if given.tables[f[2], values[f[4]] - given.low, symbol] != wanted:
                continue
        else:
            a, b, other, third = int(values[f[4]]), int(values[f[5]]), int(values[f[3]]), int(values[f[6]]) - LEAST
            inner = applied(f[0], f[1], f[2], a, b, other) - LOW
            if not (0 <= inner < WIDTH and 0 <= third < SPAN):
                continue
            mask &= given.asked.fits[kind, third, inner]
            if not mask:
                continue
        alive[to], masks[to] = alive[n], mask
        to += 1
    return to
