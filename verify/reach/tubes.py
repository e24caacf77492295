"""The shape of a growing certificate, guessed from sampled runs; `verify.growth` establishes what it is good for.

Where a network carries numbers it mostly does so linearly: its state is, but for a small error, an affine function of
the program's state variables, found here by least squares. Errors are measured in a basis in which what stays and what
fades, by the network's mean Jacobian, are told apart: eigenvectors, with the real and imaginary part of a complex one
as a group of two, in which the step is a rotation times a factor; and an orthonormal basis of all that fades (Schur).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import schur

from dsl.batch import initial_batch, step_batch
from dsl.programs import Machine
from verify.domain import IntArray
from verify.lockstep import leaves
from verify.reach.affine import Array, Form
from verify.reach.cells import step
from verify.subject import RecurrentSubject
from verify.weights import Weights

STEP = 1e-6
POINTS, MOST_ENTRIES = 256, 1_000_000  # at which Jacobians are taken, and of all these matrices
FADING = 0.5  # eigenvalues below this are of directions that fade
MOST_BENT = 1e6  # condition of a basis


def guesses(network: RecurrentSubject, machine: Machine, weights: Weights, words: IntArray) -> list[dict[str, Any]]:
    """`centre`, `slope`, `basis` and `groups` of tubes, from runs on words (count time arity)."""
    numbers = _numbers(machine, words)
    states = network.trace(words).activations[network.sites[0].name].astype(np.float64)
    flat, hidden = (each.reshape(words.shape[0] * words.shape[1], each.shape[2]) for each in (numbers, states))
    known = np.isfinite(hidden).all(axis=1)
    flat, hidden = flat[known], hidden[known]
    size = np.maximum(np.abs(flat).max(axis=0), 1.0)
    design = np.concatenate([np.ones((len(flat), 1)), flat / size], axis=1)
    fitted = np.linalg.lstsq(design, hidden, rcond=1e-12)[0]
    points = min(POINTS, len(hidden), max(MOST_ENTRIES // hidden.shape[1] ** 2, 1))
    picked = hidden[np.linspace(0, len(hidden) - 1, points).astype(int)]
    centre, slope = fitted[0].tolist(), (fitted[1:] / size[:, None]).T.tolist()
    return [
        {"centre": centre, "slope": slope, "basis": basis.tolist(), "groups": groups}
        for basis, groups in _bases(_jacobian(weights, picked))
    ]


def _numbers(machine: Machine, words: IntArray) -> Array:
    """The program's state variables (count time variables) after each step of words, as numbers."""
    columns, found = initial_batch(machine, len(words)), list[Array]()
    for t in range(words.shape[1]):
        columns, _ = step_batch(machine, columns, words[:, t])
        flat = [leaf.astype(np.float64)[:, None] for value in columns.values() for leaf in leaves(value)]
        found.append(np.concatenate([np.zeros((len(words), 0)), *flat], axis=1))
    return np.stack(found, axis=1)


def _jacobian(weights: Weights, states: Array) -> Array:
    """The mean over states and symbols of one step's Jacobian."""
    count, width = states.shape
    small = Form(states, np.repeat(STEP * np.eye(width)[None], count, axis=0), np.zeros_like(states))
    symbols = np.unique(np.linspace(0, len(weights.features) - 1, 16).astype(int))
    means = [step(weights, small, symbol, 0)[0].generators.mean(axis=0).T / STEP for symbol in symbols.tolist()]
    return np.mean(means, axis=0)


def _bases(jacobian: Array) -> list[tuple[Array, list[int]]]:
    """Eigenvectors of what stays, with an orthonormal basis of what fades; then eigenvectors alone; where they are
    nearly dependent, an orthonormal basis of all."""
    found = list[tuple[Array, list[int]]]()
    values, vectors = np.linalg.eig(jacobian)
    for below in (FADING, 0.0):
        sorted_ = schur(jacobian, output="real", sort=lambda re, im=0.0, most=below: np.hypot(re, im) < most)
        flags, fading = np.asarray(sorted_[1]), int(sorted_[-1])
        columns, groups = list[Array](flags.T[:fading]), [1] * fading
        for value, vector in zip(values, vectors.T):
            if np.abs(value) >= below and value.imag >= 0:
                columns += [vector.real, vector.imag] if value.imag else [vector.real]
                groups.append(2 if value.imag else 1)
        basis = np.stack(columns, axis=1)
        if basis.shape[1] == len(jacobian) and np.linalg.cond(basis) < MOST_BENT:
            found.append((basis, groups))
    return found or [(np.asarray(schur(jacobian, output="real")[1]), [1] * len(jacobian))]
