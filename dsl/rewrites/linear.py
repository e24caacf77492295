"""Linear combinations: `a - (b - c)`, `2 * x + x` and `x - x` brought to one sum, and sums written the cheapest way.

A *monomial* is a sorted tuple of factors, terms that are no sums themselves; a combination maps monomials to
coefficients, the empty monomial to the constant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from dsl.ops import apply
from dsl.printers.text import print_term
from dsl.terms import Apply, Const, Term, constant
from dsl.types import IntType, RealType

Number = int | Fraction
Monomial = tuple[Term, ...]
ONE: Monomial = ()
Cost = Callable[[Term], float]


@dataclass(frozen=True, slots=True)
class Combination:
    """Coefficients of monomials, none of them zero, in canonical order."""

    coefficients: dict[Monomial, Number]

    @property
    def constant(self) -> Number:
        """The part without variables."""
        return self.coefficients.get(ONE, 0)

    @property
    def monomials(self) -> dict[Monomial, Number]:
        """The part with variables."""
        return {m: c for m, c in self.coefficients.items() if m}

    def plus(self, other: Combination, factor: Number = 1) -> Combination:
        """This combination plus `factor` times the other."""
        total = dict(self.coefficients)
        for monomial, coefficient in other.coefficients.items():
            total[monomial] = total.get(monomial, 0) + factor * coefficient
        return combination(total.items())


def combination(items: Iterable[tuple[Monomial, Number]]) -> Combination:
    """A combination of (monomial, coefficient) pairs, zeros dropped, sorted."""
    kept = [(m, _plain(c)) for m, c in items if c != 0]
    return Combination(dict(sorted(kept, key=lambda item: [order(f) for f in item[0]])))


def _plain(value: Number) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def order(term: Term) -> tuple[bool, str]:
    """The key by which arguments are sorted: constants last, otherwise by text, numbers in it by size."""
    return isinstance(term, Const), re.sub(r"\d+", lambda digits: digits.group().zfill(20), print_term(term))


def is_number(term: Term) -> bool:
    """Whether the term has a numeric type."""
    return isinstance(term.type, IntType | RealType)


def collect(term: Term) -> Combination:
    """The linear combination that a numeric term is."""
    if isinstance(term, Const) and isinstance(term.value, int | Fraction):
        return combination([(ONE, term.value)])
    if isinstance(term, Apply):
        match term.op, term.args:
            case "+", (a, b):
                return collect(a).plus(collect(b))
            case "-", (a, b):
                return collect(a).plus(collect(b), -1)
            case "neg", (a,):
                return combination([]).plus(collect(a), -1)
            case "*", (a, b):
                return _product(collect(a), a, collect(b), b)
    return combination([((term,), 1)])


def _product(left: Combination, a: Term, right: Combination, b: Term) -> Combination:
    for scalar, other in ((left, right), (right, left)):
        if not scalar.monomials:
            return combination([]).plus(other, scalar.constant)
    (m, c), (n, d) = _single(left, a), _single(right, b)
    return combination([(tuple(sorted(m + n, key=order)), c * d)])


def _single(combined: Combination, term: Term) -> tuple[Monomial, Number]:
    """A factor as one monomial; a sum stays whole."""
    if len(combined.coefficients) == 1:
        return next(iter(combined.coefficients.items()))
    return (term,), 1


def render(combined: Combination, cost: Cost) -> Term:
    """The cheapest of a few fixed ways to write the combination; the first of equals."""
    return min(_candidates(combined, cost), key=cost)


def _candidates(combined: Combination, cost: Cost) -> Iterable[Term]:
    yield _sum([(_monomial(m, abs(c), cost), c < 0) for m, c in combined.monomials.items()], combined.constant, cost)
    groups: dict[Number, list[tuple[Monomial, Number]]] = {}
    for m, c in combined.monomials.items():
        groups.setdefault(abs(c), []).append((m, c))
    if any(size != 1 and len(group) > 1 for size, group in groups.items()):
        parts: list[tuple[list[Term], bool]] = []
        for size, group in groups.items():
            if size == 1 or len(group) == 1:
                parts += [(_monomial(m, size, cost), c < 0) for m, c in group]
                continue
            sign = 1 if any(c > 0 for _, c in group) else -1
            inner = _sum([(_monomial(m, 1, cost), c * sign < 0) for m, c in group], 0, cost)
            parts.append(([apply("*", (constant(size), inner))], sign < 0))
        yield _sum(parts, combined.constant, cost)
    values = list(combined.coefficients.values())
    if len(values) > 1 and all(isinstance(c, int) for c in values):
        common = math.gcd(*(int(c) for c in values))
        if common > 1:
            sign = 1 if any(c > 0 for c in values) else -1
            inner = combination((m, c // (sign * common)) for m, c in combined.coefficients.items())
            yield apply("*", (constant(sign * common), render(inner, cost)))


def _monomial(factors: Monomial, size: Number, cost: Cost) -> list[Term]:
    """The summands that a monomial with a positive coefficient becomes."""
    plain = _chain(factors)
    if size == 1:
        return [plain]
    scaled = _chain((constant(size), *factors))
    if isinstance(size, int) and size <= 3:
        repeated = plain
        for _ in range(size - 1):
            repeated = apply("+", (repeated, plain))
        if cost(repeated) < cost(scaled):
            return [plain] * size
    return [scaled]


def _chain(factors: Iterable[Term]) -> Term:
    result: Term | None = None
    for factor in factors:
        result = factor if result is None else apply("*", (result, factor))
    assert result is not None
    return result


def _sum(parts: list[tuple[list[Term], bool]], offset: Number, cost: Cost) -> Term:
    """Positive parts first, then negative ones, then the constant; a leading constant where all parts are negative."""
    plus = [term for terms, negative in parts if not negative for term in terms]
    minus = [term for terms, negative in parts if negative for term in terms]
    if not plus and not minus:
        return constant(offset)
    if plus:
        result = plus[0]
    elif offset:
        result, offset = constant(offset), 0
    else:
        result, minus = _negated(minus[0]), minus[1:]
    for term in plus[1:]:
        result = apply("+", (result, term))
    for term in minus:
        result = apply("-", (result, term))
    if offset:
        result = apply("+" if offset > 0 else "-", (result, constant(abs(offset))))
    return result


def _negated(term: Term) -> Term:
    """`-term`, into a leading constant factor where there is one."""
    if isinstance(term, Apply) and term.op == "*":
        combined = collect(term)
        (factors, coefficient), *rest = combined.coefficients.items()
        if not rest and coefficient != 1:
            return _chain((constant(-coefficient), *factors))
    return apply("neg", (term,))
