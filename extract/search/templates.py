"""Updates that people write: counters, saturating counters, shift registers, extremes, flags, latches, in conditions.

A *template* is one term with its values on a grid (own value, row). `conditional` joins two templates by a test of the
row (the inputs and the variables read), which also gives resets, holds and toggles. The `usual` ones of these are
few enough to be larger: a template that is held or reset by a test, and a counter that a test moves up or down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from dsl.ops import apply
from dsl.terms import Term, Var, constant, operator_count, variables
from extract.search.engine.costs import constant_bits, variable_bits
from extract.search.engine.language import integers
from extract.search.engine.lowering import DEFAULT
from verify.domain import IntArray

LARGEST = 7
USUAL_TESTS = 24
"""Tests of what is read, the shortest, in choices that are `usual`."""
Test = tuple[Term, NDArray[np.bool_], int]
"""A condition, its truth (own value, row), and its bits."""


@dataclass(frozen=True, eq=False)
class Template:
    """A term with its values (own value, row) and its bits."""

    term: Term
    values: IntArray
    cost: int


def templates(
    own: Var, sources: Sequence[Var], span: IntArray, rows: IntArray, resets: Sequence[int]
) -> list[Template]:
    """The unconditional templates, cheapest first, distinct in values; `rows` (row, source), values for `resets`."""
    constants = [constant(c) for c in dict.fromkeys((0, 1, 2, *resets))]
    terms: list[Term] = [own, *constants, *sources, _op("-", 1, own)]
    for step in (constant(1), *sources):
        terms += [_op("min", _op("+", own, step), k) for k in range(2, LARGEST + 1)]
        terms += [_op("mod", _op("+", own, step), m) for m in range(2, LARGEST + 1)]
        terms += [_op("max", _op("-", own, step), 0), _op("+", own, step), _op("-", own, step)]
    for source in sources:
        terms += [_op("max", own, source), _op("min", own, source)]
        terms += [_op("mod", _op("+", _op("*", 2, own), source), m) for m in (4, 8)]
    for c in range(2, LARGEST):
        terms += [_op("mod", _op("+", own, c), m) for m in range(c + 1, LARGEST + 1)]
    return _distinct(terms, [own, *sources], span, rows)


def tests(own: Var, sources: Sequence[Var], span: IntArray, rows: IntArray) -> list[Test]:
    """Tests of one source, or the own value, against a constant: term, truth (own value, row), bits; distinct up to
    negation."""
    shape = (len(span), len(rows))
    grid = [(own, np.broadcast_to(span[:, None], shape), range(LARGEST))]
    grid += [(v, np.broadcast_to(rows[:, k], shape), np.unique(rows[:, k]).tolist()) for k, v in enumerate(sources)]
    bits = variable_bits([*sources, own], None)
    found: dict[bytes, Test] = {}
    for var, values, constants in grid:
        for c in constants:
            for name, truth in (("==", values == c), ("<", values < c), (">", values > c)):
                if truth.all() or not truth.any():
                    continue
                key = min(truth.tobytes(), (~truth).tobytes())
                cost = 3 + bits[var.name] + constant_bits(c)
                if key not in found or cost < found[key][2]:
                    found[key] = (_op(name, var, int(c)), truth, cost)
    return sorted(found.values(), key=lambda t: t[2])


def usual(
    own: Var, plain: Sequence[Template], checks: Sequence[Test], resets: Sequence[int], nested: int
) -> list[Choice]:
    """Templates that a test of what is read holds or resets, counters that one moves up and down, and up to `nested`
    of these, flags and latches reset by another test, cheapest first."""
    some = [t for t in checks if own.name not in variables(t[0])][:USUAL_TESTS]
    still = next(t for t in plain if t.term == own)
    ends = [t for t in plain if t.term in {constant(c) for c in resets}]
    moved = [t for t in plain if t is not still and t not in ends]
    down = [t for t in plain if t.term == _op("max", _op("-", own, 1), 0)]
    up = [t for t in plain if t.term in {_op("min", _op("+", own, 1), k) for k in range(2, LARGEST + 1)}]
    swung, held = _choices(some, up, down), _choices(some, moved, [still])
    simple = [t for t in plain if t is not still and operator_count(t.term) < 2]
    latched = _choices(some, simple, [still])
    inner = [c.made for c in sorted([*latched, *swung], key=lambda c: c.cost)[:nested]]
    made = [*held, *_choices(some, [*moved, *inner], ends)]
    return sorted([*made, *swung], key=lambda c: c.cost)


def _choices(checks: Sequence[Test], some: Sequence[Template], others: Sequence[Template]) -> list[Choice]:
    """Each of some templates and each of the others, by each test, either way."""
    return [Choice(test, *pair) for test in checks for a in some for b in others for pair in ((a, b), (b, a))]


@dataclass(frozen=True, eq=False)
class Choice:
    """One of two templates by a test."""

    test: Test
    then: Template
    otherwise: Template

    @property
    def cost(self) -> int:
        """The bits of all three."""
        return self.test[2] + self.then.cost + self.otherwise.cost

    @property
    def depth(self) -> int:
        """How many choices there are."""
        return 1 + ("if" in (getattr(self.then.term, "op", ""), getattr(self.otherwise.term, "op", "")))

    @property
    def made(self) -> Template:
        """The choice as a template."""
        values = np.where(self.test[1], self.then.values, self.otherwise.values)
        return Template(conditional(self.test, self.then, self.otherwise), values, self.cost)


def conditional(test: Test, then: Template, otherwise: Template) -> Term:
    """`if test then .. else ..`."""
    return apply("if", (test[0], then.term, otherwise.term))


def _op(name: str, *args: Term | int) -> Term:
    return apply(name, tuple(constant(a) if isinstance(a, int) else a for a in args))


def _distinct(terms: Sequence[Term], names: Sequence[Var], span: IntArray, rows: IntArray) -> list[Template]:
    language, bits = integers(DEFAULT), variable_bits(names, None)
    grid = {names[0].name: np.repeat(span, len(rows))}
    grid |= {v.name: np.tile(rows[:, k], len(span)) for k, v in enumerate(names[1:])}
    found: dict[bytes, Template] = {}
    for term in sorted(terms, key=lambda t: language.cost(t, bits)):
        values = np.broadcast_to(evaluate_batch(term, grid), (len(span) * len(rows),)).astype(np.int64)
        made = Template(term, values.reshape(len(span), len(rows)), language.cost(term, bits))
        found.setdefault(values.tobytes(), made)
    return list(found.values())
