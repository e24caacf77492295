"""Where the bodies of a function are looked for: a language, its leaves with costs, and how its terms are written.

`unrestricted` is conditional linear integer arithmetic, seeded with terms and conditions read off the constraints
(Reynolds et al. 2015 read whole solutions off them); `in_grammar` is what a grammar derives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import replace as with_changes
from typing import Any

from dsl import ops
from dsl.batch import evaluate_batch
from dsl.terms import Term, Var, constant, operator_count, subterms
from dsl.types import BOOL, INT
from extract.search.engine.language import Language, choice
from extract.search.engine.lowering import INTEGERS, NUMBER, TRUTH, Row
from extract.sygus.grammar import GrammarLanguage
from extract.sygus.linear import linear_form, tidy, to_term, to_text
from extract.sygus.mining import expressions, literals
from extract.sygus.normal import default_grammar
from extract.sygus.sexpr import SExpr
from extract.sygus.task import Function, Grammar, Task

OPERATORS = ("+", "-", "max", "min", "abs", "==", "<", "<=", "and", "or", "not", "if")
COSTS = {"max": 2, "min": 2, "abs": 2}
LARGEST_FACTOR = 1 << 20
MOST_LITERALS = 48


@dataclass(frozen=True)
class Space:
    """`leaves` are terms with their costs; `written` is the SMT-LIB text of a term."""

    language: Language
    leaves: tuple[tuple[Term, int], ...]
    written: Callable[[Term], SExpr]


def space_of(task: Task, function: Function, free: bool) -> Space:
    """The space of a function; where it is `free`, a grammar over integers is left out of account."""
    word = isinstance(function.sort, tuple) or any(isinstance(sort, tuple) for _, sort in function.parameters)
    if function.grammar is not None and not free:
        return in_grammar(task, function, function.grammar)
    return in_grammar(task, function, default_grammar(function)) if word else unrestricted(task, function)


def in_grammar(task: Task, function: Function, grammar: Grammar) -> Space:
    """What the grammar derives."""
    language = GrammarLanguage(function, grammar, task.definitions, literals(task)[:MOST_LITERALS])
    return Space(language.language(), tuple((leaf, 1) for leaf in language.leaves), language.print)


def unrestricted(task: Task, function: Function) -> Space:
    """Linear integer arithmetic with conditionals, `max`, `min`, `abs` and the factors that the constraints use."""
    numbers, truths = _mined(task, function)
    constants = dict.fromkeys(literals(task))
    for term in numbers:
        for part in subterms(term):
            if (form := linear_form(part)) is not None and not form[0]:
                constants[form[1]] = None
    scales = tuple(map(_scale, sorted({abs(c) for c in constants if 1 < abs(c) <= LARGEST_FACTOR})))
    rows = tuple(with_changes(r, cost=COSTS.get(r.operator, 1)) for r in INTEGERS if r.operator in OPERATORS)
    language = Language(rows + scales, _apply, evaluate_batch, _no_fits, choice, 1, TRUTH, lambda v: v)
    priced: dict[Term, int] = {constant(value): 1 for value in constants}
    priced |= dict.fromkeys(_variables(function).values(), 1)
    for term in [*numbers, *truths]:
        priced.setdefault(term, 2)
    return Space(language, tuple(priced.items()), to_text)


def _variables(function: Function) -> dict[str, Var]:
    return {n: Var(n, BOOL if sort == "Bool" else INT) for n, sort in function.parameters}


def _scale(factor: int) -> Row:
    def scaled(a: Any) -> Any:
        return a * factor

    return Row(f"*{factor}", (NUMBER,), NUMBER, 2, scaled, reach=scaled)


def _apply(name: str, args: tuple[Term, ...]) -> Term:
    if name.startswith("*") and name[1:].isdigit():
        return ops.apply("*", (constant(int(name[1:])), args[0]))
    return ops.apply(name, args)


def _no_fits(problem: object, pool: object) -> Iterator[Term]:
    return iter(())


def _mined(task: Task, function: Function) -> tuple[list[Term], list[Term]]:
    """Linear terms and conditions of the constraints over the parameters."""
    numbers: dict[Term, None] = {}
    truths: dict[Term, None] = {}
    parameters = _variables(function)
    for e in expressions(task, function):
        term = to_term(e, parameters)
        if term is None or not operator_count(term):
            continue
        if term.type == BOOL:
            truths[tidy(term)] = None
        elif linear_form(term) is not None:
            numbers[tidy(term)] = None
    return list(numbers), list(truths)
