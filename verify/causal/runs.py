"""Network and program in lockstep on random words: the material that alignments are fitted on and tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import initial_batch, step_batch
from dsl.programs import Machine
from verify.domain import Domain, IntArray
from verify.lockstep import Columns, leaves
from verify.subject import FloatArray, RecurrentSubject

Matrix = NDArray[np.float64]
LONGEST = 16
"""Steps of a word at most: what matters of a state shows within as many."""
FEW = 16
"""Values up to which a variable is taken to have no others."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Inputs (word time arity), states (word time width) and outputs (word time outputs) after each step, of the
    network
    and as the program has them; `values` has per variable its elements (word time element)."""

    network: RecurrentSubject
    machine: Machine
    inputs: IntArray
    hidden: FloatArray
    outputs: IntArray
    expected: IntArray
    states: tuple[Columns, ...]
    values: Mapping[str, Matrix]

    @property
    def words(self) -> int:
        """Number of words."""
        return self.inputs.shape[0]

    @property
    def time(self) -> int:
        """Steps of each word."""
        return self.inputs.shape[1]

    @cached_property
    def pooled(self) -> tuple[FloatArray, Columns]:
        """States (time x word, width) and the program's, those after the same step together, earlier steps first."""
        hidden = self.hidden.swapaxes(0, 1).reshape(-1, self.hidden.shape[-1])
        return hidden, {name: _joined([at[name] for at in self.states]) for name in self.states[0]}

    @cached_property
    def met(self) -> frozenset[bytes]:
        """The joint values of all variables after any step, as keys."""
        return frozenset(keys_of({name: v.reshape(-1, v.shape[-1]) for name, v in self.values.items()}))

    @cached_property
    def few(self) -> dict[str, Matrix]:
        """The values met, of each variable of one element that has no more than `FEW`."""
        met = {name: np.unique(v) for name, v in self.values.items() if v.shape[-1] == 1}
        return {name: values for name, values in met.items() if len(values) <= FEW}

    def under(self, machine: Machine) -> Runs:
        """The same runs of the network, beside another program."""
        return _with_program(self.network, machine, self.inputs, self.hidden, self.outputs)

    def part(self, rows: slice) -> Runs:
        """Some of the words."""
        states = tuple({n: _rows(v, rows) for n, v in state.items()} for state in self.states)
        values = {name: value[rows] for name, value in self.values.items()}
        return Runs(self.network, self.machine, self.inputs[rows], self.hidden[rows], self.outputs[rows],
                    self.expected[rows], states, values)  # fmt: skip


def record(network: RecurrentSubject, machine: Machine, *, words: int, rng: np.random.Generator) -> Runs:
    """Runs on random words of the training length: half uniform, half each with symbol frequencies of its own, so that
    states that uniform words seldom reach are met."""
    domain = network.domain
    length = min(max(domain.train_length, 4), LONGEST)
    inputs = np.concatenate(
        [domain.draw((words // 2, length), rng=rng), _uneven(domain, words - words // 2, length, rng)]
    )
    inputs = inputs[rng.permutation(words)]
    hidden, outputs = [], []
    state = np.asarray(network.initial_state(words), dtype=np.float32)
    for t in range(length):
        state, out = network.step(state, inputs[:, t])
        hidden.append(np.asarray(state, dtype=np.float32))
        outputs.append(out)
    return _with_program(network, machine, inputs, np.stack(hidden, axis=1), np.stack(outputs, axis=1))


def _with_program(
    network: RecurrentSubject, machine: Machine, inputs: IntArray, hidden: FloatArray, outputs: IntArray
) -> Runs:
    program = initial_batch(machine, len(inputs))
    expected: list[IntArray] = []
    states: list[Columns] = []
    for t in range(inputs.shape[1]):
        program, want = step_batch(machine, program, inputs[:, t])
        expected.append(want)
        states.append(program)
    values = {
        s.name: np.stack([np.stack([_number(leaf) for leaf in leaves(at[s.name])], axis=-1) for at in states], axis=1)
        for s in machine.states
    }
    return Runs(network, machine, inputs, hidden, outputs, np.stack(expected, axis=1), tuple(states), values)


def _uneven(domain: Domain, words: int, length: int, rng: np.random.Generator) -> IntArray:
    """Words in which a few symbols, different ones in each, come most of the time."""
    often = rng.integers(0, domain.symbol_count, size=(words, 2))
    index = np.take_along_axis(often, rng.integers(0, 2, size=(words, length)), axis=1)
    strange = rng.random((words, length)) < rng.choice([0.05, 0.2, 0.5], size=(words, 1))
    return domain.symbols_at(np.where(strange, rng.integers(0, domain.symbol_count, size=(words, length)), index))


def _number(leaf: Any) -> Matrix:
    return np.asarray(leaf).astype(np.float64)


def keys_of(values: Mapping[str, Matrix]) -> list[bytes]:
    """A key per row of joint values (batch element per variable)."""
    if not values:
        return []
    rows = np.ascontiguousarray(np.concatenate(list(values.values()), axis=1))
    return [row.tobytes() for row in rows + 0.0]


def kinds(runs: Runs, names: Sequence[str], times: slice) -> IntArray:
    """Numbers of the joint values after some steps (time x word), by a projection that tells them apart (far faster
    than sorting rows)."""
    rows = np.concatenate([runs.values[n][:, times].swapaxes(0, 1) for n in names], axis=-1)
    place = rows @ np.sqrt(np.arange(2, 2 + rows.shape[-1]) + np.pi)
    return np.unique(place, return_inverse=True)[1].ravel()


def _joined(columns: list[Any]) -> Any:
    if isinstance(columns[0], tuple):
        return tuple(_joined([column[k] for column in columns]) for k in range(len(columns[0])))
    return np.concatenate(columns)


def _rows(value: Any, rows: Any) -> Any:
    return tuple(_rows(part, rows) for part in value) if isinstance(value, tuple) else value[rows]
