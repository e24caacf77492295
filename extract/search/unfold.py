"""All joint values that the variables of an encoding take beside a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsl.batch import evaluate_batch
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.histories import Rows
from extract.search.variables import Variable
from verify.domain import Domain, IntArray

LARGEST = 1 << 30
"""Values beyond this are taken to grow without end."""


@dataclass(frozen=True, eq=False)
class Unfolded:
    """The joint states reached: values by variable (joint), the table's state and the joint state after a symbol."""

    values: dict[str, IntArray]
    table: Rows
    after: Rows

    @property
    def determined(self) -> bool:
        """Whether the values tell the state of the table."""
        own = np.stack(list(self.values.values()), axis=1)
        return len(np.unique(own, axis=0)) == len(self.table)


def unfold(mealy: Mealy, domain: Domain, variables: Sequence[Variable], *, most: int) -> Unfolded | None:
    """The variables walked beside the table, each after those it is a remainder of; None where more than `most` joint
    states, or huge values, are met."""
    symbols = domain.symbols()
    inputs = {n: symbols[:, k] for k, n in enumerate(input_names(domain.arity))}
    start = (0, *(v.initial for v in variables))
    number, frontier, after = {start: 0}, [start], []
    order = [start]
    while frontier:
        rows = np.array(frontier)
        count = len(rows) * len(symbols)
        columns = {n: np.tile(c, len(rows)) for n, c in inputs.items()}
        columns |= {v.name: np.repeat(rows[:, k + 1], len(symbols)) for k, v in enumerate(variables)}
        new = [mealy.next[rows[:, 0]].ravel()]
        for v in variables:
            values = v.shown[rows[:, 0]].ravel() if v.update is None else evaluate_batch(v.update, columns)  # type: ignore[index]
            if v.plus is not None:
                values = values + v.plus[1] * columns[v.plus[0]]
            if np.abs(values).max(initial=0) > LARGEST:
                return None
            columns[v.name + "'"] = np.broadcast_to(values, (count,))
            new.append(columns[v.name + "'"])
        frontier = []
        for row in map(tuple, np.stack(new, axis=1).tolist()):
            if row not in number:
                number[row] = len(number)
                frontier.append(row)
            after.append(number[row])
        order += frontier
        if len(number) > most:
            return None
    table = np.array(order)
    values = {v.name: np.ascontiguousarray(table[:, k + 1]) for k, v in enumerate(variables)}
    return Unfolded(values, table[:, 0], np.array(after).reshape(len(order), -1))
