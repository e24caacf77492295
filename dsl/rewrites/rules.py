"""The rules as data: name, left side, right side, condition. `a b c` are any terms, `k l` constants, `p q` conditions.

A rule is applied where its left side matches (commutative operators in either order), its condition holds and the
cost falls; rules marked NEUTRAL choose between two ways of writing that cost the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dsl.errors import TypeMismatch
from dsl.ops import BY_NAME
from dsl.terms import Apply, Const, Term, Var, substitute
from dsl.types import BOOL, INT, BoolType, IntType

Binding = Mapping[str, Term]
Condition = Callable[[Binding], bool]
METAVARIABLES = {**dict.fromkeys("abckl", INT), **dict.fromkeys("pq", BOOL)}
NEUTRAL = True


@dataclass(frozen=True, slots=True)
class Rule:
    """`left` becomes `right`, both DSL text over metavariables, where `condition` holds."""

    name: str
    left: str
    right: str
    condition: Condition = lambda binding: True
    neutral: bool = False


def _value(term: Term) -> Any:
    assert isinstance(term, Const)
    return term.value


def _integer(*names: str) -> Condition:
    return lambda binding: all(isinstance(binding[name].type, IntType) for name in names)


def _apart(difference: int) -> Condition:
    """The constants satisfy l = k + difference."""
    return lambda b: _integer("a", "k", "l")(b) and _value(b["l"]) == _value(b["k"]) + difference


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("double negation",        "not not p",                              "p"),
    Rule("not less",               "not (a < b)",                            "a >= b"),
    Rule("not at most",            "not (a <= b)",                           "a > b"),
    Rule("not greater",            "not (a > b)",                            "a <= b"),
    Rule("not at least",           "not (a >= b)",                           "a < b"),
    Rule("not equal",              "not (a == b)",                           "a != b"),
    Rule("not unequal",            "not (a != b)",                           "a == b"),
    Rule("not exactly one",        "not (p xor q)",                          "p == q"),
    Rule("neither",                "not p and not q",                        "not (p or q)"),
    Rule("not both",               "not p or not q",                         "not (p and q)"),
    Rule("not both, one negated",  "not (p and not q)",                      "not p or q"),
    Rule("neither, one negated",   "not (p or not q)",                       "not p and q"),
    Rule("differ from negation",   "p xor not q",                            "p == q"),
    Rule("equal to negation",      "p == (not q)",                           "p xor q"),
    Rule("unequal truth values",   "p != q",                                 "p xor q",  neutral=NEUTRAL),
    Rule("equal to true",          "p == true",                              "p"),
    Rule("equal to false",         "p == false",                             "not p"),
    Rule("equal to itself",        "a == a",                                 "true"),
    Rule("unequal to itself",      "a != a",                                 "false"),
    Rule("both or one",            "p and (p or q)",                         "p"),
    Rule("one or both",            "p or (p and q)",                         "p"),
    Rule("if true",                "if true then a else b",                  "a"),
    Rule("if false",               "if false then a else b",                 "b"),
    Rule("if either way",          "if p then a else a",                     "a"),
    Rule("if not",                 "if not p then a else b",                 "if p then b else a"),
    Rule("if as truth value",      "if p then true else false",              "p"),
    Rule("if as negation",         "if p then false else true",              "not p"),
    Rule("if as both",             "if p then q else false",                 "p and q"),
    Rule("if as either",           "if p then true else q",                  "p or q"),
    Rule("if as implication",      "if p then q else true",                  "not p or q"),
    Rule("if as exception",        "if p then false else q",                 "not p and q"),
    Rule("if as int",              "if p then 1 else 0",                     "int(p)"),
    Rule("if as negated int",      "if p then 0 else 1",                     "int(not p)"),
    Rule("else if the same",       "if p then a else if q then a else b",    "if p or q then a else b"),
    Rule("then if the same",       "if p then if q then a else b else b",    "if p and q then a else b"),
    Rule("else if the other",      "if p then a else if q then b else a",    "if not p and q then b else a"),
    Rule("if equal",               "if a == b then a else b",                "b"),
    Rule("if equal, other",        "if a == b then b else a",                "a"),
    Rule("if as min",              "if a < b then a else b",                 "min(a, b)"),
    Rule("if as min, weak",        "if a <= b then a else b",                "min(a, b)"),
    Rule("if as max",              "if a > b then a else b",                 "max(a, b)"),
    Rule("if as max, weak",        "if a >= b then a else b",                "max(a, b)"),
    Rule("if as max, other",       "if a < b then b else a",                 "max(a, b)"),
    Rule("if as max, other weak",  "if a <= b then b else a",                "max(a, b)"),
    Rule("if as min, other",       "if a > b then b else a",                 "min(a, b)"),
    Rule("if as min, other weak",  "if a >= b then b else a",                "min(a, b)"),
    Rule("if above, cap",          "if a > k then l else a",                 "min(a, l)", _apart(1)),
    Rule("if above, floor",        "if a > k then a else l",                 "max(a, l)", _apart(1)),
    Rule("if below, floor",        "if a < k then l else a",                 "max(a, l)", _apart(-1)),
    Rule("if below, cap",          "if a < k then a else l",                 "min(a, l)", _apart(-1)),
    Rule("if as absolute",         "if a < 0 then -a else a",                "abs(a)"),
    Rule("if as absolute, other",  "if a > 0 then a else -a",                "abs(a)"),
    Rule("max as absolute",        "max(a, -a)",                             "abs(a)"),
    Rule("min of max",             "min(a, max(a, b))",                      "a"),
    Rule("max of min",             "max(a, min(a, b))",                      "a"),
    Rule("int above 0",            "int(p) > 0",                             "p"),
    Rule("int equal to 0",         "int(p) == 0",                            "not p"),
    Rule("equal ints",             "int(p) == int(q)",                       "p == q"),
    Rule("unequal ints",           "int(p) != int(q)",                       "p xor q"),
    Rule("product of ints",        "int(p) * int(q)",                        "int(p and q)"),
    Rule("min of ints",            "min(int(p), int(q))",                    "int(p and q)"),
    Rule("max of ints",            "max(int(p), int(q))",                    "int(p or q)"),
    Rule("ints and",               "int(p) & int(q)",                        "int(p and q)"),
    Rule("ints or",                "int(p) | int(q)",                        "int(p or q)"),
    Rule("ints exclusive or",      "int(p) ^ int(q)",                        "int(p xor q)"),
    Rule("complement of int",      "1 - int(p)",                             "int(not p)"),
    Rule("double complement",      "~~a",                                    "a"),
    Rule("last bit",               "a & 1",                                  "a mod 2",  neutral=NEUTRAL),
    Rule("drop last bit",          "a >> 1",                                 "a div 2",  neutral=NEUTRAL),
    Rule("shift by 0, left",       "a << 0",                                 "a"),
    Rule("shift by 0, right",      "a >> 0",                                 "a"),
    Rule("div by 0",               "a div 0",                                "0"),
    Rule("div by 1",               "a div 1",                                "a"),
    Rule("0 div",                  "0 div a",                                "0"),
    Rule("mod 0",                  "a mod 0",                                "a"),
    Rule("mod itself",             "a mod a",                                "0"),
    Rule("0 mod",                  "0 mod a",                                "0"),
    Rule("divide by 0",            "a / 0",                                  "0"),
    Rule("divide by 1",            "a / 1",                                  "a"),
    Rule("0 divided",              "0 / a",                                  "0"),
)
# fmt: on


@cache
def _parsed() -> dict[str, list[tuple[Rule, Term, Term]]]:
    """Rules with their sides parsed, by the operator at the root of the left side."""
    from dsl.syntax import parse_term

    table: dict[str, list[tuple[Rule, Term, Term]]] = {}
    for rule in RULES:
        left = parse_term(rule.left, METAVARIABLES)
        assert isinstance(left, Apply)
        table.setdefault(left.op, []).append((rule, left, parse_term(rule.right, METAVARIABLES)))
    return table


def rewritten(term: Apply) -> list[tuple[Rule, Term]]:
    """What each matching rule makes of the term, at its root."""
    found: list[tuple[Rule, Term]] = []
    for rule, left, right in _parsed().get(term.op, ()):
        for binding in match(left, term, {}):
            if rule.condition(binding):
                try:
                    found.append((rule, substitute(right, binding)))
                except TypeMismatch:  # the metavariable stood for a value of another kind
                    continue
    return found


def match(pattern: Term, term: Term, binding: dict[str, Term]) -> list[dict[str, Term]]:
    """All ways to read `term` as `pattern`, extending `binding`."""
    if isinstance(pattern, Var):
        if pattern.name in binding:
            return [binding] if binding[pattern.name] == term else []
        wrong_kind = isinstance(pattern.type, BoolType) and not isinstance(term.type, BoolType)
        if wrong_kind or (pattern.name in "kl" and not isinstance(term, Const)):
            return []
        return [binding | {pattern.name: term}]
    if isinstance(pattern, Const):
        same = isinstance(term, Const) and type(term.value) is type(pattern.value) and term.value == pattern.value
        return [binding] if same else []
    if not isinstance(term, Apply) or term.op != pattern.op:
        return []
    orders = [term.args]
    if BY_NAME[term.op].commutative and term.args[0] != term.args[1]:
        orders.append(term.args[::-1])
    found: list[dict[str, Term]] = []
    for args in orders:
        partial = [binding]
        for inner, arg in zip(pattern.args, args, strict=True):
            partial = [extended for b in partial for extended in match(inner, arg, b)]
        found += partial
    return found


