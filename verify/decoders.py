"""Linear decoders: where, in the state `h` of a network, the variables of a program can be read.

One decoder per state variable, by ridge regression on recorded states, scored on inputs it was not fitted on. A
variable is read as a number where that is exact; one with few values that is not linear is read as one indicator per
value. Each also has an *encoder*, how the state moves when the variable does: reading directions are the ones that
cancel everything else (filters), which differ from those that carry the variable (patterns, Haufe et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import initial_batch, step_batch
from dsl.programs import Machine
from verify.domain import IntArray
from verify.lockstep import Columns, leaves
from verify.subject import FloatArray, Subject

Matrix = NDArray[np.float64]

SITE = "h"
RIDGE = 1e-4
"""Penalty, as a share of the mean squared activation."""
FIT_WORDS = 512
MAX_INDICATORS = 16
EXACT_ENOUGH = 0.99


@dataclass(frozen=True, slots=True)
class Decoder:
    """`weights @ h + offset` (k numbers) reads a variable: its elements, or indicators of `values` when given.

    Row i of `encoder` (k width) is the change of `h` per unit of number i, other variables staying as they are. `r2`
    and `exact` (share of states whose value is read right) were measured on held-out inputs.
    """

    variable: str
    weights: Matrix
    offset: Matrix
    encoder: Matrix
    values: tuple[int, ...]
    r2: float
    exact: float

    def read(self, states: FloatArray) -> IntArray:
        """Values (batch elements) read from states (batch width)."""
        numbers = states @ self.weights.T + self.offset
        if self.values:
            return np.array(self.values)[numbers.argmax(axis=1)][:, None]
        return np.rint(numbers).astype(np.int64)


def fit_decoders(subject: Subject, machine: Machine, *, rng_seed: int, words: int = FIT_WORDS) -> tuple[Decoder, ...]:
    """A decoder per state variable, fitted on half of random words of the training length, scored on the other half."""
    rng = np.random.default_rng(rng_seed)
    inputs = subject.domain.draw((words, max(subject.domain.train_length, 2)), rng=rng)
    states = subject.trace(inputs).activations[SITE]
    program = states_after(machine, inputs)
    half = words // 2
    fit, held = (part.reshape(-1, part.shape[-1]) for part in (states[:half], states[half:]))
    decoders, codes = [], []
    for state in machine.states:
        values = np.stack([leaf.astype(np.float64) for leaf in leaves(program[state.name])], axis=-1)
        fit_values, held_values = (part.reshape(-1, part.shape[-1]) for part in (values[:half], values[half:]))
        decoders.append(_fitted(state.name, fit, fit_values, held, held_values))
        codes.append(_coded(decoders[-1].values, fit_values))
    return _with_encoders(decoders, codes, fit)


def states_after(machine: Machine, inputs: IntArray) -> dict[str, Any]:
    """State variables (batch time) after each step; tuples of these for registers."""
    state: Columns = initial_batch(machine, len(inputs))
    visited = []
    for t in range(inputs.shape[1]):
        state, _ = step_batch(machine, state, inputs[:, t])
        visited.append(state)
    return {name: _stacked([columns[name] for columns in visited]) for name in state}


def _stacked(parts: list[Any]) -> Any:
    if isinstance(parts[0], tuple):
        return tuple(_stacked(list(elements)) for elements in zip(*parts, strict=True))
    return np.stack(parts, axis=1)


def _fitted(name: str, fit: FloatArray, target: Matrix, held: FloatArray, held_target: Matrix) -> Decoder:
    plain = _scored(name, (), *_ridge(fit, target), held, held_target)
    values = np.unique(target)
    if plain.exact >= EXACT_ENOUGH or target.shape[1] > 1 or not 2 < len(values) <= MAX_INDICATORS:
        return plain
    kinds = tuple(int(v) for v in values)
    coded = _scored(name, kinds, *_ridge(fit, _coded(kinds, target)), held, held_target)
    return coded if coded.exact > plain.exact else plain


def _with_encoders(decoders: list[Decoder], codes: list[Matrix], states: FloatArray) -> tuple[Decoder, ...]:
    """The decoders with encoders: the regression of the states on the numbers of all variables together."""
    if not decoders:
        return ()
    numbers = np.concatenate(codes, axis=1)
    centred = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    patterns = np.linalg.lstsq(numbers - numbers.mean(axis=0), centred, rcond=1e-8)[0]
    rows = np.split(patterns, np.cumsum([code.shape[1] for code in codes])[:-1])
    return tuple(replace(decoder, encoder=encoder) for decoder, encoder in zip(decoders, rows, strict=True))


def _coded(values: tuple[int, ...], target: Matrix) -> Matrix:
    """The numbers a decoder should read for these values."""
    return (target == np.array(values)).astype(np.float64) if values else target


def _ridge(x: FloatArray, y: Matrix) -> tuple[Matrix, Matrix]:
    """Weights (k width) and offset (k) of the least-squares fit with a small penalty."""
    features = x.astype(np.float64)
    mean, target_mean = features.mean(axis=0), y.mean(axis=0)
    centred = features - mean
    gram = centred.T @ centred
    penalty = RIDGE * max(float(np.trace(gram)) / len(gram), 1e-12)
    weights = np.linalg.solve(gram + penalty * np.eye(len(gram)), centred.T @ (y - target_mean)).T
    return weights, target_mean - weights @ mean


def _scored(
    name: str, values: tuple[int, ...], weights: Matrix, offset: Matrix, held: FloatArray, target: Matrix
) -> Decoder:
    wanted = _coded(values, target)
    residual = ((held @ weights.T + offset - wanted) ** 2).sum()
    spread = ((wanted - wanted.mean(axis=0)) ** 2).sum()
    r2 = float(1 - residual / spread) if spread > 0 else 1.0
    decoder = Decoder(name, weights, offset, weights, values, r2, 0.0)
    return replace(decoder, exact=float((decoder.read(held) == np.rint(target)).all(axis=1).mean()))
