"""Programs to DSL text. Print-then-parse is the identity (tests/dsl/test_syntax.py)."""

from __future__ import annotations

from fractions import Fraction

from dsl.ops import BY_NAME, INFIX, PREFIX
from dsl.programs import Aggregate, Function, Let, Machine, Program, Select, SequenceProgram
from dsl.terms import Apply, Const, Term, Var
from dsl.types import Type, Value

ATOM = 14


def print_term(term: Term) -> str:
    """The term as DSL text, with the fewest parentheses the grammar allows."""
    return _show(term)[0]


def print_value(value: Value) -> str:
    """A literal as DSL text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(print_value, value)) + "]"
    if isinstance(value, Fraction):
        return f"ratio({value.numerator}, {value.denominator})"
    return str(value)


def _show(term: Term) -> tuple[str, int]:
    """Text and precedence."""
    if isinstance(term, Var):
        return term.name, ATOM
    if isinstance(term, Const):
        negative = isinstance(term.value, int) and not isinstance(term.value, bool) and term.value < 0
        return print_value(term.value), BY_NAME["neg"].precedence if negative else ATOM
    op = BY_NAME.get(term.op)
    if op is None:  # a call of an abstraction (`dsl.library`)
        return _call(term), ATOM
    if all(isinstance(arg, Const) for arg in term.args) and term.op in ("neg", "register"):
        return _call(term), ATOM  # `-3` and `[1, 2]` are literals, not applications
    if op.syntax == INFIX:
        tight = 1 if op.precedence == 5 else 0
        left, right = term.args
        return f"{_at(left, op.precedence + tight)} {op.symbol} {_at(right, op.precedence + 1)}", op.precedence
    if op.syntax == PREFIX:
        gap = " " if op.symbol.isalpha() else ""
        return op.symbol + gap + _at(term.args[0], op.precedence + (term.op == "neg")), op.precedence
    match term.op:
        case "if":
            c, a, b = (print_term(arg) for arg in term.args)
            return f"if {c} then {a} else {b}", op.precedence
        case "index":
            return f"{_at(term.args[0], op.precedence)}[{print_term(term.args[1])}]", op.precedence
        case "register":
            return "[" + ", ".join(map(print_term, term.args)) + "]", ATOM
        case _:
            return _call(term), ATOM


def _call(term: Apply) -> str:
    return f"{term.op}({', '.join(map(print_term, term.args))})"


def _at(term: Term, precedence: int) -> str:
    text, actual = _show(term)
    return text if actual >= precedence else f"({text})"


def print_program(program: Program) -> str:
    """The program as DSL text, one definition a line, ending in a newline."""
    parameters = ", ".join(f"{v.name}: {v.type}" for v in program.inputs)
    head = f"{program.name}({parameters}) -> {_types(program.output_types)}"
    outputs = ", ".join(map(print_term, program.outputs))
    match program:
        case Function():
            if not program.lets:
                return f"function {head} = {outputs}\n"
            return "\n".join([f"function {head}", *_lets(program.lets), f"  = {outputs}"]) + "\n"
        case Machine():
            lines = [f"machine {head}"]
            lines += [f"  state {s.name}: {s.type} = {print_value(s.initial)}" for s in program.states]
            lines += _lets(program.lets)
            lines += [f"  next {s.name} = {print_term(s.update)}" for s in program.states]
            return "\n".join([*lines, f"  output {outputs}"]) + "\n"
        case SequenceProgram():
            causal = "causal " if program.causal else ""
            lines = [f"{causal}sequence {head}", *map(_step, program.steps)]
            return "\n".join([*lines, f"  output {outputs}"]) + "\n"


def _types(kinds: tuple[Type, ...]) -> str:
    return ", ".join(map(str, kinds))


def _lets(lets: tuple[tuple[str, Term], ...]) -> list[str]:
    return [f"  let {name} = {print_term(term)}" for name, term in lets]


def _step(item: Let | Select | Aggregate) -> str:
    match item:
        case Let(name, term):
            return f"  let {name} = {print_term(term)}"
        case Select(name, predicate):
            return f"  select {name} = {print_term(predicate)}"
        case Aggregate(name, "count", selection, _, _):
            return f"  aggregate {name} = count({selection})"
        case Aggregate(name, kind, selection, term, default):
            return f"  aggregate {name} = {kind}({selection}, {print_term(term)}) else {print_value(default)}"
