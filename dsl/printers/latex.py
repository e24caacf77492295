"""Programs as LaTeX: one `aligned` block, to be set in any display-math environment (needs amsmath and amssymb)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from dsl.ops import BY_NAME, INFIX, PREFIX
from dsl.programs import Aggregate, Function, Let, Machine, Program, Select, SequenceProgram
from dsl.terms import Const, Term, Var
from dsl.types import BoolType, IntType, RealType, RegisterType, Type, Value

ATOM = 14
CASES = "\\begin{cases} "
GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega"
)


def print_latex(program: Program) -> str:
    """The program as LaTeX."""
    return "\\begin{aligned}\n" + " \\\\\n".join(_rows(program)) + "\n\\end{aligned}\n"


def latex_term(term: Term) -> str:
    """The term as LaTeX."""
    return _show(term)[0]


def _rows(program: Program) -> Iterable[str]:
    arguments = ", ".join(_name(v.name) for v in program.inputs)
    yield f"& \\mathrm{{{_escape(program.name)}}}({arguments})" + "".join(
        f",\\quad {_name(v.name)} \\in {_type(v.type)}" for v in program.inputs
    )
    match program:
        case Function():
            yield from (f"{_name(name)} &:= {latex_term(term)}" for name, term in program.lets)
        case Machine():
            for state in program.states:
                name = _name(state.name)
                yield f"{name} &\\in {_type(state.type)},\\quad {name}_0 = {_value(state.initial)}"
            yield from (f"{_name(name)} &:= {latex_term(term)}" for name, term in program.lets)
            yield from (f"{_name(state.name)}' &:= {latex_term(state.update)}" for state in program.states)
        case SequenceProgram():
            yield from map(_step, program.steps)
    outputs = ", ".join(map(latex_term, program.outputs))
    kinds = " \\times ".join(map(_type, program.output_types))
    yield f"\\mathrm{{output}} &:= {outputs} \\in {kinds}"


def _step(item: Let | Select | Aggregate) -> str:
    match item:
        case Let(name, term):
            return f"{_name(name)}_q &:= {latex_term(term)}"
        case Select(name, predicate):
            return f"{_name(name)} &:= \\{{(q, k) : {latex_term(predicate)}\\}}"
        case Aggregate(name, "count", selection, _, _):
            return f"{_name(name)}_q &:= \\left|\\{{k : (q, k) \\in {_name(selection)}\\}}\\right|"
        case Aggregate(name, kind, selection, term, default):
            values = f"\\{{{latex_term(term)} : (q, k) \\in {_name(selection)}\\}}"
            return f"{_name(name)}_q &:= \\mathrm{{{kind}}} {values} \\text{{ or }} {_value(default)}"


def _show(term: Term) -> tuple[str, int]:
    """Text and precedence; the parentheses are the DSL's own."""
    if isinstance(term, Var):
        return _name(term.name), ATOM
    if isinstance(term, Const):
        negative = not isinstance(term.value, bool | tuple) and term.value < 0
        return _value(term.value), BY_NAME["neg"].precedence if negative else ATOM
    op = BY_NAME[term.op]
    if op.arity is None:
        return op.latex.format(items=", ".join(map(latex_term, term.args))), ATOM
    inner = 0
    if op.syntax in (INFIX, PREFIX) or op.name == "index":
        inner = op.precedence + (op.syntax == INFIX)
    args = [_at(arg, inner if _open(op.latex, hole) else 0) for hole, arg in enumerate(term.args)]
    if op.syntax == INFIX and op.associative and isinstance(term.args[0], type(term)) and term.args[0].op == term.op:
        args[0] = latex_term(term.args[0])
    if op.name == "if" and args[2].startswith(CASES):
        args[2] = args[2].removeprefix(CASES).removesuffix(" \\end{cases}")
        return f"{CASES}{args[1]} & {args[0]} \\\\ {args[2]} \\end{{cases}}", op.precedence
    first_is_open = op.latex.startswith("{0}") or op.syntax == PREFIX
    return op.latex.format(*args), op.precedence if first_is_open or op.name == "if" else ATOM


def _open(template: str, hole: int) -> bool:
    """Whether a hole of a template stands outside braces and parentheses, so that it may need its own."""
    before = template[: template.index(f"{{{hole}}}")]
    return not before.endswith(("{{", "(", "[", "|", ", "))


def _at(term: Term, precedence: int) -> str:
    text, actual = _show(term)
    return text if actual >= precedence else f"\\left({text}\\right)"


def _name(name: str) -> str:
    """One letter, a Greek letter, or upright-slanted words; digits at the end become an index."""
    side, _, rest = name.rpartition(".")
    prime = "'" * name.endswith("'")
    stem = rest.removesuffix("'").rstrip("0123456789")
    index = rest.removesuffix("'")[len(stem) :] + ("" if not side else side[0])
    stem = stem.rstrip("_") or stem
    shown = f"\\{stem}" if GREEK.fullmatch(stem) else stem if len(stem) == 1 else f"\\mathit{{{_escape(stem)}}}"
    return shown + (f"_{{{index}}}" if index else "") + prime


def _escape(name: str) -> str:
    return name.replace("_", r"\_")


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "\\top" if value else "\\bot"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"{'-' * (value < 0)}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    return str(value)


def _type(kind: Type) -> str:
    match kind:
        case BoolType():
            return "\\{\\bot, \\top\\}"
        case IntType(None, None):
            return "\\mathbb{Z}"
        case IntType(low, high):
            return "\\{" + ", ".join("\\ldots" if end == "" else str(end) for end in _listed(low, high)) + "\\}"
        case RealType():
            return "\\mathbb{Q}"
        case RegisterType(element, length):
            return f"{_type(element)}^{{{length}}}"


def _listed(low: int | None, high: int | None) -> list[int | str]:
    """A range as set-builder entries, `""` for dots; short ranges in full."""
    if low is not None and high is not None and high - low < 3:
        return list(range(low, high + 1))
    return [*([] if low is None else [low]), "", *([] if high is None else [high])]
