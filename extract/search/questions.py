"""What one encoding of a table leaves open, as problems of one step: on the words of histories, or on all steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from dsl.terms import Term, Var, variables
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.assemble import input_names
from extract.search.covers import determines, room
from extract.search.fits import Fit
from extract.search.histories import Histories
from extract.search.labels import Labelling, labellings
from extract.search.unfold import Unfolded, unfold
from extract.search.variables import EARLIER, Found, Variable, encoded, mixed
from verify.domain import Domain, IntArray

MOST_JOINT, MOST_LABELLED = 600, 300
LABEL = "l"
LAST = "l"
"""Ends the name of an input at the last step."""
Question = tuple[dict[str, IntArray], dict[str, IntArray]]
"""What terms may read (name -> values by step), and what they should be."""


Values = TypeVar("Values", int, IntArray)


@dataclass(frozen=True)
class Image:
    """Other values for a variable, and for what it was one step before: each times `sign` (1 or -1), and `plus`."""

    variable: str
    sign: int
    plus: int

    def names(self, v: Variable) -> bool:
        """Whether these are other values of this one."""
        return v.name in (self.variable, self.variable + EARLIER)

    def of(self, values: Values) -> Values:
        """The other values."""
        return self.sign * values + self.plus


@dataclass(frozen=True, eq=False)
class Recalled:
    """Members of an encoding, all variables with what is recalled of them, and these beside the table."""

    members: tuple[Variable, ...]
    every: tuple[Variable, ...]
    joint: Unfolded

    @property
    def images(self) -> list[Image]:
        """Other values for each member: of the other sign, the other way round, and one more or less."""
        found = []
        for v in self.members:
            values = self.joint.values[v.name]
            ends = int(values.min() + values.max())
            found += [Image(v.name, *pair) for pair in dict.fromkeys([(-1, 0), (-1, ends), (1, 1), (1, -1)])]
        return found


@dataclass(frozen=True, eq=False)
class Questions:
    """Poses what encodings of a table leave open."""

    mealy: Mealy
    domain: Domain
    words: Histories
    constants: tuple[int, ...]

    @property
    def inputs(self) -> dict[str, IntArray]:
        """Their values by symbol."""
        return dict(zip(input_names(self.domain.arity), self.domain.symbols().T, strict=True))

    def fit(self, every: Sequence[Variable]) -> Fit:
        """A fit posed on the steps of the words."""
        words = self.words
        before = words.parent[1:]
        columns = {n: values[words.symbol[1:]] for n, values in self.inputs.items()}
        for v in every:
            columns[v.name] = v.trace[before].astype(np.int64)
            columns[v.name + "'"] = v.trace[1:].astype(np.int64)
        wanted = _wanted(every, columns, self.mealy.output[words.state[before], words.symbol[1:]])
        return Fit(tuple(every), columns, wanted, self.constants)

    def on_states(self, every: Sequence[Variable], names: Iterable[str]) -> Question | None:
        """What is asked of these terms on all steps that are reached, if those are few and the variables do determine
        the state."""
        joint = unfold(self.mealy, self.domain, every, most=MOST_JOINT)
        if joint is None or not joint.determined:
            return None
        columns, outputs = self._columns(joint, joint.values)
        return columns, {n: columns[n] if n in columns else outputs[:, int(n[1:])] for n in names}

    def recalled(self, members: Sequence[Variable], initial: int) -> Recalled | None:
        """The members with the last inputs and what they were one step before, `initial` at first: to remember these
        takes no operators. None where there are many steps."""
        none = np.zeros(0, np.int16)
        last = [Variable(n + LAST, Var(n, INT), initial, 0, none) for n in self.inputs]
        before = [Variable(v.name + EARLIER, Var(v.name, INT), initial, 0, none) for v in members]
        every = (*members, *last, *before)
        joint = unfold(self.mealy, self.domain, every, most=MOST_JOINT)
        return None if joint is None else Recalled(tuple(members), every, joint)

    def anew(self, given: Recalled, image: Image | None = None) -> Fit:
        """A fit of all updates of the members anew, which may also read what is recalled. With an `image` one of the
        members has other values, which may suit those that read it better."""
        every, joint = given.every, given.joint
        if image is not None:
            every = tuple(replace(v, initial=image.of(v.initial)) if image.names(v) else v for v in every)
            values = {v.name: image.of(joint.values[v.name]) if image.names(v) else joint.values[v.name] for v in every}
            joint = replace(joint, values=values)
        columns, outputs = self._columns(joint, joint.values)
        wanted = {v.name + "'": columns[v.name + "'"] for v in given.members}
        fit = Fit(every, columns, wanted | _wanted((), columns, outputs), self.constants)
        fit.exact = True
        return fit

    def labelled(
        self, every: Sequence[Variable], *, rng: np.random.Generator
    ) -> Iterator[tuple[Labelling, Callable[[], Fit]]]:
        """One more variable, with which the variables determine the state, labelled in several ways
        (`extract.search.labels`), and what poses its update and the outputs: on all steps reached, if those are few."""
        joint = unfold(self.mealy, self.domain, every, most=MOST_LABELLED)
        if joint is None:
            return
        for found in labellings(joint, self.inputs, self.mealy.output[joint.table][:, :, 0], rng=rng):
            yield found, partial(self._labelled, every, joint, found)

    def _labelled(self, every: Sequence[Variable], joint: Unfolded, found: Labelling) -> Fit:
        """A fit of the update of a variable known by its labels, and of the outputs."""
        new = Variable(LABEL, None, int(found.numbers[0]), 2, np.zeros(0, np.int16))
        columns, outputs = self._columns(joint, joint.values | {LABEL: found.numbers})
        fit = Fit((*every, new), columns, _wanted((new,), columns, outputs), self.constants)
        fit.exact = True
        return fit

    def _columns(self, joint: Unfolded, values: Mapping[str, IntArray]) -> tuple[dict[str, IntArray], IntArray]:
        """What terms may read on all steps between joint states, and the outputs of the table there."""
        size, count = joint.after.shape
        columns = {n: np.tile(each, size) for n, each in self.inputs.items()}
        for n, each in values.items():
            columns[n] = np.repeat(each, count)
            columns[n + "'"] = each[joint.after.ravel()]
        return columns, self.mealy.output[joint.table].reshape(size * count, -1)

    def remembering(
        self, shown: Sequence[Found], paired: Sequence[Found], initials: Sequence[int]
    ) -> Iterator[tuple[tuple[Found, ...], Fit]]:
        """Shown values, and pairs of those `paired`, that determine the state: alone, with what they were one step
        before, one alone also two steps before (each of the `initials` at first), or with the last inputs too; what is
        remembered has no operators."""
        words = self.words
        last = [
            Variable(n + LAST, Var(n, INT), int(values[0]), 0, values[words.symbol].astype(np.int16))
            for n, values in self.inputs.items()
        ]
        slots = room(len(words.state))
        for chosen in [*((v,) for v in shown), *itertools.combinations(paired, 2)]:
            now = encoded(chosen, words)
            before = [self._before(v, v.initial) for v in now]
            stages = [[[]], [before], [[*before, *last]]]
            if len(now) == 1:
                first = [self._before(now[0], i) for i in initials]
                stages.insert(2, [[e, self._before(e, i)] for e in first for i in initials])
            for rests in stages:
                codes = [[mixed(v.trace, k) for k, v in enumerate([*now, *rest])] for rest in rests]
                good = [r for r, c in zip(rests, codes, strict=True) if determines(np.sum(c, 0), words.state, slots)]
                for rest in good:
                    yield chosen, self.fit([*now, *rest])
                if good:
                    break

    def _before(self, v: Variable, initial: int) -> Variable:
        """What a variable was one step before, with a value for the start."""
        trace = v.trace[self.words.parent]
        trace[0] = initial
        return Variable(v.name + EARLIER, Var(v.name, INT), initial, 0, trace)


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
