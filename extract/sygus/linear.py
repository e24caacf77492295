"""Conditional linear integer arithmetic: SMT-LIB read as terms of the language, and terms written as SMT-LIB.

`max`, `min` and `abs` are operators to the search; an answer spells them with `ite`, naming arguments that are not
atoms by `let` so that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dsl import ops
from dsl.errors import Unsupported
from dsl.terms import Apply, Const, Term, Var, constant
from dsl.types import BOOL, INT
from extract.search.engine.distil import linear_term
from extract.sygus.meaning import number
from extract.sygus.sexpr import SExpr

SPELLING = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "and": "and", "or": "or", "not": "not", "if": "ite",
            "+": "+", "-": "-", "*": "*", "neg": "-", "xor": "xor"}  # fmt: skip


def to_term(expression: SExpr, variables: Mapping[str, Var]) -> Term | None:
    """The expression as a term of the language, or None where it uses something else."""
    if isinstance(expression, str):
        value = number(expression)
        if expression in ("true", "false"):
            return constant(expression == "true")
        return variables.get(expression) if value is None else constant(value)
    parts = [to_term(part, variables) for part in expression[1:]]
    same = ("<", "<=", ">", ">=", "and", "or", "not", "+", "-", "*")
    names = {"=": "==", "ite": "if"} | {name: name for name in same}
    if not isinstance(expression[0], str) or any(part is None for part in parts):
        return None
    name = names.get(expression[0])
    terms = [part for part in parts if part is not None]
    if name == "-" and len(terms) == 1:
        return ops.apply("neg", (terms[0],))
    if name is None or not terms:
        return None
    if name in ("not", "if"):
        return ops.apply(name, tuple(terms))
    result = terms[0]
    for term in terms[1:]:
        result = ops.apply(name, (result, term))
    return result


def linear_form(term: Term) -> tuple[dict[str, int], int] | None:
    """Coefficients by variable and the constant of a linear term, or None."""
    match term:
        case Var(name, kind) if kind != BOOL:
            return {name: 1}, 0
        case Const(value, _) if isinstance(value, int) and not isinstance(value, bool):
            return {}, value
        case Apply("+" | "-" as sign, (a, b)):
            left, right = linear_form(a), linear_form(b)
            if left is None or right is None:
                return None
            factor = 1 if sign == "+" else -1
            names = dict.fromkeys([*left[0], *right[0]])
            return {n: left[0].get(n, 0) + factor * right[0].get(n, 0) for n in names}, left[1] + factor * right[1]
        case Apply("neg", (a,)):
            form = linear_form(a)
            return None if form is None else ({n: -c for n, c in form[0].items()}, -form[1])
        case Apply("*", (a, b)):
            left, right = linear_form(a), linear_form(b)
            if left is None or right is None:
                return None
            if any(left[0].values()):
                left, right = right, left
            if any(left[0].values()):
                return None
            return {n: left[1] * c for n, c in right[0].items()}, left[1] * right[1]
    return None


def tidy(term: Term) -> Term:
    """The term with its linear parts written as sums of multiples."""
    form = linear_form(term)
    if form is not None:
        names = [n for n, c in form[0].items() if c]
        return linear_term([Var(n, INT) for n in names], [*(form[0][n] for n in names), form[1]])
    return ops.apply(term.op, tuple(map(tidy, term.args))) if isinstance(term, Apply) else term


def to_text(term: Term) -> SExpr:
    """The term as SMT-LIB."""
    names: list[str] = []
    return _print(term, names)


def _print(term: Term, names: list[str]) -> SExpr:
    match term:
        case Var(name, _):
            return name
        case Const(bool() as value, _):
            return "true" if value else "false"
        case Const(value, _):
            return str(value) if isinstance(value, int) and value >= 0 else ("-", str(-int(str(value))))
        case Apply("if", (Apply("not", (condition,)), a, b)):
            return ("ite", *(_print(part, names) for part in (condition, b, a)))
        case Apply("max" | "min" as which, (a, b)):
            return _named([a, b], names, lambda x, y: ("ite", (">=" if which == "max" else "<=", x, y), x, y))
        case Apply("abs", (a,)):
            return _named([a], names, lambda x: ("ite", (">=", x, "0"), x, ("-", x)))
        case Apply("!=", (a, b)):
            return ("not", ("=", _print(a, names), _print(b, names)))
        case Apply("==", args) if str(args[0].type) == "bool":
            return ("=", *(_print(arg, names) for arg in args))
        case Apply("+" | "and" | "or" as op, _):
            return (op, *(_print(part, names) for part in _flat(op, term)))
        case Apply(op, args) if op in SPELLING:
            return (SPELLING[op], *(_print(arg, names) for arg in args))
    raise Unsupported(f"expected a term of linear integer arithmetic, got {term}")


def _flat(op: str, term: Term) -> list[Term]:
    """The arguments of nested applications of an associative operator."""
    if isinstance(term, Apply) and term.op == op:
        return [part for arg in term.args for part in _flat(op, arg)]
    return [term]


def _named(args: list[Term], names: list[str], build: Callable[..., SExpr]) -> SExpr:
    """`build` on the arguments' texts, those that are not atoms bound by `let`."""
    bindings: list[SExpr] = []
    texts: list[SExpr] = []
    for arg in args:
        text = _print(arg, names)
        if not isinstance(text, str):
            names.append(f"_{len(names) + 1}")
            bindings.append((names[-1], text))
            text = names[-1]
        texts.append(text)
    body = build(*texts)
    return body if not bindings else ("let", tuple(bindings), body)
