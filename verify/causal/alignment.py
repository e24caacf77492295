"""Alignments: where in the state of a network the variables of a program are, as linear maps both ways.

The *encoder* says how the state moves when a variable's value does and the others stay: the regression of states on the
values of all variables together. A variable with few values has a direction per value (less where they lie on a line);
one with many moves along one. The *decoder* reads values off: the directions that cancel everything else (filters,
which
differ from the patterns of the encoder, Haufe et al. 2014). Where variables share so few directions that no linear map
tells them apart, they are read together, as the nearest of the joint values met while fitting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from verify.causal.runs import FEW, Matrix, Runs
from verify.subject import FloatArray

SITE = "h"
RIDGE = 1e-4
"""Penalty, as a share of the mean squared activation."""
MOST_JOINT = 1_024
EXACT_ENOUGH = 0.99
ON_A_LINE = 0.98
"""Share of the spread of a variable's directions that one line must explain for its values to be taken as numbers."""


@dataclass(frozen=True, eq=False)
class Coded:
    """A variable as numbers: indicators of its `values` (value element), or its elements themselves (no values)."""

    name: str
    values: Matrix | None
    span: slice

    def numbers(self, elements: Matrix) -> Matrix:
        """Numbers (batch k) of values given as elements (batch element); all 0 for a value that has no indicator."""
        if self.values is None:
            return elements
        return (elements[:, None, :] == self.values).all(axis=2).astype(np.float64)

    def known(self, elements: Matrix) -> np.ndarray:
        """Which values (batch) can be written."""
        return (
            np.ones(len(elements), bool) if self.values is None else np.asarray(self.numbers(elements).sum(axis=1) > 0)
        )


@dataclass(frozen=True, eq=False)
class Alignment:
    """`decoder @ h + offset` reads the numbers of all variables; `encoder` (numbers width) is how h moves with each.

    `joint` holds joint numbers (rows) when variables are read together: as the row whose state `joint_states`, in the
    metric `whiten`, is nearest. `exact` is the share of held-out states at which each variable is read right. `apart`
    says
    whether the values varied independently enough for the moves of one variable to be told from those of the others.
    With
    `raw`, numbers are coordinates to be exchanged as they are.
    """

    variables: tuple[Coded, ...]
    encoder: Matrix
    decoder: Matrix
    offset: Matrix
    exact: tuple[float, ...] = ()
    apart: bool = True
    raw: bool = False
    joint: Matrix | None = None
    joint_states: Matrix | None = None
    whiten: Matrix | None = None

    def numbers(self, values: dict[str, Matrix]) -> Matrix:
        """Numbers (batch, all) of values per variable (batch element)."""
        parts = [v.numbers(values[v.name]) for v in self.variables]
        return np.concatenate(parts, axis=1) if parts else np.zeros((0, 0))

    def read(self, states: FloatArray) -> Matrix:
        """Numbers (batch, all) of the values that the states (batch width) are read to hold."""
        if self.joint is not None and self.joint_states is not None and self.whiten is not None:
            at, codes = states @ self.whiten, self.joint_states @ self.whiten
            distance = (codes**2).sum(axis=1) - 2 * at @ codes.T
            return self.joint[distance.argmin(axis=1)]
        raw = states @ self.decoder.T + self.offset
        for v in () if self.raw else self.variables:
            if v.values is None:
                raw[:, v.span] = np.rint(raw[:, v.span])
            else:
                raw[:, v.span] = np.eye(len(v.values))[raw[:, v.span].argmax(axis=1)]
        return raw

    def moved(self, states: FloatArray, change: Matrix) -> FloatArray:
        """The states after a change (batch, all) of the numbers they hold."""
        return (states + change @ self.encoder).astype(np.float32)

    def move(self, name: str) -> Matrix:
        """How the state moves (k width) with the numbers of one variable, about their mean where they are
        indicators."""
        v = next(v for v in self.variables if v.name == name)
        rows = self.encoder[v.span]
        return rows if v.values is None else rows - rows.mean(axis=0)


def fit(runs: Runs, held: Runs) -> Alignment:
    """The alignment of a program's variables with the states of one set of runs, scored on another."""
    values = {name: v.reshape(-1, v.shape[-1]) for name, v in runs.values.items()}
    hidden = runs.hidden.reshape(-1, runs.hidden.shape[-1])
    alignment = _fitted(_coded(values, {}), values, hidden)
    lines = {v.name: None for v in alignment.variables if v.values is not None and _on_a_line(alignment, v)}
    if lines:
        alignment = _fitted(_coded(values, lines), values, hidden)
    scored = replace(alignment, exact=_exact(alignment, held))
    if min(scored.exact, default=1.0) >= EXACT_ENOUGH:
        return scored
    together = _read_together(alignment, values, hidden)
    if together is None:
        return scored
    together = replace(together, exact=_exact(together, held))
    return together if min(together.exact) > min(scored.exact) else scored


def _coded(values: dict[str, Matrix], lines: dict[str, None]) -> tuple[Coded, ...]:
    """Variables with few values by indicators, others and those named by their elements."""
    coded, at = [], 0
    for name, elements in values.items():
        kinds = np.unique(elements, axis=0)
        few = 2 < len(kinds) <= FEW and name not in lines
        count = len(kinds) if few else elements.shape[1]
        coded.append(Coded(name, kinds if few else None, slice(at, at + count)))
        at += count
    return tuple(coded)


def _fitted(variables: tuple[Coded, ...], values: dict[str, Matrix], hidden: FloatArray) -> Alignment:
    states = hidden.astype(np.float64)
    width = states.shape[1]
    if not variables:
        return Alignment((), np.zeros((0, width)), np.zeros((0, width)), np.zeros(0))
    numbers = np.concatenate([v.numbers(values[v.name]) for v in variables], axis=1)
    mean, centre = states.mean(axis=0), numbers.mean(axis=0)
    encoder = np.linalg.lstsq(numbers - centre, states - mean, rcond=1e-8)[0]
    gram = (states - mean).T @ (states - mean)
    penalty = RIDGE * max(float(np.trace(gram)) / width, 1e-12)
    decoder = np.linalg.solve(gram + penalty * np.eye(width), (states - mean).T @ (numbers - centre)).T
    free = sum(numbers[:, v.span].shape[1] - (v.values is not None) for v in variables)
    apart = int(np.linalg.matrix_rank((numbers - centre) / np.maximum(numbers.std(axis=0), 1e-9), rtol=1e-4)) >= free
    return Alignment(variables, encoder, decoder, centre - decoder @ mean, apart=apart)


def _on_a_line(alignment: Alignment, v: Coded) -> bool:
    """Whether the directions of a variable's values are what its elements, taken as numbers, would give."""
    assert v.values is not None
    rows = alignment.move(v.name)
    elements = v.values - v.values.mean(axis=0)
    if elements.shape[1] >= len(elements) - 1:
        return False
    left = rows - elements @ np.linalg.lstsq(elements, rows, rcond=None)[0]
    return bool((left**2).sum() <= (1 - ON_A_LINE) * (rows**2).sum())


def _exact(alignment: Alignment, held: Runs) -> tuple[float, ...]:
    """Per variable the share of states whose value is read right."""
    states = held.hidden.reshape(-1, held.hidden.shape[-1])
    read = alignment.read(states)
    shares = []
    for v in alignment.variables:
        wanted = v.numbers(held.values[v.name].reshape(len(states), -1))
        shares.append(float((np.abs(read[:, v.span] - wanted) < 0.5).all(axis=1).mean()))
    return tuple(shares)


def _read_together(alignment: Alignment, values: dict[str, Matrix], hidden: FloatArray) -> Alignment | None:
    """The alignment with joint reading, if there are few joint values."""
    numbers = alignment.numbers(values)
    joint = np.unique(numbers, axis=0)
    if len(joint) > MOST_JOINT:
        return None
    states = hidden.astype(np.float64)
    places = states.mean(axis=0) + (joint - numbers.mean(axis=0)) @ alignment.encoder
    left = states - states.mean(axis=0) - (numbers - numbers.mean(axis=0)) @ alignment.encoder
    spread = left.T @ left / len(left)
    floor = 1e-4 * max(float((states**2).sum(axis=1).mean()) / len(spread), 1e-12)
    sizes, axes = np.linalg.eigh(spread + floor * np.eye(len(spread)))
    return replace(alignment, joint=joint, joint_states=places, whiten=axes / np.sqrt(np.maximum(sizes, 1e-12)))
