"""Text to programs. The grammar is `grammar.lark` plus operator rules made from the rows of `dsl.ops`.

`parse` reads a program, `parse_term` a single term over given variables. Errors are `ParseError`, with line,
column and a caret, also when the text is grammatical but ill-typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from dsl.errors import EvaluationError, ParseError, TypeMismatch
from dsl.ops import BY_NAME, INFIX, OPS, PREFIX, apply
from dsl.programs import (
    AGGREGATES,
    POSITION,
    Aggregate,
    Function,
    Let,
    Machine,
    Program,
    Select,
    SequenceProgram,
    State,
    aggregate_type,
)
from dsl.terms import Const, Term, Var, constant
from dsl.types import BOOL, INT, REAL, IntType, RealType, RegisterType, Type, Value, type_of

NON_ASSOCIATIVE = 5  # the level of comparisons: `a < b < c` is an error, not a surprise
Scope = dict[str, Type]
Node = Any  # a lark tree or token; the children of a tree are nodes, or None where something optional is absent


def grammar() -> str:
    """The full lark grammar: program shapes from grammar.lark, one rule per precedence level from the table."""
    shapes = (Path(__file__).parent / "grammar.lark").read_text()
    levels = sorted({op.precedence for op in OPS if op.syntax in (PREFIX, INFIX)})
    rules = [f'?term: "if" term "then" term "else" term -> if_\n     | level{levels[0]}']
    for level, tighter in zip(levels, [*(f"level{n}" for n in levels[1:]), "postfix"], strict=True):
        lines = [f"?level{level}: {tighter}"]
        for position, op in enumerate(OPS):
            left = tighter if level == NON_ASSOCIATIVE else f"level{level}"
            if op.precedence == level and op.syntax == INFIX:
                lines.append(f'{left} "{op.symbol}" {tighter} -> op{position}')
            elif op.precedence == level and op.syntax == PREFIX:
                lines.append(f'"{op.symbol}" level{level} -> op{position}')
        rules.append("\n     | ".join(lines))
    rules.append('?postfix: atom\n     | postfix "[" term "]" -> index')
    return shapes + "\n" + "\n\n".join(rules) + "\n"


@cache
def _parser(start: str) -> Lark:
    return Lark(grammar(), parser="lalr", start=start, propagate_positions=True, maybe_placeholders=True)


def parse(text: str) -> Program:
    """The program written in `text`. Raises `ParseError`."""
    try:
        return _Builder(text).program(_read(text, "start"))
    except RecursionError:
        raise ParseError("expected terms nested less deeply", text, 1, 1) from None


def parse_term(text: str, scope: Mapping[str, Type]) -> Term:
    """The term written in `text` over variables of the given types. Raises `ParseError`."""
    try:
        return _Builder(text).term(_read(text, "term"), dict(scope))
    except RecursionError:
        raise ParseError("expected a term nested less deeply", text, 1, 1) from None


def _read(text: str, start: str) -> Node:
    try:
        tree = _parser(start).parse(text)
    except UnexpectedCharacters as error:
        raise ParseError(f"expected a symbol of the language, got {text[error.pos_in_stream]!r}", text, error.line,
                         error.column) from None
    except UnexpectedEOF:
        raise ParseError("expected more, got the end of the text", text, len(text.splitlines()), 1) from None
    except UnexpectedToken as error:
        spelled = (_spelling(name) for name in error.expected if name not in ("QUALIFIED", "NUMBERS"))
        wanted = sorted(spelled, key=lambda text: (text.startswith("'"), text))
        listed = ", ".join(wanted[:6]) + (", ..." if len(wanted) > 6 else "")
        if error.token.type == "$END":
            last = (text.rstrip().splitlines() or [""])[-1]
            line = max(len(text.rstrip().splitlines()), 1)
            raise ParseError(f"expected {listed}, got the end of the text", text, line, len(last) + 1) from None
        raise ParseError(f"expected {listed}, got {str(error.token)!r}", text, error.line, error.column) from None
    except UnexpectedInput as error:
        raise ParseError("expected a program", text, error.line, error.column) from None
    return tree if isinstance(tree, Tree) else Tree("name", [tree])


def _spelling(terminal: str) -> str:
    pattern = next((t.pattern for t in _parser("start").terminals if t.name == terminal), None)
    return {"NAME": "a name", "INT": "a number"}.get(terminal, repr(pattern.value) if pattern else terminal)


class _Builder:
    """Turns a parse tree into a typed program; `text` is kept for error carets."""

    def __init__(self, text: str) -> None:
        self.text = text

    def program(self, tree: Node) -> Program:
        try:
            return getattr(self, tree.data)(tree)
        except TypeMismatch as error:
            raise self.error(str(error), tree) from None

    def error(self, message: str, tree: Node) -> ParseError:
        meta = tree if isinstance(tree, Token) else tree.meta
        return ParseError(message, self.text, getattr(meta, "line", 1) or 1, getattr(meta, "column", 1) or 1)

    # --- program shapes

    def function(self, tree: Node) -> Function:
        name, parameters, kinds, *definitions, terms = tree.children
        inputs = self.parameters(parameters)
        scope = {v.name: v.type for v in inputs}
        lets = tuple(self.definition(d, scope) for d in definitions)
        return Function(str(name), inputs, self.types(kinds), lets, self.terms(terms, scope))

    def machine(self, tree: Node) -> Machine:
        name, parameters, kinds, *items, terms = tree.children
        inputs = self.parameters(parameters)
        scope = {v.name: v.type for v in inputs}
        declared: dict[str, tuple[Type, Value]] = {}
        for item in items:
            if item.data == "state":
                label, kind_tree, initial = item.children
                if str(label) in scope:
                    raise self.error(f"expected a new name, got {label} again", label)
                kind = self.type(kind_tree)
                declared[str(label)] = (kind, self.literal(initial))
                scope[str(label)] = kind
        lets = tuple(self.definition(item, scope) for item in items if item.data == "definition")
        updates: dict[str, Term] = {}
        for item in items:
            if item.data == "update":
                label, term = item.children
                if str(label) not in declared:
                    raise self.error(f"expected a state variable, got {label}", label)
                if str(label) in updates:
                    raise self.error(f"expected one update of {label}, got a second", label)
                updates[str(label)] = self.term(term, scope)
        for label in declared:
            if label not in updates:
                raise self.error(f"expected an update `next {label} = ...`, got none", tree)
        states = tuple(State(label, kind, initial, updates[label]) for label, (kind, initial) in declared.items())
        after = scope | {label + "'": kind for label, (kind, _) in declared.items()}
        return Machine(str(name), inputs, self.types(kinds), states, lets, self.terms(terms, after))

    def sequence(self, tree: Node) -> SequenceProgram:
        causal, name, parameters, kinds, *items, terms = tree.children
        inputs = self.parameters(parameters)
        scope: Scope = {"i": POSITION, "n": POSITION} | {v.name: v.type for v in inputs}
        steps: list[Let | Select | Aggregate] = []
        for item in items:
            if item.data == "definition":
                steps.append(Let(*self.definition(item, scope)))
            elif item.data == "selection":
                label, term = item.children
                both = {f"{side}.{n}": t for n, t in scope.items() for side in ("key", "query")}
                steps.append(Select(str(label), self.term(term, both)))
            else:
                aggregation = self.aggregation(item, scope)
                steps.append(aggregation)
                scope[aggregation.name] = aggregate_type(aggregation)
        outputs = self.terms(terms, scope)
        return SequenceProgram(str(name), inputs, self.types(kinds), causal is not None, tuple(steps), outputs)

    def aggregation(self, tree: Node, scope: Scope) -> Aggregate:
        label, kind, selection, term, default = tree.children
        if str(kind) not in AGGREGATES:
            raise self.error(f"expected one of {', '.join(AGGREGATES)}, got {kind}", kind)
        if (term is None) != (str(kind) == "count"):
            raise self.error(f"expected {'a selection alone' if term else 'a selection and a term'} in {kind}", kind)
        if term is None and default is not None:
            raise self.error("expected no default in count", default)
        value = 0 if default is None else self.literal(default)
        summand = constant(1) if term is None else self.term(term, scope)
        return Aggregate(str(label), str(kind), str(selection), summand, value)

    # --- parts

    def parameters(self, tree: Node) -> tuple[Var, ...]:
        return tuple(Var(str(p.children[0]), self.type(p.children[1])) for p in tree.children if p is not None)

    def types(self, tree: Node) -> tuple[Type, ...]:
        return tuple(self.type(child) for child in tree.children)

    def terms(self, tree: Node, scope: Scope) -> tuple[Term, ...]:
        return tuple(self.term(child, scope) for child in tree.children)

    def definition(self, tree: Node, scope: Scope) -> tuple[str, Term]:
        """The definition, which is then in scope for what follows."""
        label, term_tree = tree.children
        if str(label) in scope:
            raise self.error(f"expected a new name, got {label} again", label)
        term = self.term(term_tree, scope)
        scope[str(label)] = term.type
        return str(label), term

    def type(self, tree: Node) -> Type:
        match tree.data:
            case "named_type":
                kind = {"bool": BOOL, "int": INT}.get(str(tree.children[0]))
                if kind is None:
                    name = tree.children[0]
                    raise self.error(f"expected bool, int, real, LOW..HIGH or [TYPE; LENGTH], got {name}", tree)
                return kind
            case "real_type":
                return REAL
            case "register_type":
                if int(tree.children[1]) < 1:
                    raise self.error("expected a register of at least one element, got 0", tree)
                return RegisterType(self.type(tree.children[0]), int(tree.children[1]))
            case _:
                low, high = (None if b is None else self.bound(b) for b in tree.children)
                if low is not None and high is not None and low > high:
                    raise self.error(f"expected LOW..HIGH with LOW at most HIGH, got {low}..{high}", tree)
                if tree.data == "real_range":
                    return RealType(low, high)
                for end in (low, high):
                    if end is not None and end.denominator != 1:
                        raise self.error(f"expected whole numbers (or real({low}..{high})), got {end}", tree)
                return IntType(None if low is None else int(low), None if high is None else int(high))

    def bound(self, tree: Node) -> Fraction:
        minus, numerator, denominator = tree.children
        if denominator is not None and int(denominator) == 0:
            raise self.error("expected a fraction, got a denominator of 0", denominator)
        return Fraction(int(numerator), int(denominator or 1)) * (-1 if minus else 1)

    def literal(self, tree: Node) -> Value:
        from dsl.semantics import evaluate

        term = self.term(tree, {})
        try:
            return evaluate(term, {})
        except EvaluationError as error:
            raise self.error(str(error), tree) from None

    def term(self, tree: Node, scope: Scope) -> Term:
        try:
            return self._term(tree, scope)
        except TypeMismatch as error:
            raise self.error(str(error), tree) from None

    def _term(self, tree: Node, scope: Scope) -> Term:
        match tree.data:
            case "number":
                return constant(int(tree.children[0]))
            case "numbers":
                return constant(tuple(map(int, str(tree.children[0])[1:-1].split(","))))
            case "name":
                name = str(tree.children[0])
                if name in ("true", "false"):
                    return Const(name == "true", BOOL)
                if name not in scope:
                    raise self.error(f"expected one of {', '.join(scope) or 'no variables'}, got {name}", tree)
                return Var(name, scope[name])
        if tree.data == "call":
            name, *children = tree.children
            args = tuple(self.term(child, scope) for child in children if child is not None)
            if str(name) == "ratio":
                return _ratio(args)
            return apply(str(name), args)
        args = tuple(self.term(child, scope) for child in tree.children)
        if tree.data == "literal":
            values = tuple(arg.value for arg in args if isinstance(arg, Const))
            return Const(values, type_of(values)) if len(values) == len(args) else apply("register", args)
        if tree.data in ("if_", "index"):
            return apply(tree.data.rstrip("_"), args)
        op = OPS[int(tree.data.removeprefix("op"))]
        if op.name == "neg" and isinstance(args[0], Const) and not isinstance(args[0].value, bool | tuple):
            return constant(-args[0].value)
        return apply(op.name, args)


def _ratio(args: tuple[Term, ...]) -> Const:
    values = [arg.value for arg in args if isinstance(arg, Const) and isinstance(arg.value, int)]
    if len(values) != 2 or len(args) != 2 or values[1] == 0:
        raise TypeMismatch("expected ratio(INTEGER, NON-ZERO INTEGER)")
    return constant(Fraction(values[0], values[1]))


assert "ratio" not in BY_NAME
