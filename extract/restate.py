"""The same program over other state variables, for networks that keep other state than the program found.

Many programs have the same outputs on every input: of two parities, one may be kept as the parity of both. Which of
them a network implements only interventions can tell. The others are made by `verify.causal.decoys.same_outputs`, with
every term replaced by the shortest that search finds to be equal on all values of its variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dsl.batch import evaluate_batch
from dsl.cost import cost_bits, term_bits
from dsl.ops import apply
from dsl.programs import Machine
from dsl.rewrites import normalise
from dsl.terms import Term, Var, subterms
from dsl.types import BoolType, IntType
from extract.search.select import fit_term
from verify.budget import Deadline
from verify.causal.decoys import FINER, same_outputs
from verify.domain import Domain
from verify.equivalence import machines_equal
from verify.verdict import Proved

MOST_ROWS = 4_096
EFFORT, PATIENCE_S = 100_000, 2.0
DEARER = 1.25
"""How many times the bits of the program found another may have."""


def restated(machine: Machine, domain: Domain, deadline: Deadline) -> Iterator[Machine]:
    """Machines proved to have the same outputs for inputs of every length, not much longer, over other variables."""
    most = DEARER * cost_bits(machine)
    for name, other in same_outputs(machine, domain):
        if deadline.passed:
            return
        if name.startswith(FINER):
            continue
        short = replace(
            other,
            states=tuple(replace(s, update=_shortest(s.update, deadline)) for s in other.states),
            outputs=tuple(_shortest(term, deadline) for term in other.outputs),
        )
        made = normalise(short)
        assert isinstance(made, Machine)
        if cost_bits(made) <= most and _equal(machine, made, deadline):
            yield made


def _equal(machine: Machine, other: Machine, deadline: Deadline) -> bool:
    return isinstance(machines_equal(machine, other, timeout_s=min(deadline.left, PATIENCE_S)).verdict, Proved)


def _shortest(term: Term, deadline: Deadline) -> Term:
    """The shortest term found that equals this one on all values of its variables."""
    used = sorted({t for t in subterms(term) if isinstance(t, Var)}, key=lambda v: v.name)
    ranges = [_range(v) for v in used]
    rows = np.prod([float(high - low + 1) for low, high in filter(None, ranges)])
    if not used or None in ranges or rows > MOST_ROWS or isinstance(term.type, BoolType):
        return term
    grid = np.meshgrid(*(np.arange(low, high + 1) for low, high in filter(None, ranges)), indexing="ij")
    columns = {v.name: column.ravel() for v, column in zip(used, grid, strict=True)}
    target = np.broadcast_to(evaluate_batch(term, columns), int(rows)).astype(np.int64)
    constants = tuple(dict.fromkeys((0, 1, *(bound for ends in filter(None, ranges) for bound in ends))))
    bits = term_bits(term, len(used))
    found = fit_term(columns, target, constants, min(deadline.left, PATIENCE_S), effort=EFFORT, max_cost=bits)
    if found is None or term_bits(found, len(used)) >= bits:
        return term
    return apply("int", (found,)) if isinstance(found.type, BoolType) else found


def _range(v: Var) -> tuple[int, int] | None:
    bounded = isinstance(v.type, IntType) and v.type.low is not None and v.type.high is not None
    return (v.type.low, v.type.high) if bounded else None  # type: ignore[union-attr, return-value]
