"""Steps on numbers: sums, comparisons, remainders and quotients, by way of linear combinations and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from dsl.ops import apply
from dsl.ranges import ends
from dsl.rewrites.linear import ONE, Combination, collect, combination, is_number, render
from dsl.terms import Apply, Const, Term, constant
from dsl.types import BOOL, IntType

Cost = Callable[[Term], float]
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def sum_form(term: Apply, cost: Cost) -> Term | None:
    """`+`, `-`, `*` and `neg` as one linear combination."""
    return render(collect(term), cost) if term.op in ("+", "-", "*", "neg") else None


def absolute_form(term: Apply, cost: Cost) -> Term | None:
    """`abs` of a combination whose first coefficient is positive, or of no `abs` at all where the sign is known."""
    if term.op != "abs":
        return None
    low, high = ends(term.args[0].type)
    combined = collect(term.args[0])
    if low >= 0:
        return term.args[0]
    flipped = combination([]).plus(combined, -1)
    if high <= 0:
        return render(flipped, cost)
    first = next(iter(combined.coefficients.values()), 1)
    return apply("abs", (render(flipped if first < 0 else combined, cost),))


def comparison_form(term: Apply, cost: Cost) -> Term | None:
    """A comparison of numbers with common parts cancelled, decided where ranges decide, the constant on the right."""
    if term.op not in COMPARISONS or not all(map(is_number, term.args)):
        return None
    left, right = term.args
    difference = collect(left).plus(collect(right), -1)
    integral = all(isinstance(arg.type, IntType) for arg in term.args)
    low, high = _bounds(left, right, difference, cost)
    decided = _decided(term.op, low, high)
    if decided is not None:
        return Const(decided, BOOL)
    if not difference.monomials:
        return None
    variable = difference.monomials
    lead = next(iter(variable.values()))
    scale = abs(lead) if not integral else math.gcd(*(int(c) for c in variable.values()))
    sign = 1 if lead > 0 else -1
    op = term.op if sign > 0 else MIRROR[term.op]
    bound = Fraction(-difference.constant * sign) / scale
    reduced = {m: c * sign / Fraction(scale) for m, c in variable.items()}
    positive = combination((m, c) for m, c in reduced.items() if c > 0)
    negative = combination((m, -c) for m, c in reduced.items() if c < 0)
    if integral:
        if bound.denominator != 1 and op in ("==", "!="):
            return Const(op == "!=", BOOL)
        bound = Fraction(math.ceil(bound) if op in ("<", ">=") else math.floor(bound))
    low, high = ends(render(positive.plus(negative, -1), cost).type)
    forms: list[Term] = []
    for name, limit in _variants(op, bound, low, high, integral):
        rest = negative.plus(combination([(ONE, limit)]))
        forms.append(apply(name, (render(positive, cost), render(rest, cost))))
        if limit < 0 and negative.monomials:
            whole = positive.plus(combination([(ONE, -limit)]))
            forms.append(apply(name, (render(whole, cost), render(negative, cost))))
    return min(forms, key=cost)


def _bounds(left: Term, right: Term, difference: Combination, cost: Cost) -> tuple[Any, Any]:
    """Bounds of left - right, from the arguments and from what is left after cancelling."""
    (a, b), (c, d) = ends(left.type), ends(right.type)
    low, high = ends(render(difference, cost).type)
    return max(a - d, low), min(b - c, high)


def _decided(op: str, low: Any, high: Any) -> bool | None:
    """The comparison with 0 of something between `low` and `high`, if that settles it."""
    zero = low == high == 0
    outside = low > 0 or high < 0
    always = {"<": high < 0, "<=": high <= 0, ">": low > 0, ">=": low >= 0, "==": zero, "!=": outside}
    never = {"<": low >= 0, "<=": low > 0, ">": high <= 0, ">=": high < 0, "==": outside, "!=": zero}
    return True if always[op] else False if never[op] else None


def _variants(op: str, bound: Fraction, low: Any, high: Any, integral: bool) -> list[tuple[str, Fraction]]:
    """All ways to write `t op bound` for an integer `t` in low..high, in order of preference."""
    if not integral:
        return [(op, bound)]
    below = {"<": bound - 1, "<=": bound}.get(op)
    above = {">": bound + 1, ">=": bound}.get(op)
    if (op == "==" and bound == low) or (op == "!=" and bound == high):
        below = bound if op == "==" else bound - 1
    elif (op == "==" and bound == high) or (op == "!=" and bound == low):
        above = bound if op == "==" else bound + 1
    forms: list[tuple[str, Fraction]] = [(op, bound)] if op in ("==", "!=") else []
    if below is not None:
        forms += [("==", below)] * (below == low) + [("<", below + 1), ("<=", below)]
    if above is not None:
        forms += [("==", above)] * (above == high) + [(">", above - 1), (">=", above)]
    return forms


def remainder_form(term: Apply, cost: Cost) -> Term | None:
    """`t mod m`: `t` itself where its range allows; else inner remainders dropped and coefficients reduced."""
    modulus = _divisor(term, "mod")
    if modulus is None:
        return None
    low, high = ends(term.args[0].type)
    if low >= 0 and high < modulus:
        return term.args[0]
    total = combination([])
    for factors, coefficient in collect(term.args[0]).coefficients.items():
        if not isinstance(coefficient, int):
            return None
        part = constant(coefficient)
        for factor in factors:
            part = apply("*", (part, _without_remainder(factor, modulus)))
        total = total.plus(collect(part))
    reduced = combination((m, _symmetric(int(c), modulus)) for m, c in total.coefficients.items())
    if not reduced.monomials:
        return constant(int(reduced.constant) % modulus)
    bits = [m[0] for m in reduced.monomials if len(m) == 1 and _is_bit(m[0])]
    if modulus == 2 and len(bits) == len(reduced.monomials) <= 2:
        result = bits[0] if len(bits) == 1 else apply("^", (bits[0], bits[1]))
        return apply("-", (constant(1), result)) if reduced.constant else result
    return apply("mod", (render(reduced, cost), constant(modulus)))


def quotient_form(term: Apply, cost: Cost) -> Term | None:
    """`t div d`: one value where the range allows; multiples of the divisor taken out; `t div a div b` joined."""
    divisor = _divisor(term, "div")
    if divisor is None:
        return None
    low, high = ends(term.args[0].type)
    if math.inf not in (high, -low) and low // divisor == high // divisor:
        return constant(low // divisor)
    match term.args[0]:
        case Apply("div", (inner, Const(int() as first, _))) if first > 0:
            return apply("div", (inner, constant(first * divisor)))
    combined = collect(term.args[0])
    if not all(isinstance(c, int) for c in combined.coefficients.values()):
        return None
    whole = combination((m, int(c) // divisor) for m, c in combined.coefficients.items() if int(c) % divisor == 0)
    rest = combination((m, c) for m, c in combined.coefficients.items() if int(c) % divisor != 0)
    if not whole.coefficients:
        return None
    remaining = apply("div", (render(rest, cost), constant(divisor)))
    return render(whole.plus(combination([((remaining,), 1)])), cost)


def _divisor(term: Apply, op: str) -> int | None:
    """The positive constant on the right of `op`, if that is what the term is."""
    match term:
        case Apply(name, (_, Const(int() as divisor, _))) if name == op and divisor > 0:
            return divisor
    return None


def _without_remainder(factor: Term, modulus: int) -> Term:
    match factor:
        case Apply("mod", (inner, Const(int() as other, _))) if other > 0 and other % modulus == 0:
            return inner
    return factor


def _symmetric(value: int, modulus: int) -> int:
    """The representative of a residue nearest to 0, positive for a tie."""
    residue = value % modulus
    return residue if 2 * residue <= modulus else residue - modulus


def _is_bit(term: Term) -> bool:
    low, high = ends(term.type)
    return bool(low >= 0 and high <= 1)
