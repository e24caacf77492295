"""What one encoding of a table leaves open, as problems of one step: on the words of histories, or on all steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dsl.terms import Term, Var, variables
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.covers import determines
from extract.search.fits import Fit
from extract.search.histories import Histories
from extract.search.unfold import unfold
from extract.search.variables import Found, Variable, encoded, mixed
from verify.domain import Domain, IntArray

MOST_JOINT = 600
Question = tuple[dict[str, IntArray], dict[str, IntArray]]
"""What terms may read (name -> values by step), and what they should be."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Poses what encodings of a table leave open."""

    mealy: Mealy
    domain: Domain
    words: Histories
    constants: tuple[int, ...]

    def fit(self, every: Sequence[Variable]) -> Fit:
        """A fit posed on the steps of the words."""
        words, symbols = self.words, self.domain.symbols()
        before = words.parent[1:]
        columns = {n: symbols[words.symbol[1:], k] for k, n in enumerate(input_names(self.domain.arity))}
        for v in every:
            columns[v.name] = v.trace[before].astype(np.int64)
            columns[v.name + "'"] = v.trace[1:].astype(np.int64)
        wanted = _wanted(every, columns, self.mealy.output[words.state[before], words.symbol[1:]])
        return Fit(tuple(every), columns, wanted, self.constants)

    def on_states(self, every: Sequence[Variable]) -> Question | None:
        """What is asked on all steps that are reached, if those are few and the variables do determine the state."""
        joint = unfold(self.mealy, self.domain, every, most=MOST_JOINT)
        if joint is None or not joint.determined:
            return None
        symbols = self.domain.symbols()
        size, count = joint.after.shape
        columns = {n: np.tile(symbols[:, k], size) for k, n in enumerate(input_names(self.domain.arity))}
        for n, values in joint.values.items():
            columns[n] = np.repeat(values, count)
            columns[n + "'"] = values[joint.after.ravel()]
        return columns, _wanted(every, columns, self.mealy.output[joint.table].reshape(size * count, -1))

    def remembering(self, shown: Sequence[Found]) -> Iterator[tuple[tuple[Found, ...], Fit]]:
        """Sets of one or two shown values that determine the state: alone, with their values of one step before, or
        with the last inputs too; what is remembered has no operators."""
        words, symbols, inputs = self.words, self.domain.symbols(), input_names(self.domain.arity)
        last = [
            Variable(f"{n}l", Var(n, INT), int(symbols[0, k]), 0, symbols[words.symbol, k].astype(np.int16))
            for k, n in enumerate(inputs)
        ]
        slots = np.empty(2048, dtype=np.int64)
        for chosen in [*((v,) for v in shown), *itertools.combinations(shown, 2)]:
            now = encoded(chosen, words)
            before = [Variable(f"{v.name}e", Var(v.name, INT), v.initial, 0, v.trace[words.parent]) for v in now]
            for rest in ([], before, [*before, *last]):
                every = [*now, *rest]
                codes = np.stack([mixed(v.trace, k) for k, v in enumerate(every)]).sum(axis=0)
                if determines(codes, words.state, slots):
                    yield chosen, self.fit(every)
                    break


def needed_by(outputs: Sequence[Term], updates: Mapping[str, Term]) -> set[str]:
    """The variables that outputs depend on."""
    needed: set[str] = set()
    left = [n.removesuffix("'") for term in outputs for n in variables(term)]
    while left:
        name = left.pop()
        if name in updates and name not in needed:
            needed.add(name)
            left += variables(updates[name])
    return needed


def _wanted(every: Sequence[Variable], columns: Mapping[str, IntArray], outputs: IntArray) -> dict[str, IntArray]:
    wanted = {v.name + "'": columns[v.name + "'"] for v in every if v.update is None}
    return wanted | {f"y{k}": outputs[:, k] for k in range(outputs.shape[1])}
