"""Every operator, every reading. The table alone decides what is drawn and what must hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.batch import BATCH, BatchAlgebra, as_column, evaluate_batch
from dsl.errors import Unsupported
from dsl.ops import OPS, Op, apply
from dsl.printers import print_latex, print_term
from dsl.programs import Function
from dsl.semantics import evaluate, interpret, run
from dsl.syntax import parse_term
from dsl.terms import Apply, Var
from dsl.types import BoolType, IntType, RealType, RegisterType, Type, Value, contains, unbounded
from tests.dsl.strategies import signatures, types, values
from verify import smt

GOLDEN = Path(__file__).parent.parent / "golden" / "ops.txt"
every_operator = pytest.mark.parametrize("op", OPS, ids=[op.name for op in OPS])

Drawn = tuple[Apply, list[dict[str, Value]]]


@st.composite
def applications(draw: st.DrawFn, op: Op, rows: int = 8) -> Drawn:
    """The operator on variables of drawn types, and several environments of values of those types."""
    kinds, _ = draw(st.sampled_from(signatures(op)))
    declared = {name: draw(types(kind)) for name, kind in zip("abc", kinds)}
    term = apply(op.name, tuple(Var(name, kind) for name, kind in declared.items()))
    count = draw(st.integers(1, rows))
    return term, [{name: draw(values(kind)) for name, kind in declared.items()} for _ in range(count)]


def stacked(values: list[Value]) -> Any:
    """Values of one type as an array; registers as tuples of arrays."""
    if isinstance(values[0], tuple):
        return tuple(stacked(list(column)) for column in zip(*values, strict=True))  # type: ignore[arg-type]
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def unstacked(array: Any, row: int) -> Value:
    """One row of a batch as a Python value."""
    if isinstance(array, tuple):
        return tuple(unstacked(part, row) for part in array)
    value = array[row]
    return value.item() if isinstance(value, np.generic) else value


def same(a: Value, b: Value) -> bool:
    """Equal, and both or neither truth values."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and isinstance(a, bool) == isinstance(b, bool)


@every_operator
@settings(max_examples=20)
@given(data=st.data())
def test_result_has_the_inferred_type(op: Op, data: st.DataObject) -> None:
    term, environments = data.draw(applications(op))
    for env in environments:
        assert contains(term.type, evaluate(term, env)), (print_term(term), env, term.type)


@every_operator
@settings(max_examples=20)
@given(data=st.data())
def test_numpy_reading_equals_the_reference(op: Op, data: st.DataObject) -> None:
    term, environments = data.draw(applications(op))
    batch = evaluate_batch(term, {name: stacked([env[name] for env in environments]) for name in environments[0]})
    for row, env in enumerate(environments):
        assert same(unstacked(batch, row), evaluate(term, env)), (print_term(term), env)


@every_operator
@settings(max_examples=8)
@given(data=st.data())
def test_z3_reading_equals_the_reference(op: Op, data: st.DataObject) -> None:
    term, environments = data.draw(applications(op, rows=3))
    for env in environments:
        assert z3_agrees(term, env, smt.Z3), (print_term(term), env)


def z3_agrees(term: Apply, env: dict[str, Value], algebra: Any) -> bool:
    """Whether the symbolic result, with the values put in, is the reference's; vacuous where z3 has no counterpart."""
    symbols = {arg.name: smt.declare(arg.name, arg.type)[0] for arg in term.args if isinstance(arg, Var)}
    try:
        result = interpret(term, symbols, algebra)
    except Unsupported:
        return True
    given_values = [pair for name, symbol in symbols.items() for pair in _pairs(symbol, env[name])]
    return same(_settled(result, given_values, unbounded(term.type)), evaluate(term, env))


def _pairs(symbol: Any, value: Value) -> list[tuple[Any, Any]]:
    if isinstance(symbol, tuple):
        assert isinstance(value, tuple)
        return [pair for s, v in zip(symbol, value, strict=True) for pair in _pairs(s, v)]
    expr = smt.literal(value).expr
    return [(symbol.expr, z3.ToReal(expr) if z3.is_real(symbol.expr) and z3.is_int(expr) else expr)]


def _settled(result: Any, given_values: list[tuple[Any, Any]], kind: Type) -> Value:
    if isinstance(kind, RegisterType):
        return tuple(_settled(part, given_values, kind.element) for part in result)
    value = z3.simplify(z3.substitute(result.expr, *given_values))
    if isinstance(kind, BoolType):
        return z3.is_true(value)
    if isinstance(kind, RealType) and z3.is_rational_value(value):
        return Fraction(value.numerator_as_long(), value.denominator_as_long())
    return value.as_long()


TRUNCATED = apply("div", (Var("a", IntType(-9, 9)), Var("b", IntType(-9, 9))))
MEETS_NEGATIVES: list[dict[str, Value]] = [{"a": a, "b": b} for a in (-7, 7) for b in (-2, 0, 2)]


class TruncatingBatch(BatchAlgebra):
    """A wrong reading: division rounds towards zero."""

    def floordiv(self, a: Any, b: Any) -> Any:
        return as_column(np.trunc(a.data / np.where(b.data == 0, 1, b.data)).astype(np.int64))


class TruncatingZ3(smt.Z3Algebra):
    """A wrong reading: z3's own division."""

    def floordiv(self, a: Any, b: Any) -> Any:
        return smt.Symbol(a.expr / b.expr)


def test_a_truncating_division_is_rejected() -> None:
    columns = {name: as_column(stacked([env[name] for env in MEETS_NEGATIVES])) for name in "ab"}
    wrong = interpret(TRUNCATED, columns, TruncatingBatch()).data
    assert not all(same(int(w), evaluate(TRUNCATED, env)) for w, env in zip(wrong, MEETS_NEGATIVES, strict=True))
    right = interpret(TRUNCATED, columns, BATCH).data
    assert all(same(int(r), evaluate(TRUNCATED, env)) for r, env in zip(right, MEETS_NEGATIVES, strict=True))
    assert not all(z3_agrees(TRUNCATED, env, TruncatingZ3()) for env in MEETS_NEGATIVES)
    assert all(z3_agrees(TRUNCATED, env, smt.Z3) for env in MEETS_NEGATIVES)


@every_operator
@settings(max_examples=8)
@given(data=st.data())
def test_python_source_equals_the_reference(op: Op, data: st.DataObject) -> None:
    from dsl.printers import print_python

    term, environments = data.draw(applications(op))
    inputs = tuple(arg for arg in term.args if isinstance(arg, Var))
    program = Function("f", inputs, (unbounded(term.type),), (), (term,))
    namespace: dict[str, Any] = {}
    exec(print_python(program), namespace)
    for env in environments:
        arguments = tuple(env[v.name] for v in inputs)
        assert same(namespace["run"](*arguments), run(program, arguments))
    assert print_latex(program).count("{") == print_latex(program).count("}")


def golden_lines() -> list[tuple[str, str, str]]:
    """(term, bindings, result) of every line of the golden file."""
    lines = [line for line in GOLDEN.read_text().splitlines() if line and not line.startswith("#")]
    return [tuple(part.strip() for part in line.split(";")) for line in lines]  # type: ignore[misc]


@pytest.mark.parametrize(("text", "bindings", "result"), golden_lines())
def test_golden(text: str, bindings: str, result: str) -> None:
    env = {}
    for binding in filter(None, (b.strip() for b in bindings.split(" and "))):
        name, _, value = binding.partition("=")
        env[name.strip()] = evaluate(parse_term(value, {}), {})
    scope: dict[str, Type] = {name: unbounded(parse_term(_text(value), {}).type) for name, value in env.items()}
    assert same(evaluate(parse_term(text, scope), env), evaluate(parse_term(result, {}), {}))


def _text(value: Value) -> str:
    from dsl.printers.text import print_value

    return print_value(value)


def test_every_operator_has_a_golden_line() -> None:
    names = {op.name: Var(op.name, IntType()) for op in OPS}
    used: set[str] = set()
    for text, bindings, _ in golden_lines():
        env = {b.partition("=")[0].strip(): b.partition("=")[2] for b in bindings.split(" and ") if b.strip()}
        scope = {name: unbounded(parse_term(value, {}).type) for name, value in env.items()}
        term = parse_term(text, scope)
        used |= {term.op} if isinstance(term, Apply) else set()
    assert set(names) <= used, f"no golden line for {', '.join(sorted(set(names) - used))}"
