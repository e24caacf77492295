"""The three program shapes: function, machine (a scan) and sequence program.

A program binds names; the terms inside it stay first-order. `check` is called by the constructors, so a
program that exists is well-typed: names are declared before use, conditions are Boolean, outputs fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dsl.errors import TypeMismatch
from dsl.ops import OPS
from dsl.terms import Term, Var, operator_count, subterms
from dsl.types import BOOL, INT, REAL, IntType, RealType, Type, Value, contains, fits, join, type_of, unbounded

NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
KEYWORDS = "function machine sequence causal state let next select aggregate output real if then else true false"
RESERVED = frozenset(KEYWORDS.split()) | {op.symbol for op in OPS if op.symbol.isalpha()}
"""Words of the grammar, which cannot be names."""

Lets = tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """`function f(a: 0..112, b: 0..112) -> 0..112 = (a + b) mod 113`."""

    name: str
    inputs: tuple[Var, ...]
    output_types: tuple[Type, ...]
    lets: Lets
    outputs: tuple[Term, ...]

    def __str__(self) -> str:
        return _text(self)

    def __post_init__(self) -> None:
        scope = _declare({}, self.inputs)
        scope = _check_lets(self.lets, scope)
        _check_outputs(self.outputs, self.output_types, scope)


@dataclass(frozen=True, slots=True)
class State:
    """A state variable: its type, its value before the first step, and its value after a step."""

    name: str
    type: Type
    initial: Value
    update: Term


@dataclass(frozen=True, slots=True)
class Machine:
    """A scan: state variables with initial values, one simultaneous update and one output tuple per step.

    Updates and lets see inputs, earlier lets and the old state; outputs also see the new state as `name'`.
    """

    name: str
    inputs: tuple[Var, ...]
    output_types: tuple[Type, ...]
    states: tuple[State, ...]
    lets: Lets
    outputs: tuple[Term, ...]

    def __str__(self) -> str:
        return _text(self)

    def __post_init__(self) -> None:
        scope = _declare({}, [*self.inputs, *(Var(s.name, s.type) for s in self.states)])
        scope = _check_lets(self.lets, scope)
        for state in self.states:
            _check_names(state.update, scope, f"next {state.name}")
            if not contains(state.type, state.initial):
                raise TypeMismatch(f"expected the initial value in {state.type}, got {state.initial} ({state.name})")
            _check_kind(state.update, state.type, f"next {state.name}")
        scope |= {s.name + "'": s.type for s in self.states}
        _check_outputs(self.outputs, self.output_types, scope)


@dataclass(frozen=True, slots=True)
class Let:
    """An elementwise definition: a term over the columns at one position."""

    name: str
    term: Term


@dataclass(frozen=True, slots=True)
class Select:
    """A Boolean matrix over (query position, key position): a predicate over `key.v` and `query.v`."""

    name: str
    predicate: Term


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Per query position: `count` of the selected keys, exact `mean` of a term over them, or the one `pick`."""

    name: str
    kind: str
    selection: str
    term: Term
    default: Value


AGGREGATES = ("count", "mean", "pick")


@dataclass(frozen=True, slots=True)
class SequenceProgram:
    """Named steps over whole sequences (RASP). Columns `i` (position) and `n` (length) are built in."""

    name: str
    inputs: tuple[Var, ...]
    output_types: tuple[Type, ...]
    causal: bool
    steps: tuple[Let | Select | Aggregate, ...]
    outputs: tuple[Term, ...]

    def __str__(self) -> str:
        return _text(self)

    def __post_init__(self) -> None:
        _check_outputs(self.outputs, self.output_types, self._columns())

    def _columns(self) -> dict[str, Type]:
        scope = _declare({"i": POSITION, "n": POSITION}, self.inputs)
        selections: set[str] = set()
        for item in self.steps:
            _check_new(item.name, [*scope, *selections])
            match item:
                case Let(name, term):
                    _check_names(term, scope, f"let {name}")
                    scope[name] = term.type
                case Select(name, predicate):
                    both = {f"{side}.{n}": t for n, t in scope.items() for side in ("key", "query")}
                    _check_names(predicate, both, f"select {name}")
                    _check_kind(predicate, BOOL, f"select {name}")
                    selections.add(name)
                case Aggregate(name, kind, selection, term, _):
                    if selection not in selections:
                        raise TypeMismatch(f"expected a selection, got {selection} (aggregate {name})")
                    _check_names(term, scope, f"aggregate {name}")
                    if kind not in AGGREGATES:
                        raise TypeMismatch(f"expected one of {', '.join(AGGREGATES)}, got {kind} (aggregate {name})")
                    scope[name] = aggregate_type(item)
        return scope


POSITION = unbounded(INT)

Program = Function | Machine | SequenceProgram


def aggregate_type(item: Aggregate) -> Type:
    """The type of the column an aggregate defines."""
    if item.kind == "count":
        return IntType(0, None)
    joined = join(item.term.type, type_of(item.default))
    if item.kind == "mean" and isinstance(joined, IntType | RealType):
        return REAL
    if joined is None or item.kind == "mean":
        wanted = "a number" if item.kind == "mean" else f"a default of type {item.term.type}"
        raise TypeMismatch(f"expected {wanted}, got {item.term.type} and {item.default} (aggregate {item.name})")
    return joined


def _text(program: Program) -> str:
    from dsl.printers.text import print_program

    return print_program(program).rstrip("\n")


def terms_of(program: Program) -> tuple[Term, ...]:
    """All terms of a program, in order of appearance."""
    match program:
        case Function():
            return (*(t for _, t in program.lets), *program.outputs)
        case Machine():
            return (*(t for _, t in program.lets), *(s.update for s in program.states), *program.outputs)
        case SequenceProgram():
            return (*(s.predicate if isinstance(s, Select) else s.term for s in program.steps), *program.outputs)


def program_size(program: Program) -> int:
    """Number of operator applications in a program."""
    return sum(operator_count(term) for term in terms_of(program))


def _declare(scope: dict[str, Type], variables: Iterable[Var]) -> dict[str, Type]:
    for var in variables:
        _check_new(var.name, scope)
        scope = scope | {var.name: var.type}
    return scope


def _check_new(name: str, scope: Iterable[str]) -> None:
    if name in scope:
        raise TypeMismatch(f"expected a new name, got {name} again")
    if not NAME.fullmatch(name) or name in RESERVED:
        raise TypeMismatch(f"expected a name of letters, digits and _ that is no word of the language, got {name}")


def _check_lets(lets: Lets, scope: dict[str, Type]) -> dict[str, Type]:
    for name, term in lets:
        _check_names(term, scope, f"let {name}")
        scope = _declare(scope, [Var(name, term.type)])
    return scope


def _check_names(term: Term, scope: dict[str, Type], where: str) -> None:
    for sub in subterms(term):
        if isinstance(sub, Var) and sub.name not in scope:
            raise TypeMismatch(f"expected one of {', '.join(scope) or 'no variables'}, got {sub.name} ({where})")


def _check_kind(term: Term, declared: Type, where: str) -> None:
    """Same kind of value; the range itself is a property to be proved, not a typing rule."""
    joined = join(unbounded(term.type), unbounded(declared))
    if joined is None or not fits(joined, unbounded(declared)):
        raise TypeMismatch(f"expected a value of type {declared}, got {term.type} ({where})")


def _check_outputs(outputs: tuple[Term, ...], kinds: tuple[Type, ...], scope: dict[str, Type]) -> None:
    if len(outputs) != len(kinds):
        raise TypeMismatch(f"expected {len(kinds)} outputs, got {len(outputs)}")
    for term, kind in zip(outputs, kinds, strict=True):
        _check_names(term, scope, "output")
        _check_kind(term, kind, "output")
