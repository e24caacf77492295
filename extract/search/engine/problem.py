"""What the engine is asked and what it answers.

A *problem* is a table of examples: one column of values for each variable, and the wanted column. A *result*
always says why the search stopped, how much was tried and how far the best program got; failure is a result too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term, Var

Array = NDArray[Any]


@dataclass(frozen=True)
class Problem:
    """Find the cheapest term over `variables` whose values on `columns` are `target`.

    `columns[i]` holds the N example values of `variables[i]`, as int64 or bool; `target` likewise, and its dtype
    decides the wanted type. `variable_costs` are bits per leaf (default: the cost model's). `constants` may be used
    as leaves. `seeds` are terms worth building upon: they enter the search as if they were cheap leaves.
    """

    variables: tuple[Var, ...]
    columns: tuple[Array, ...]
    target: Array
    variable_costs: tuple[float, ...] | None = None
    constants: tuple[int, ...] = ()
    seeds: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        if len(self.variables) != len(self.columns):
            raise ValueError(f"expected one column per variable ({len(self.variables)}), got {len(self.columns)}")
        for column in (*self.columns, self.target):
            if column.shape != (len(self.target),) or column.dtype not in (np.dtype(np.int64), np.dtype(bool)):
                raise ValueError(
                    f"expected int64 or bool vectors of {len(self.target)} values, got {column.dtype} {column.shape}"
                )
        if self.variable_costs is not None and len(self.variable_costs) != len(self.variables):
            raise ValueError(f"expected {len(self.variables)} variable costs, got {len(self.variable_costs)}")


@dataclass(frozen=True)
class Limits:
    """When to give up. `max_cost` in bits; `max_bytes` bounds the bank of distinct values.

    A known but perhaps not minimal solution is contested by `patience` times the candidates tried before it was found,
    and by at least `contest` candidates for each of its operators; for longer where all cheaper programs would be tried
    before `proof` candidates (even more than `max_candidates`), by the growth seen so far. `alternatives` bounds how
    many further minimal programs are reported. `distillers` lets trees and fits of parts of the examples propose seeds
    and weights, `guided` the search learn from its own partial solutions. At the end up to `compression` candidates
    go into making parts of a long answer cheaper.
    """

    timeout_s: float = 10.0
    max_cost: float = 120.0
    max_candidates: int = 10**12
    max_bytes: int = 1 << 30
    patience: float = 1.0
    contest: int = 60_000
    proof: int = 0
    alternatives: int = 8
    compression: int = 600_000
    distillers: bool = True
    guided: bool = True


class StopReason(Enum):
    """Why the search ended."""

    SOLVED = "solved"
    EXHAUSTED = "exhausted"
    TIME = "time"
    MEMORY = "memory"


@dataclass(frozen=True)
class SearchResult:
    """The cheapest consistent `term` found and its `cost` in bits, or none, and what the search did.

    `minimal` says that every cheaper program was tried (up to equality on the examples). `best` is the term that is
    right on the largest share of examples, `best_agreement`. `alternatives` are other programs of the same cost that
    fit all examples and differ from `term` and each other elsewhere. `candidates` counts programs evaluated,
    `classes` those with values not seen before; all programs up to `explored` bits have been tried,
    and `term` was found when `found` candidates had been.
    """

    term: Term | None
    cost: float
    stop: StopReason
    candidates: int
    classes: int
    seconds: float
    best: Term | None
    best_agreement: float
    alternatives: tuple[Term, ...] = ()
    minimal: bool = False
    explored: int = 0
    found: int = 0
    method: str = ""
