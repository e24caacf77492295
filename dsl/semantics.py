"""Reference semantics: what terms and programs mean, in exact Python values.

`interpret` is the only recursion over terms; the algebra decides the reading (`dsl.algebra`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from dsl.algebra import Algebra, PythonAlgebra
from dsl.errors import EvaluationError
from dsl.ops import BY_NAME
from dsl.programs import Aggregate, Function, Let, Machine, Program, Select, SequenceProgram
from dsl.terms import Const, Term, Var
from dsl.types import Type, Value, contains

PYTHON = PythonAlgebra()
Values = tuple[Value, ...]


def interpret(term: Term, env: Mapping[str, Any], algebra: Algebra) -> Any:
    """The value of a term in the given reading; `env` gives the variables' values. Shared sub-terms run once."""
    memo: dict[int, Any] = {}

    def value(t: Term) -> Any:
        if isinstance(t, Var):
            return env[t.name]
        if isinstance(t, Const):
            return algebra.constant(t.value)
        key = id(t)
        if key not in memo:
            memo[key] = BY_NAME[t.op].meaning(algebra, *map(value, t.args))
        return memo[key]

    return value(term)


def evaluate(term: Term, env: Mapping[str, Value]) -> Value:
    """The exact value of a term."""
    return interpret(term, env, PYTHON)


def run(program: Program, inputs: Sequence[Any]) -> Any:
    """Run any program: a function on its arguments, a machine or sequence program on a list of inputs.

    One input component is an integer per step; several are a tuple per step; outputs have the same form.
    Raises `EvaluationError` for inputs outside the declared types.
    """
    match program:
        case Function():
            return run_function(program, tuple(inputs))
        case Machine():
            return [unwrap(out) for out in run_machine(program, [wrap(x) for x in inputs])]
        case SequenceProgram():
            return [unwrap(out) for out in run_sequence(program, [wrap(x) for x in inputs])]


def run_function(program: Function, arguments: tuple[Value, ...]) -> Value | tuple[Value, ...]:
    """The value of a function on one tuple of arguments; several outputs come as a tuple."""
    env = bind(program.inputs, arguments, "argument")
    for name, term in program.lets:
        env[name] = evaluate(term, env)
    return unwrap(tuple(evaluate(term, env) for term in program.outputs))


def initial_state(machine: Machine) -> tuple[Value, ...]:
    """The values of the state variables before the first step."""
    return tuple(state.initial for state in machine.states)


def step(machine: Machine, state: Values, symbol: Values) -> tuple[Values, Values]:
    """One step: (new state, outputs). All updates see the old state; outputs see both."""
    env: dict[str, Value] = {s.name: value for s, value in zip(machine.states, state, strict=True)}
    env.update(zip((v.name for v in machine.inputs), symbol, strict=True))
    for name, term in machine.lets:
        env[name] = evaluate(term, env)
    after = tuple(evaluate(s.update, env) for s in machine.states)
    env.update((s.name + "'", value) for s, value in zip(machine.states, after, strict=True))
    return after, tuple(evaluate(term, env) for term in machine.outputs)


def run_machine(machine: Machine, symbols: Sequence[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
    """The outputs of a machine, one tuple a step."""
    state = initial_state(machine)
    outputs = []
    for position, symbol in enumerate(symbols):
        bind(machine.inputs, symbol, f"step {position}")
        state, out = step(machine, state, symbol)
        outputs.append(out)
    return outputs


def run_sequence(program: SequenceProgram, tokens: Sequence[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
    """The outputs of a sequence program, one tuple a position (RASP, Weiss et al. 2021, with named steps)."""
    length = len(tokens)
    columns: dict[str, list[Value]] = {"i": list(range(length)), "n": [length] * length}
    for k, var in enumerate(program.inputs):
        columns[var.name] = [token[k] for token in tokens]
    for position, token in enumerate(tokens):
        bind(program.inputs, token, f"position {position}")
    selections: dict[str, list[list[bool]]] = {}

    def row(position: int) -> dict[str, Value]:
        return {name: column[position] for name, column in columns.items()}

    for item in program.steps:
        rows = [row(p) for p in range(length)]
        match item:
            case Let(name, term):
                columns[name] = [evaluate(term, r) for r in rows]
            case Select(name, predicate):
                keys = [{f"key.{n}": v for n, v in r.items()} for r in rows]
                queries = [{f"query.{n}": v for n, v in r.items()} for r in rows]
                selections[name] = [
                    [
                        (not program.causal or k <= q) and bool(evaluate(predicate, keys[k] | queries[q]))
                        for k in range(length)
                    ]
                    for q in range(length)
                ]
            case Aggregate(name, kind, selection, term, default):
                values = [evaluate(term, r) for r in rows]
                columns[name] = [
                    aggregate(kind, [v for v, chosen in zip(values, chosen_row, strict=True) if chosen], default)
                    for chosen_row in selections[selection]
                ]
    return [tuple(evaluate(term, row(p)) for term in program.outputs) for p in range(length)]


def aggregate(kind: str, chosen: list[Value], default: Value) -> Value:
    """`count` of the chosen, exact `mean` (the default when none), or `pick`: the only one (else the default)."""
    if kind == "count":
        return len(chosen)
    if kind == "pick":
        return chosen[0] if len(chosen) == 1 else default
    return Fraction(sum(chosen), len(chosen)) if chosen else default  # type: ignore[arg-type]


def bind(variables: Sequence[Var], values: Sequence[Value], where: str) -> dict[str, Value]:
    """Variables with their values, checked against the declared types. Raises `EvaluationError`."""
    if len(variables) != len(values):
        raise EvaluationError(f"expected {len(variables)} values, got {len(values)} ({where})")
    for var, value in zip(variables, values, strict=True):
        if not _contains(var.type, value):
            raise EvaluationError(f"expected {var.name} in {var.type}, got {value!r} ({where})")
    return {var.name: value for var, value in zip(variables, values, strict=True)}


def _contains(kind: Type, value: Any) -> bool:
    try:
        return _contains_cached(kind, type(value), value)
    except TypeError:  # unhashable: a list where a register's tuple belongs
        return False


@cache
def _contains_cached(kind: Type, _: type, value: Any) -> bool:
    return contains(kind, value)


def wrap(value: Any) -> tuple[Value, ...]:
    """One input step as a tuple of components."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def unwrap(values: tuple[Value, ...]) -> Value | tuple[Value, ...]:
    """A single component alone, several as a tuple."""
    return values[0] if len(values) == 1 else values
