"""Candidate invariants of a machine, guessed from the states it reaches (as Daikon does, Ernst et al. 2001).

Each candidate is a Boolean DSL term over state variables that holds on every sampled state; `verify.induction` keeps
those that are inductive. The shapes are what ties equivalent programs together: constants, ranges, equalities, linear
relations, remainders, quotients, clamps, thresholds, tables over a small variable, and differences per control state.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

import numpy as np

from dsl.ops import apply
from dsl.programs import Machine
from dsl.terms import Const, Term, Var, constant
from dsl.types import BOOL, BoolType, IntType, RegisterType
from verify.domain import IntArray
from verify.lockstep import Columns
from verify.monitor import within
from verify.samples import column

MAX_MODULUS = 24
MAX_TABLE = 32
MAX_CONTROL = 6
MAX_LINEAR = 24
"""More variables than this are related in pairs only."""


def candidates(machine: Machine, states: Columns) -> list[Term]:
    """Terms over the state variables that hold on all the sampled states, without repetition."""
    found: dict[Term, None] = {}
    for s in machine.states:
        found[within(Var(s.name, s.type), s.type)] = None
        if isinstance(s.type, RegisterType):
            for other in machine.states:
                if other.name > s.name and other.type == s.type:
                    found[apply("==", (Var(s.name, s.type), Var(other.name, other.type)))] = None
    atoms = _atoms(machine, states)
    for term in (*_singles(atoms), *_pairs(atoms), *_linear(atoms), *_by_control(atoms)):
        found[term] = None
    return [term for term in found if _holds(term, states)]


Atom = tuple[Term, IntArray]


def _atoms(machine: Machine, states: Columns) -> list[Atom]:
    """Integer-valued parts of the state, truth values as 0 and 1, one of each set of equal columns of equal kind."""
    terms: list[Term] = []
    for s in machine.states:
        whole = Var(s.name, s.type)
        if isinstance(s.type, RegisterType):
            terms += [apply("index", (whole, constant(i))) for i in range(s.type.length)]
        else:
            terms.append(whole)
    terms = [apply("int", (t,)) if isinstance(t.type, BoolType) else t for t in terms]
    atoms = [(t, column(t, states)) for t in terms if isinstance(t.type, IntType)]
    return [(t, values) for t, values in atoms if values is not None]


def _singles(atoms: list[Atom]) -> Iterator[Term]:
    for term, values in atoms:
        low, high = int(values.min()), int(values.max())
        yield _eq(term, low) if low == high else apply(">=", (term, constant(low)))
        yield apply("<=", (term, constant(high)))
        if low < 0 < high:
            continue
        for modulus in (2, 3, 4, 5, 6, 10):
            if low != high and len(np.unique(values % modulus)) == 1:
                yield _eq(apply("mod", (term, constant(modulus))), int(values[0] % modulus))


def _pairs(atoms: list[Atom]) -> Iterator[Term]:
    """Relations `v = f(w)` and `v <= w` for ordered pairs."""
    for (v, a), (w, b) in permutations(atoms, 2):
        if (a == b).all():
            yield apply("==", (v, w))
            continue
        if (a <= b).all():
            yield apply("<=", (v, w))
        low, high = int(a.min()), int(a.max())
        if low == high or b.min() == b.max():
            continue
        yield from (apply("==", (v, f)) for f in _functions(w, b, a, low, high))


def _functions(w: Term, b: IntArray, a: IntArray, low: int, high: int) -> Iterator[Term]:
    """Terms in `w` whose values on the samples `b` are `a`."""
    if low == 0 and 2 <= high + 1 <= MAX_MODULUS:
        shift = int(a[0] - b[0]) % (high + 1)
        for sign in (1, -1):
            shift = int(a[0] - sign * b[0]) % (high + 1)
            if ((sign * b + shift) % (high + 1) == a).all():
                base = w if sign == 1 else apply("neg", (w,))
                yield apply("mod", (_plus(base, shift), constant(high + 1)))
    for divisor in range(2, 17):
        if (b // divisor == a).all():
            yield apply("div", (w, constant(divisor)))
    clamped = np.minimum(b, high)
    if (np.maximum(clamped, low) == a).all():
        upper = apply("min", (w, constant(high))) if (b > high).any() else w
        yield apply("max", (upper, constant(low))) if (b < low).any() else upper
    if (np.abs(b) == a).all():
        yield apply("abs", (w,))
    if (low, high) == (0, 1):
        yield from _tests(w, b, a == 1)
    inside, first = np.unique(b, return_index=True)
    determined = (a[first][np.searchsorted(inside, b)] == a).all()
    if determined and inside[-1] - inside[0] < MAX_TABLE:
        entries = np.full(int(inside[-1] - inside[0]) + 1, low)
        entries[inside - inside[0]] = a[first]
        table = Const(tuple(entries.tolist()), RegisterType(IntType(low, high), len(entries)))
        yield apply("index", (table, _plus(w, -int(inside[0]))))


def _tests(w: Term, b: IntArray, true: np.ndarray) -> Iterator[Term]:
    """0/1-valued tests of `w`: thresholds, equality with a value, membership of a residue class."""
    yes, no = b[true], b[~true]
    if no.max() < yes.min():
        yield _int(apply(">", (w, constant(int(no.max())))))
        yield _int(apply(">=", (w, constant(int(yes.min())))))
    if yes.max() < no.min():
        yield _int(apply("<", (w, constant(int(no.min())))))
        yield _int(apply("<=", (w, constant(int(yes.max())))))
    if len(np.unique(yes)) == 1 and yes[0] not in no:
        yield _int(_eq(w, int(yes[0])))
    if len(np.unique(no)) == 1 and no[0] not in yes:
        yield _int(apply("!=", (w, constant(int(no[0])))))
    for modulus in range(2, MAX_MODULUS):
        for inside, outside, name in ((yes, no, "=="), (no, yes, "!=")):
            rest = np.unique(inside % modulus)
            if len(rest) == 1 and rest[0] not in outside % modulus:
                yield _int(apply(name, (apply("mod", (w, constant(modulus))), constant(int(rest[0])))))


def _linear(atoms: list[Atom]) -> Iterator[Term]:
    """Integer relations `c1 v1 + ... = c0`: a basis of the exact null space of the sampled rows."""
    moving = [(t, a) for t, a in atoms if a.min() != a.max()]
    if not 2 <= len(moving) <= MAX_LINEAR:
        return
    rows = np.unique(np.stack([np.ones_like(moving[0][1]), *(a for _, a in moving)], axis=1), axis=0)
    step = max(len(rows) // (8 * len(moving)), 1)
    for relation in _null_space([[Fraction(v) for v in row] for row in rows[::step].tolist()]):
        total = _sum([(c, t) for c, (t, _) in zip(relation[1:], moving, strict=True) if c])
        if total is not None:
            yield _eq(total, -relation[0])


def _null_space(rows: list[list[Fraction]]) -> Iterator[list[int]]:
    """Integer vectors that span the vectors orthogonal to all rows (reduced row echelon form)."""
    width, pivots = len(rows[0]), list[int]()
    for at in range(width - 1, -1, -1):  # later variables are expressed by earlier ones last
        rank = len(pivots)
        pivot = next((r for r in range(rank, len(rows)) if rows[r][at]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        rows[rank] = [v / rows[rank][at] for v in rows[rank]]
        for r in range(len(rows)):
            if r != rank and rows[r][at]:
                factor = rows[r][at]
                rows[r] = [v - factor * p for v, p in zip(rows[r], rows[rank], strict=True)]
        pivots.append(at)
    for free in (at for at in range(width) if at not in pivots):
        vector = [Fraction(0)] * width
        vector[free] = Fraction(1)
        for r, at in enumerate(pivots):
            vector[at] = -rows[r][free]
        scale = np.lcm.reduce([v.denominator for v in vector])
        yield [int(v * int(scale)) for v in vector]


def _by_control(atoms: list[Atom]) -> Iterator[Term]:
    """For each value of a variable with few values: what is constant, and which differences are, in that state."""
    for control, values in atoms:
        present = np.unique(values)
        if not 2 <= len(present) <= MAX_CONTROL:
            continue
        for value in present.tolist():
            there = values == value
            away = apply("!=", (control, constant(value)))
            inside = [(t, a[there]) for t, a in atoms if t != control and a.min() != a.max()]
            for k, (v, a) in enumerate(inside):
                if a.min() == a.max():
                    yield apply("or", (away, _eq(v, int(a[0]))))
                    continue
                for w, b in inside[k + 1 :]:
                    gap = np.unique(a - b)
                    if len(gap) == 1:
                        yield apply("or", (away, apply("==", (v, _plus(w, int(gap[0]))))))


def _holds(term: Term, states: Columns) -> bool:
    values = column(term, states)
    return values is not None and bool(values.all()) and term != Const(True, BOOL)


def _eq(term: Term, value: int) -> Term:
    return apply("==", (term, constant(value)))


def _int(term: Term) -> Term:
    return apply("int", (term,))


def _plus(term: Term, value: int) -> Term:
    return apply("+", (term, constant(value))) if value else term


def _sum(parts: list[tuple[int, Term]]) -> Term | None:
    total: Term | None = None
    for factor, term in parts:
        scaled = term if abs(factor) == 1 else apply("*", (constant(abs(factor)), term))
        if total is None:
            total = scaled if factor > 0 else apply("neg", (scaled,))
        else:
            total = apply("+" if factor > 0 else "-", (total, scaled))
    return total
