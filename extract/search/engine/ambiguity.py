"""What the evidence leaves open: other minimal programs that fit it, and an input that tells the first two apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsl.terms import Term
from extract.search.engine import sample
from extract.search.engine.language import Language
from extract.search.engine.problem import Problem, SearchResult

PROBES = 4096


@dataclass(frozen=True)
class Ambiguity:
    """At least `programs` inequivalent programs of the answer's cost fit all examples; `other` is one of them.

    On `separating`, one value for each variable, the answer gives `answers[0]` and the other program `answers[1]`.
    Words are given as the bank holds them.
    """

    programs: int
    other: Term
    separating: Mapping[str, int]
    answers: tuple[int, int]


def ambiguity(language: Language, problem: Problem, result: SearchResult) -> Ambiguity | None:
    """What a search leaves open, or None where no second program was met that differs on a probe."""
    if result.term is None:
        return None
    inputs = sample.probes(problem, rng=np.random.default_rng(1), size=PROBES)
    expected = sample.values(result.term, problem, language.evaluate, inputs)
    for other in result.alternatives:
        actual = sample.values(other, problem, language.evaluate, inputs)
        apart = np.flatnonzero(actual != expected)
        if len(apart):
            size = sum(np.abs(column[apart].astype(np.float64)) for column in inputs)
            at = int(apart[np.argmin(size)])  # the smallest input is the easiest to read
            values = {v.name: int(column[at]) for v, column in zip(problem.variables, inputs, strict=True)}
            return Ambiguity(1 + len(result.alternatives), other, values, (int(expected[at]), int(actual[at])))
    return None
