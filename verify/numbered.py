"""The states of a program by number, and what it answers in them. Part of the checker of layered certificates
(`verify.layers`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dsl.programs import Machine
from dsl.semantics import initial_state, step
from dsl.types import BoolType


class Numbered:
    """A program over these symbols; its `states` are numbered as they are found, the initial one is 0."""

    def __init__(self, machine: Machine, symbols: list[tuple[int, ...]]) -> None:
        kinds = [isinstance(variable.type, BoolType) for variable in machine.inputs]
        self._machine = machine
        self._symbols = [tuple(bool(v) if k else v for k, v in zip(kinds, symbol)) for symbol in symbols]
        self.states = [initial_state(machine)]
        self._numbers = {self.states[0]: 0}
        self._steps: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}

    def step(self, number: int, position: int) -> tuple[int, tuple[int, ...]]:
        """The next state and the outputs of one state and the symbol at this position."""
        if (number, position) not in self._steps:
            after, outputs = step(self._machine, self.states[number], self._symbols[position])
            if after not in self._numbers:
                self._numbers[after] = len(self.states)
                self.states.append(after)
            self._steps[number, position] = self._numbers[after], tuple(int(v) for v in outputs)  # type: ignore[arg-type]
        return self._steps[number, position]

    def answers(self, states: Any, position: int) -> tuple[Any, list[tuple[Any, tuple[int, ...]]]]:
        """The next states, and flags of the rows that have the same outputs, with these."""
        numbers, of = np.unique(states, return_inverse=True)
        steps = [self.step(number, position) for number in numbers.tolist()]
        reached = np.array([after for after, _ in steps], dtype=np.int64)[of]
        known = sorted({outputs for _, outputs in steps})
        return reached, [(np.array([each == outputs for _, outputs in steps])[of], each) for each in known]

    def find(self, numbers: Iterable[int], inputs: int) -> None:
        """Number all states that so many inputs lead to from these."""
        found, latest = set(numbers), set(numbers)
        for _ in range(inputs):
            latest = {self.step(number, k)[0] for number in latest for k in range(len(self._symbols))} - found
            found |= latest
