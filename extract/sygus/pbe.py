"""Programming by examples over bit-vectors: constraints `(= (f inputs) output)` become columns for the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsl.errors import BadInput
from dsl.terms import Const, Var
from extract.search.engine.ambiguity import ambiguity
from extract.search.engine.problem import Array, Limits, Problem, SearchResult
from extract.search.engine.synthesis import search_in
from extract.sygus.grammar import GrammarLanguage
from extract.sygus.meaning import value_of
from extract.sygus.normal import default_grammar, written
from extract.sygus.sexpr import SExpr
from extract.sygus.task import Function, Task
from extract.sygus.words import as_word

CONSTANTS = 32
"""Literals of the examples tried where a grammar allows any."""
Literal = int | bool
LARGEST = 1 << 60


def is_examples(task: Task) -> bool:
    """Whether the task is one function given by examples alone, over bit-vectors or in a grammar."""
    if len(task.functions) != 1 or not task.constraints:
        return False
    function = task.functions[0]
    searchable = function.grammar is not None or isinstance(function.sort, tuple)
    return searchable and all(_example(constraint, function) for constraint in task.constraints)


def _example(constraint: SExpr, function: Function) -> tuple[tuple[Literal, ...], Literal] | None:
    match constraint:
        case ("=", (str(name), *arguments), output) | ("=", output, (str(name), *arguments)) if name == function.name:
            values = [value_of(argument) for argument in arguments]
            result = value_of(output)
            if result is not None and None not in values:
                return tuple(v for v in values if v is not None), result
    return None


def _column(values: list[Literal], sort: SExpr) -> Array:
    if sort == "Bool":
        return np.array(values, dtype=bool)
    if sort == "Int" and max(map(abs, values), default=0) > LARGEST:
        raise BadInput(f"expected integers of at most {LARGEST} in examples, got {max(values, key=abs)}")
    return np.array([as_word(int(value)) for value in values], dtype=np.int64)


@dataclass(frozen=True)
class Open:
    """At least `programs` different bodies of the answer's cost fit the examples.

    `other` is one; on `inputs` the answer and it give `answers`. All in the file's own words.
    """

    programs: int
    other: SExpr
    inputs: dict[str, SExpr]
    answers: tuple[SExpr, SExpr]


def solve(task: Task, timeout_s: float) -> tuple[SExpr | None, SearchResult, Open | None]:
    """The body of the function, if found, how the search went, and what the examples leave open."""
    function: Function = task.functions[0]
    rules = function.grammar or default_grammar(function)
    examples = [e for e in (_example(constraint, function) for constraint in task.constraints) if e is not None]
    given = dict.fromkeys(v for values, output in examples for v in (*values, output) if not isinstance(v, bool))
    grammar = GrammarLanguage(function, rules, task.definitions, [0, 1, *given][:CONSTANTS])
    columns = {n: _column([values[i] for values, _ in examples], s) for i, (n, s) in enumerate(function.parameters)}
    used = [leaf for leaf in grammar.leaves if isinstance(leaf, Var)]
    problem = Problem(
        variables=tuple(used),
        columns=tuple(columns[leaf.name] for leaf in used),
        target=_column([output for _, output in examples], function.sort),
        variable_costs=(1.0,) * len(used),
        constants=tuple(leaf.value for leaf in grammar.leaves if isinstance(leaf, Const) and type(leaf.value) is int),
    )
    limits = Limits(timeout_s=timeout_s, max_cost=200, contest=100_000)
    language = grammar.language()
    result = search_in(language, problem, {}, limits)
    if result.term is None:
        return None, result, None
    left = ambiguity(language, problem, result)
    if left is None:
        return grammar.print(result.term), result, None
    inputs = {n: written(left.separating.get(n, 0), sort) for n, sort in function.parameters}
    answers = (written(left.answers[0], function.sort), written(left.answers[1], function.sort))
    other = Open(left.programs, grammar.print(left.other), inputs, answers)
    return grammar.print(result.term), result, other
