"""Bit-vectors up to 64 bits for the engine: SMT-LIB operators on numpy words, and the language of a grammar.

A word of width w is an unsigned 64-bit word below 2**w, carried as int64 in the bank. Each production of the grammar
is one operator row whose meaning is its body, so grammars over defined functions need no case of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.terms import Apply, Const, Term, Var
from dsl.types import BOOL, IntType, Type
from extract.search.engine import kernels
from extract.search.engine.language import Language
from extract.search.engine.lowering import NUMBER, TRUTH, Row
from extract.search.engine.problem import Array
from extract.sygus.sexpr import SExpr, show
from extract.sygus.task import Definition, Grammar, inline

U = np.uint64
OPERATOR_COST = 2


def literal(text: str) -> int | None:
    """The value of `#x...` or `#b...`, or None."""
    if text.startswith("#x"):
        return int(text[2:], 16)
    return int(text[2:], 2) if text.startswith("#b") else None


def _shift(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def shifted(a: Any, b: Any) -> Any:
        return np.where(b < U(64), operation(a, np.minimum(b, U(63))), U(0))

    return shifted


def _divide(a: Any, b: Any) -> Any:
    return np.where(b == 0, ~U(0), a // np.where(b == 0, U(1), b))


def _remainder(a: Any, b: Any) -> Any:
    return np.where(b == 0, a, a % np.where(b == 0, U(1), b))


OPERATORS: dict[str, Callable[..., Any]] = {
    "bvnot": np.invert,
    "bvneg": lambda a: U(0) - a,
    "bvand": np.bitwise_and,
    "bvor": np.bitwise_or,
    "bvxor": np.bitwise_xor,
    "bvadd": np.add,
    "bvsub": np.subtract,
    "bvmul": np.multiply,
    "bvudiv": _divide,
    "bvurem": _remainder,
    "bvshl": _shift(np.left_shift),
    "bvlshr": _shift(np.right_shift),
    "bvult": np.less,
    "bvule": np.less_equal,
    "bvugt": np.greater,
    "bvuge": np.greater_equal,
    "=": np.equal,
    "distinct": np.not_equal,
    "ite": np.where,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "not": np.logical_not,
    "=>": lambda a, b: ~a | b,
}
ASSOCIATIVE = {"bvand", "bvor", "bvxor", "bvadd", "bvmul", "and", "or", "xor"}
SURVEY = {"bvand": kernels.AND, "bvor": kernels.OR, "bvxor": kernels.XOR, "bvadd": kernels.ADD,
          "bvsub": kernels.SUBTRACT}  # fmt: skip
COMMUTATIVE = ASSOCIATIVE | {"=", "distinct"}
IDLE = {"bvand", "bvor", "bvxor", "bvsub", "=", "distinct", "bvult", "bvule", "bvugt", "bvuge"}


def compile_body(body: SExpr, holes: tuple[str, ...], width: int) -> Callable[..., Any]:
    """The meaning of an expression over named holes, on arrays of unsigned words."""
    mask = U((1 << width) - 1)

    def build(e: SExpr) -> Callable[[Mapping[str, Any]], Any]:
        if isinstance(e, str):
            if e in holes:
                return lambda env: env[e]
            value = {"true": np.bool_(True), "false": np.bool_(False)}.get(e)
            number = literal(e)
            if value is None and number is None:
                raise Unsupported(f"expected a bit-vector literal or a nonterminal, got {e}")
            fixed = value if number is None else U(number)
            return lambda env: fixed
        head = e[0]
        operation = OPERATORS.get(head) if isinstance(head, str) else None
        if operation is None:
            raise Unsupported(f"expected a bit-vector operator that netlift knows, got {show(head)}")
        if head in ("bvshl", "bvlshr") and isinstance(e[2], str) and (amount := literal(e[2])) is not None:
            plain = np.left_shift if head == "bvshl" else np.right_shift
            inner, by = build(e[1]), U(min(amount, 63))
            if amount >= width:
                return lambda env: np.zeros_like(inner(env))
            return lambda env: plain(inner(env), by) & mask if width < 64 else plain(inner(env), by)
        parts = [build(part) for part in e[1:]]
        if head in ASSOCIATIVE and len(parts) > 2:
            def fold(env: Mapping[str, Any]) -> Any:
                result = parts[0](env)
                for part in parts[1:]:
                    result = operation(result, part(env))
                return result

            return fold
        if width < 64 and head in ("bvnot", "bvneg", "bvadd", "bvsub", "bvmul", "bvshl", "bvudiv"):
            return lambda env: operation(*(part(env) for part in parts)) & mask
        return lambda env: operation(*(part(env) for part in parts))

    run = build(body)
    return lambda *args: run(dict(zip(holes, args, strict=True)))


class GrammarLanguage:
    """The language of a grammar: its leaves, its operator rows, and how rows print."""

    def __init__(self, grammar: Grammar, parameters: tuple[str, ...], definitions: dict[str, Definition]) -> None:
        self.grammar, self.parameters, self.definitions = grammar, parameters, definitions
        sorts = dict(grammar.nonterminals)
        widths = {int(str(sort[2])) for sort in sorts.values() if isinstance(sort, tuple)}
        if len(widths) != 1 or max(widths) > 64:
            raise Unsupported(f"expected one bit-vector width up to 64, got {sorted(widths)}")
        if len(set(map(show, sorts.values()))) < len(sorts):
            raise Unsupported("expected one nonterminal for each sort, got several")
        self.width = widths.pop()
        self.kinds = {name: NUMBER if isinstance(sort, tuple) else TRUTH for name, sort in sorts.items()}
        self.leaves: list[str] = []
        self.templates: dict[str, SExpr] = {}
        self.rows: list[Row] = []
        self.conditional: tuple[str, int, Callable[[Array], Array]] | None = None
        for name in sorts:
            for production in grammar.productions[name]:
                self._add(name, production)

    def _add(self, result: str, production: SExpr) -> None:
        if isinstance(production, str):
            if production in self.kinds:
                raise Unsupported(f"expected no production that is a lone nonterminal, got {production}")
            self.leaves.append(production)
            return
        holes: list[str] = []
        template = self._template(production, holes)
        if any(name in self._symbols(production) for name in self.parameters) and not holes:
            raise Unsupported(f"expected variables alone or beside nonterminals, got {show(production)}")
        names = tuple(f"?{i}" for i in range(len(holes)))
        body = inline(template, self.definitions)
        meaning = compile_body(body, names, self.width)
        arguments = tuple(self.kinds[hole] for hole in holes)
        key = show(production)
        self.templates[key] = template
        head = str(body[0])
        plain = isinstance(body, tuple) and len(body) == 3 and body[1:] == names and arguments[0] == arguments[-1]
        self.rows.append(Row(
            key, arguments, self.kinds[result], OPERATOR_COST, self._words(meaning, arguments),
            commutative=plain and head in COMMUTATIVE, idempotent=plain and head in IDLE,
            survey=SURVEY.get(head, 0) if plain and self.width == 64 else 0,
        ))  # fmt: skip
        self._note_conditional(key, body, names, arguments)

    def _template(self, e: SExpr, holes: list[str]) -> SExpr:
        if isinstance(e, str):
            if e in self.kinds:
                holes.append(e)
                return f"?{len(holes) - 1}"
            return e
        return (e[0], *(self._template(part, holes) for part in e[1:]))

    def _symbols(self, e: SExpr) -> set[str]:
        return {e} if isinstance(e, str) else set().union(*map(self._symbols, e))

    @staticmethod
    def _words(meaning: Callable[..., Any], arguments: tuple[int, ...]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            result = meaning(*(a.view(U) if k == NUMBER else a for a, k in zip(args, arguments, strict=True)))
            return result.view(np.int64) if result.dtype == U else result

        return run

    def _note_conditional(self, key: str, body: SExpr, names: tuple[str, ...], arguments: tuple[int, ...]) -> None:
        match body:
            case ("ite", test, "?1", "?2") if self._symbols(test) & set(names) == {"?0"}:
                holds = compile_body(test, ("?0",), self.width)
                self.conditional = (key, arguments[0], lambda v: holds(v.view(U) if v.dtype != bool else v))

    def language(self) -> Language:
        """As the engine wants it; leaves cost 1."""
        key, kind, holds = self.conditional or ("", TRUTH, lambda v: v)
        return Language(
            table=tuple(self.rows),
            apply=self.apply,
            evaluate=self.evaluate,
            fits=lambda problem, pool: iter(()),
            choose=(lambda c, a, b: a if a == b else self.apply(key, (c, a, b))) if self.conditional else None,
            choose_cost=OPERATOR_COST,
            condition_kind=kind,
            holds=holds,
            literal_cost=lambda value: 1,
        )

    def apply(self, operator: str, args: tuple[Term, ...]) -> Term:
        """An application of a production."""
        row = next(row for row in self.rows if row.operator == operator)
        return Apply(operator, args, self._type(row.result))

    def _type(self, kind: int) -> Type:
        return IntType(0, (1 << self.width) - 1) if kind == NUMBER else BOOL

    def evaluate(self, term: Term, env: Mapping[str, Array]) -> Array:
        """The term's values on columns of words."""
        meanings = {row.operator: row.meaning for row in self.rows}
        memo: dict[int, Array] = {}

        def value(t: Term) -> Array:
            if isinstance(t, Var):
                return env[t.name]
            if isinstance(t, Const):
                size = next(iter(env.values())).shape
                return np.full(size, t.value if isinstance(t.value, bool) else as_word(int(str(t.value))))
            if id(t) not in memo:
                memo[id(t)] = meanings[t.op](*map(value, t.args))
            return memo[id(t)]

        return value(term)

    def print(self, term: Term) -> SExpr:
        """The term in the grammar's own words."""
        if isinstance(term, Var):
            return term.name
        if isinstance(term, Const):
            if isinstance(term.value, bool):
                return "true" if term.value else "false"
            return next(leaf for leaf in self.leaves if literal(leaf) == term.value)
        return self._fill(self.templates[term.op], tuple(map(self.print, term.args)))

    def _fill(self, template: SExpr, parts: tuple[SExpr, ...]) -> SExpr:
        if isinstance(template, str):
            return parts[int(template[1:])] if template.startswith("?") else template
        return tuple(self._fill(part, parts) for part in template)


def as_word(value: int) -> np.int64:
    """An unsigned value below 2**64 as the int64 of the same bits."""
    return np.int64(value - (1 << 64) if value >= 1 << 63 else value)
