"""The table of a network over single inputs: every input of its domain where that can be listed, else a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from dsl.programs import Function
from dsl.terms import Term, Var
from extract.search.assemble import input_variables
from verify.domain import IntArray
from verify.equivalence import as_machine
from verify.subject import Subject

MOST_ROWS = 1 << 17
SAMPLED_ROWS = 20_000


@dataclass(frozen=True)
class Table:
    """Inputs (rows, arity) and outputs (rows, components); `complete` says that these are all inputs, in order."""

    variables: tuple[Var, ...]
    inputs: IntArray
    outputs: IntArray
    complete: bool

    @property
    def columns(self) -> list[IntArray]:
        """One column of values per input."""
        return [np.ascontiguousarray(column) for column in self.inputs.T]

    @property
    def bits(self) -> bool:
        """Whether every input is 0 or 1."""
        return all((getattr(v.type, "low", None), getattr(v.type, "high", None)) == (0, 1) for v in self.variables)

    def wrong(self, term: Term, component: int) -> NDArray[np.int64]:
        """The rows on which a term does not give this output."""
        env = {v.name: column for v, column in zip(self.variables, self.columns, strict=True)}
        values = np.broadcast_to(evaluate_batch(term, env), len(self.inputs))
        return np.flatnonzero(values != self.outputs[:, component])

    def agreement(self, function: Function) -> float:
        """The share of rows on which a function of these variables gives every output."""
        env = {v.name: column for v, column in zip(self.variables, self.columns, strict=True)}
        right = np.ones(len(self.inputs), dtype=bool)
        for k, term in enumerate(as_machine(function).outputs):
            right &= np.broadcast_to(evaluate_batch(term, env), len(self.inputs)) == self.outputs[:, k]
        return float(right.mean())

    def with_rows(self, inputs: IntArray, outputs: IntArray) -> Table:
        """The table with further rows."""
        joined = np.concatenate([self.inputs, inputs]), np.concatenate([self.outputs, outputs])
        return Table(self.variables, *joined, self.complete)


def tabulate(network: Subject, *, rng: np.random.Generator) -> Table:
    """The network's answers on all inputs, or on a sample of a domain too large to list: half uniform, half central."""
    domain = network.domain
    complete = domain.symbol_count <= MOST_ROWS
    if complete:
        inputs = domain.symbols()
    else:
        inputs = np.concatenate([domain.draw((SAMPLED_ROWS,), rng=rng), domain.draw_central(SAMPLED_ROWS, rng=rng)])
    return Table(input_variables(domain), inputs, network.run(inputs[:, None])[:, 0], complete)
