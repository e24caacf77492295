"""The language of a grammar, as the engine wants it: leaves and operator rows with kinds, and how terms print.

Each production is one operator row whose meaning is its body, so grammars over defined functions need no case of their
own; each nonterminal is a kind of its own. Integers and words are carried as int64, truth values packed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.terms import Apply, Const, Term, Var, constant
from dsl.types import BOOL, INT, IntType, Type
from extract.search.engine import kernels
from extract.search.engine.language import Language
from extract.search.engine.lowering import NUMBER, TRUTH, Row, is_truth, same_bits
from extract.search.engine.problem import Array
from extract.sygus.meaning import compiled, parts, reach_of, value_of
from extract.sygus.normal import Production, normal_form
from extract.sygus.sexpr import SExpr, show
from extract.sygus.task import Definition, Function, Grammar, inline
from extract.sygus.words import SURVEY, as_word, carried, unsigned

OPERATOR_COST = 2
COMMUTATIVE = {"bvand", "bvor", "bvxor", "bvadd", "bvmul", "and", "or", "xor", "+", "*", "=", "distinct", "bvnand",
               "bvnor", "bvxnor"}  # fmt: skip
IDLE = {"bvand", "bvor", "bvxor", "bvsub", "-", "and", "or", "=", "distinct", "bvult", "bvule", "bvugt", "bvuge",
        "<", "<=", ">", ">=", "bvslt", "bvsle", "bvsgt", "bvsge"}  # fmt: skip
INTEGER_SURVEY = {"+": kernels.ADD, "-": kernels.SUBTRACT, "*": kernels.MULTIPLY}
PACKED: dict[str, tuple[Callable[..., Any], int]] = {
    "and": (np.bitwise_and, kernels.AND), "or": (np.bitwise_or, kernels.OR), "xor": (np.bitwise_xor, kernels.XOR),
    "not": (np.invert, 0), "=": (same_bits, 0),
}  # fmt: skip


class GrammarLanguage:
    """The language of a function's grammar. `leaves` are terms with the kinds that derive them."""

    def __init__(
        self, function: Function, grammar: Grammar, definitions: Mapping[str, Definition], constants: Sequence[int]
    ) -> None:
        self.definitions = dict(definitions)
        self.normal = normal_form(function, grammar, self.definitions, constants)
        self.start = grammar.nonterminals[0][0]
        self.integer, self.width = _theory(self.normal.sorts.values())
        self.kinds = self._number_kinds()
        self.leaves: dict[Term, list[int]] = {}
        self.spelling: dict[Term, SExpr] = {}
        self.templates: dict[str, SExpr] = {}
        self.rows: dict[str, Row] = {}
        self.conditional: tuple[str, int, Callable[[Array], Array]] | None = None
        for name, leaves in self.normal.leaves.items():
            for leaf in leaves:
                term = self._leaf(leaf, self.normal.sorts[name])
                self.leaves.setdefault(term, []).append(self.kinds[name])
                self.spelling.setdefault(term, leaf)
        for production in self.normal.productions:
            self._add(production)

    def _number_kinds(self) -> dict[str, int]:
        """Start and the condition of its conditional come first; truth values are odd."""
        sorts = self.normal.sorts
        conditions = [p.holes[0] for p in self.normal.productions
                      if p.result == self.start and p.holes[1:] == (self.start,) * 2]  # fmt: skip
        free = {NUMBER: NUMBER, TRUTH: TRUTH}
        kinds: dict[str, int] = {}
        for name in dict.fromkeys([self.start, *conditions, *sorts]):
            representation = TRUTH if sorts[name] == "Bool" else NUMBER
            kinds[name] = free[representation]
            free[representation] += 2
        return kinds

    def _leaf(self, leaf: SExpr, sort: SExpr) -> Term:
        value = value_of(inline(leaf, self.definitions))
        return Var(str(leaf), self._type(sort)) if value is None else constant(value)

    @staticmethod
    def _type(sort: SExpr) -> Type:
        return BOOL if sort == "Bool" else INT if sort == "Int" else IntType(0, (1 << int(str(sort[2]))) - 1)

    def _add(self, production: Production) -> None:
        names = tuple(f"?{i}" for i in range(len(production.holes)))
        body = inline(production.template, self.definitions)
        arguments = tuple(self.kinds[hole] for hole in production.holes)
        result = self.kinds[production.result]
        key = f"{production.result} {show(production.template)} {' '.join(production.holes)}"
        if not 1 <= len(arguments) <= 3:
            raise Unsupported(
                f"expected 1 to 3 nonterminals or variables, got {show(production.template)} in the grammar"
            )
        head = str(body[0])
        plain = isinstance(body, tuple) and body[1:] == names
        same = plain and len(names) == 2 and arguments[0] == arguments[1]
        packed = plain and head in PACKED and all(map(is_truth, arguments))
        survey = 0
        if packed:
            survey = PACKED[head][1] if same else 0
        elif same and not self.integer and (self.width == 64 or head in ("bvand", "bvor", "bvxor")):
            survey = SURVEY.get(head, 0)
        elif same and self.integer:
            survey = INTEGER_SURVEY.get(head, 0)
        self.templates[key] = production.template
        self.rows[key] = Row(
            key, arguments, result, OPERATOR_COST,
            PACKED[head][0] if packed else self._meaning(body, names),
            packed=packed, commutative=same and head in COMMUTATIVE, idempotent=same and head in IDLE, survey=survey,
            reach=reach_of(body, names) if self.integer and not packed else None,
        )  # fmt: skip
        start = self.kinds[self.start]
        if result == start and arguments[1:] == (start, start) and arguments[0] in (NUMBER, TRUTH):
            self._note_conditional(key, body, arguments[0])

    def _meaning(self, body: SExpr, names: tuple[str, ...]) -> Callable[..., Any]:
        run = compiled(body, names, self.width)
        return run if self.integer else lambda *args: carried(run(*map(unsigned, args)))

    def _note_conditional(self, key: str, body: SExpr, kind: int) -> None:
        match body:
            case ("ite", test, "?1", "?2") if holes_in(test) == {"?0"}:
                holds = self._meaning(test, ("?0",))
                self.conditional = (key, kind, holds)

    def language(self) -> Language:
        """As the engine wants it; leaves cost 1."""
        key, kind, holds = self.conditional or ("", TRUTH, lambda v: v)
        return Language(
            table=tuple(self.rows.values()),
            apply=self.apply,
            evaluate=self.evaluate,
            fits=lambda problem, pool: iter(()),
            choose=(lambda c, a, b: a if a == b else self.apply(key, (c, a, b))) if self.conditional else None,
            choose_cost=OPERATOR_COST,
            condition_kind=kind,
            holds=holds,
            literal_cost=lambda value: 1,
            kinds=self.kinds_of,
        )

    def kinds_of(self, term: Term) -> tuple[int, ...]:
        """The kinds that derive a term of this language."""
        return (self.rows[term.op].result,) if isinstance(term, Apply) else tuple(self.leaves.get(term, ()))

    def apply(self, operator: str, args: tuple[Term, ...]) -> Term:
        """An application of a production."""
        sort = self.normal.sorts[operator.split(" ", 1)[0]]
        return Apply(operator, args, self._type(sort))

    def evaluate(self, term: Term, env: Mapping[str, Array]) -> Array:
        """The term's values on columns of words."""
        memo: dict[int, Array] = {}
        size = next(iter(env.values())).shape if env else (1,)

        def value(t: Term) -> Array:
            if isinstance(t, Var):
                return env[t.name]
            if isinstance(t, Const):
                return np.full(size, t.value if isinstance(t.value, bool) else as_word(int(str(t.value))))
            if id(t) not in memo:
                row = self.rows[t.op]
                given = map(value, t.args)
                memo[id(t)] = PACKED_PLAIN[row.meaning](*given) if row.packed else row.meaning(*given)
            return memo[id(t)]

        return value(term)

    def print(self, term: Term) -> SExpr:
        """The term in the grammar's own words."""
        if not isinstance(term, Apply):
            return self.spelling[term]
        return self._fill(self.templates[term.op], tuple(map(self.print, term.args)))

    def _fill(self, template: SExpr, given: tuple[SExpr, ...]) -> SExpr:
        if isinstance(template, str):
            return given[int(template[1:])] if template.startswith("?") else template
        return tuple(self._fill(part, given) for part in template)


PACKED_PLAIN: dict[Any, Callable[..., Any]] = {
    np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.bitwise_xor: np.logical_xor,
    np.invert: np.logical_not, same_bits: np.equal,
}  # fmt: skip


def holes_in(template: SExpr) -> set[str]:
    """The holes of a template."""
    return {e for e in parts(template) if isinstance(e, str) and e.startswith("?")}


def _theory(sorts: Iterable[SExpr]) -> tuple[bool, int]:
    """Whether numbers are integers, and the width of words. Raises `Unsupported` for mixtures and wide words."""
    widths = {int(str(sort[2])) for sort in sorts if isinstance(sort, tuple)}
    if "Int" in sorts and widths:
        raise Unsupported("expected a grammar over integers or over bit-vectors, got one over both")
    if len(widths) > 1 or max(widths, default=1) > 64:
        raise Unsupported(f"expected one bit-vector width up to 64 in a grammar, got {sorted(widths)}")
    return "Int" in sorts, widths.pop() if widths else 64
