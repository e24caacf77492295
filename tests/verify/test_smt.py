"""The z3 reading equals the reference on drawn arguments, for every operator; unbounded bit operations are refused."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import z3

from dsl.errors import TypeMismatch, Unsupported
from dsl.ops import OPS, Op, apply
from dsl.semantics import evaluate
from dsl.syntax import parse_term
from dsl.terms import Term, Var
from dsl.types import BOOL, INT, BoolType, IntType, RealType, RegisterType, Type, Value
from verify.smt import Z3, declare, encode, literal, value_of

KINDS: tuple[Type, ...] = (
    BOOL,
    IntType(-9, 9),
    IntType(0, 5),
    INT,
    RealType(Fraction(-3), Fraction(3)),
    RegisterType(IntType(-4, 4), 3),
)
AGREED, DRAWS = 15, 4_000


def drawn(kind: Type, rng: random.Random) -> Value:
    match kind:
        case BoolType():
            return rng.random() < 0.5
        case IntType(low, high):
            return rng.randint(-100 if low is None else low, 100 if high is None else high)
        case RealType():
            return Fraction(rng.randint(-12, 12), 4)
        case RegisterType(element, length):
            return tuple(drawn(element, rng) for _ in range(length))


def solved(term: Term, values: dict[str, Value], kinds: dict[str, Type]) -> tuple[Value, bool]:
    """The term's value in a model that fixes the variables, and whether it lies within the symbol's bounds."""
    solver, env = z3.Solver(), {}
    for name, value in values.items():
        env[name], bounds = declare(name, kinds[name])
        solver.add(*bounds, Z3.eq(env[name], literal(value)).expr)
    symbol = encode(term, env)
    assert solver.check() == z3.sat
    value = value_of(solver.model(), symbol, term.type)
    pairs = zip(symbol, value, strict=True) if isinstance(value, tuple) else [(symbol, value)]
    return value, all(isinstance(v, bool) or s.low <= v <= s.high for s, v in pairs)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_reading_equals_reference(op: Op) -> None:
    rng, agreed = random.Random(op.name), 0
    for _ in range(DRAWS):
        if agreed == AGREED:
            break
        kinds = {f"v{i}": rng.choice(KINDS) for i in range(op.arity or 3)}
        values = {name: drawn(kind, rng) for name, kind in kinds.items()}
        try:
            term = apply(op.name, tuple(Var(name, kind) for name, kind in kinds.items()))
            assert solved(term, values, kinds) == (evaluate(term, values), True)
        except (TypeMismatch, Unsupported):
            continue
        agreed += 1
    assert agreed == AGREED


@pytest.mark.parametrize(("text", "down", "truncated"), [("x div y", -4, -3), ("x mod y", 1, -1)])
def test_comparison_rejects_truncated_division(text: str, down: int, truncated: int) -> None:
    kinds: dict[str, Type] = {"x": INT, "y": INT}
    assert solved(parse_term(text, kinds), {"x": -7, "y": 2}, kinds)[0] == down != truncated


def test_bit_operation_without_bounds_is_unsupported() -> None:
    symbol, _ = declare("x", INT)
    with pytest.raises(Unsupported, match="expected bounded integers"):
        encode(parse_term("x & 3", {"x": INT}), {"x": symbol})


def test_large_table_reads() -> None:
    table = ", ".join(str(i * i % 17) for i in range(40))
    term = parse_term(f"[{table}][x]", {"x": INT})
    for x in (-3, 0, 13, 39, 99):
        assert solved(term, {"x": x}, {"x": INT})[0] == min(max(x, 0), 39) ** 2 % 17
