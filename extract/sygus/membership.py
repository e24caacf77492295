"""Whether an expression can be derived in a grammar: the last word on answers that were found without it."""

from __future__ import annotations

from functools import cache

from extract.sygus.meaning import value_of
from extract.sygus.sexpr import SExpr, replace
from extract.sygus.task import Function, Grammar

FLAT = ("+", "and", "or", "*")


def spelled(e: SExpr) -> SExpr:
    """The expression without `let` and with associative operators applied to two arguments at a time."""
    if isinstance(e, str):
        return e
    if e[0] == "let":
        return spelled(replace(e, {}))
    parts = tuple(map(spelled, e))
    if parts[0] in FLAT and len(parts) > 3:
        result = parts[1]
        for part in parts[2:]:
            result = (parts[0], result, part)
        return result
    return parts


def derivable(e: SExpr, function: Function) -> bool:
    """Whether the function's grammar, if it has one, derives the expression."""
    grammar = function.grammar
    if grammar is None:
        return True
    names = dict(function.parameters)
    return _Membership(grammar, names).derives(e, grammar.nonterminals[0][0])


class _Membership:
    def __init__(self, grammar: Grammar, parameters: dict[str, SExpr]) -> None:
        self.grammar, self.parameters = grammar, parameters
        self.derives = cache(self._derives)

    def _derives(self, e: SExpr, symbol: str, seen: frozenset[str] = frozenset()) -> bool:
        if symbol in seen:  # a loop of lone nonterminals derives nothing new
            return False
        return any(self._matches(p, e, seen | {symbol}) for p in self.grammar.productions[symbol])

    def _matches(self, production: SExpr, e: SExpr, seen: frozenset[str]) -> bool:
        if isinstance(production, str):
            if production in self.grammar.productions:
                return self.derives(e, production, seen)
            return production == e
        if production[0] == "Constant" and len(production) == 2:
            return value_of(e) is not None
        if production[0] == "Variable" and len(production) == 2:
            return isinstance(e, str) and self.parameters.get(e) == production[1]
        if isinstance(e, str) or len(e) != len(production):
            return False
        nothing: frozenset[str] = frozenset()
        return e[0] == production[0] and all(
            self._matches(p, part, nothing) for p, part in zip(production[1:], e[1:], strict=True)
        )
