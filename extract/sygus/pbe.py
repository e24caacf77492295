"""Programming by examples over bit-vectors: constraints `(= (f inputs) output)` become columns for the engine."""

from __future__ import annotations

import numpy as np

from dsl.errors import BadInput
from dsl.terms import Var
from dsl.types import IntType
from extract.search.engine.problem import Limits, Problem, SearchResult
from extract.search.engine.synthesis import search_in
from extract.sygus.sexpr import SExpr
from extract.sygus.task import Function, Task
from extract.sygus.words import GrammarLanguage, as_word, literal


def is_examples(task: Task) -> bool:
    """Whether the task is one function over bit-vectors, given by examples alone."""
    return len(task.functions) == 1 and bool(task.constraints) and all(map(_example, task.constraints))


def _example(constraint: SExpr) -> tuple[tuple[int, ...], int] | None:
    match constraint:
        case ("=", (str(), *arguments), str(output)) | ("=", str(output), (str(), *arguments)):
            values = [literal(a) if isinstance(a, str) else None for a in arguments]
            result = literal(output)
            if result is not None and None not in values:
                return tuple(v for v in values if v is not None), result
    return None


def solve(task: Task, timeout_s: float) -> tuple[SExpr | None, SearchResult]:
    """The body of the function, if found, and how the search went."""
    function: Function = task.functions[0]
    if function.grammar is None:
        raise BadInput(f"expected a grammar for {function.name}, got none")
    names = tuple(name for name, _ in function.parameters)
    examples = [e for e in map(_example, task.constraints) if e is not None]
    for inputs, _ in examples:
        if len(inputs) != len(names):
            raise BadInput(f"expected {len(names)} arguments of {function.name}, got {len(inputs)}")
    grammar = GrammarLanguage(function.grammar, names, task.definitions)
    literals = [literal(leaf) for leaf in grammar.leaves]
    used = [name for name in names if name in grammar.leaves]
    columns = {n: np.array([as_word(e[0][i]) for e in examples], dtype=np.int64) for i, n in enumerate(names)}
    problem = Problem(
        variables=tuple(Var(name, IntType(0, (1 << grammar.width) - 1)) for name in used),
        columns=tuple(columns[name] for name in used),
        target=np.array([as_word(e[1]) for e in examples], dtype=np.int64),
        variable_costs=(1.0,) * len(used),
        constants=tuple(value for value in literals if value is not None),
    )
    limits = Limits(timeout_s=timeout_s, max_cost=200, contest=100_000)
    result = search_in(grammar.language(), problem, {}, limits)
    return (None if result.term is None else grammar.print(result.term)), result
