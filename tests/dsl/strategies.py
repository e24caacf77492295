"""Strategies for well-typed terms and programs of all three shapes, made from the operator table alone.

A *signature* of an operator is a choice of argument kinds that its range rule accepts, with the kind of the result;
kinds are types without bounds. A new row of the table is drawn without any edit here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from functools import cache

from hypothesis import strategies as st

from dsl.errors import TypeMismatch
from dsl.ops import OPS, Op, apply
from dsl.programs import Aggregate, Function, Let, Machine, Program, Select, SequenceProgram, State, aggregate_type
from dsl.terms import Term, Var, constant
from dsl.types import BOOL, INT, REAL, IntType, RealType, RegisterType, Type, Value, unbounded

NUMBERS = RegisterType(INT, 3)
FLAGS = RegisterType(BOOL, 2)
TABLE = RegisterType(NUMBERS, 2)
KINDS: tuple[Type, ...] = (BOOL, INT, REAL, NUMBERS, FLAGS, TABLE)

Scope = Mapping[str, Type]
small = st.integers(-9, 9)
huge = st.sampled_from([2**31, -(2**31), 2**62, 2**63 - 1, -(2**63), 2**63, 2**70, -(2**70) - 3])
integers = st.one_of(small, small, st.integers(-1000, 1000), huge)
fractions = st.builds(Fraction, st.integers(-20, 20), st.integers(1, 9))


@cache
def signatures(op: Op) -> tuple[tuple[tuple[Type, ...], Type], ...]:
    """Argument kinds that the operator accepts, each with the kind of its result."""
    lengths = [op.arity] if op.arity is not None else [2, 3]
    found = []
    for length in lengths:
        for kinds in itertools.product(KINDS, repeat=length):
            try:
                result = unbounded(op.result(kinds))
            except TypeMismatch:
                continue
            if result in KINDS:
                found.append((kinds, result))
    return tuple(found)


@cache
def producers(kind: Type) -> tuple[tuple[Op, tuple[Type, ...]], ...]:
    """Operators with argument kinds that give a result of this kind."""
    return tuple((op, kinds) for op in OPS for kinds, result in signatures(op) if result == kind)


def values(kind: Type) -> st.SearchStrategy[Value]:
    """Values of a type, extremes included."""
    match kind:
        case IntType(None, None):
            return integers
        case IntType(low, high):
            return st.integers(low, high)
        case RealType(low, high):
            return fractions if low is None and high is None else st.fractions(low, high, max_denominator=20)
        case RegisterType(element, length):
            return st.tuples(*[values(element)] * length)
        case _:
            return st.booleans()


def types(kind: Type) -> st.SearchStrategy[Type]:
    """Types of a kind: without bounds, or with."""
    if kind == INT:
        ends = st.tuples(small, small).map(sorted).map(lambda pair: IntType(pair[0], pair[1]))
        return st.one_of(st.just(INT), ends, st.sampled_from([IntType(0, 1), IntType(0, 9), IntType(-(2**62), 2**62)]))
    if isinstance(kind, RegisterType):
        return types(kind.element).map(lambda element, length=kind.length: RegisterType(element, length))
    return st.just(kind)


@st.composite
def terms(draw: st.DrawFn, scope: Scope, kind: Type, depth: int = 3) -> Term:
    """A term of the kind over the variables in scope."""
    variables = [Var(name, t) for name, t in scope.items() if unbounded(t) == kind]
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        if variables and draw(st.integers(0, 3)):
            return draw(st.sampled_from(variables))
        return constant(draw(values(kind)))
    op, kinds = draw(st.sampled_from(producers(kind)))
    return apply(op.name, tuple(draw(terms(scope, k, depth - 1)) for k in kinds))


some_kind = st.sampled_from([INT, INT, INT, BOOL, REAL, NUMBERS, FLAGS])
scalar_kind = st.sampled_from([INT, INT, BOOL, REAL])


@st.composite
def scopes(draw: st.DrawFn, names: str, kinds: st.SearchStrategy[Type] = some_kind) -> dict[str, Type]:
    """One to three variables."""
    count = draw(st.integers(1, len(names)))
    return {name: draw(kinds.flatmap(types)) for name in names[:count]}


@st.composite
def environments(draw: st.DrawFn, scope: Scope) -> dict[str, Value]:
    """Values for the variables."""
    return {name: draw(values(kind)) for name, kind in scope.items()}


def _inputs(scope: Scope) -> tuple[Var, ...]:
    return tuple(Var(name, kind) for name, kind in scope.items())


@st.composite
def functions(draw: st.DrawFn) -> Function:
    """A random function."""
    scope = draw(scopes("abc"))
    inputs, lets = _inputs(scope), []
    for name in ["u", "v"][: draw(st.integers(0, 2))]:
        lets.append((name, draw(terms(scope, draw(some_kind), 2))))
        scope[name] = lets[-1][1].type
    outputs = tuple(draw(terms(scope, draw(some_kind))) for _ in range(draw(st.integers(1, 2))))
    return Function("f", inputs, tuple(unbounded(t.type) for t in outputs), tuple(lets), outputs)


@st.composite
def machines(
    draw: st.DrawFn, inputs: st.SearchStrategy[Type] = some_kind, outputs: st.SearchStrategy[Type] = some_kind
) -> Machine:
    """A random machine; updates may leave the declared ranges, as they may in any machine."""
    scope = draw(scopes("ab", inputs))
    declared = draw(scopes("rst"))
    parameters, everything, lets = _inputs(scope), scope | declared, []
    for name in ["u", "v"][: draw(st.integers(0, 2))]:
        lets.append((name, draw(terms(everything, draw(some_kind), 2))))
        everything[name] = lets[-1][1].type
    states = tuple(
        State(name, kind, draw(values(kind)), draw(terms(everything, unbounded(kind), 2)))
        for name, kind in declared.items()
    )
    after = everything | {name + "'": kind for name, kind in declared.items()}
    results = tuple(draw(terms(after, draw(outputs), 2)) for _ in range(draw(st.integers(1, 2))))
    return Machine("m", parameters, tuple(unbounded(t.type) for t in results), states, tuple(lets), results)


@st.composite
def sequences(draw: st.DrawFn) -> SequenceProgram:
    """A random sequence program."""
    scope = draw(scopes("ab", scalar_kind))
    inputs = _inputs(scope)
    columns: dict[str, Type] = {"i": INT, "n": INT} | scope
    steps: list[Let | Select | Aggregate] = []
    selections: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        what = draw(st.sampled_from(["let", "select", "aggregate", "aggregate"]))
        if what == "aggregate" and selections:
            kind = draw(st.sampled_from(["count", "mean", "pick"]))
            term, default = constant(1), 0
            if kind != "count":
                term = draw(terms(columns, draw(scalar_kind) if kind == "pick" else INT, 1))
                default = draw(values(unbounded(term.type)))
            item = Aggregate(f"g{number}", kind, draw(st.sampled_from(selections)), term, default)
            columns[item.name] = aggregate_type(item)
        elif what == "let":
            item = Let(f"l{number}", draw(terms(columns, draw(scalar_kind), 2)))
            columns[item.name] = item.term.type
        else:
            both = {f"{side}.{name}": kind for name, kind in columns.items() for side in ("key", "query")}
            item = Select(f"s{number}", draw(terms(both, BOOL, 2)))
            selections.append(item.name)
        steps.append(item)
    outputs = (draw(terms(columns, draw(scalar_kind), 2)),)
    kinds = tuple(unbounded(t.type) for t in outputs)
    return SequenceProgram("q", inputs, kinds, draw(st.booleans()), tuple(steps), outputs)


programs: st.SearchStrategy[Program] = st.one_of(functions(), machines(), sequences())


def streams(inputs: tuple[Var, ...], length: int = 5) -> st.SearchStrategy[list[tuple[Value, ...]]]:
    """Input lists for a machine or sequence program: one tuple a step."""
    return st.lists(st.tuples(*(values(v.type) for v in inputs)), max_size=length)
