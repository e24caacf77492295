"""Hand-made networks for the checkers' tests: a network that runs a machine, and one that leaves it at one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dsl.batch import initial_batch, step_batch
from dsl.programs import Machine
from dsl.syntax import parse
from verify.domain import Domain, IntArray
from verify.lockstep import leaves
from verify.subject import FloatArray, Forced, Site, Trace


def machine(text: str) -> Machine:
    program = parse(text)
    assert isinstance(program, Machine)
    return program


@dataclass(frozen=True)
class MachineNetwork:
    """Runs a machine (integer states, no registers) with its state variables as the float32 state `h`.

    `planted` is a word after which, and only right after which, the first output is off by one. The state has one more
    coordinate: how much of the word has just been read, from the very start (-1 once left).
    `mixing`, an invertible matrix, hides the state variables in a linear mixture.
    """

    machine: Machine
    domain: Domain
    planted: tuple[tuple[int, ...], ...] = ()
    mixing: FloatArray | None = None
    output_ranges: tuple[tuple[int | None, int | None], ...] = field(default=((None, None),))

    @property
    def sites(self) -> tuple[Site, ...]:
        return (Site("h", len(self.machine.states) + 1),)

    def initial_state(self, batch: int) -> FloatArray:
        columns = [leaf for value in initial_batch(self.machine, batch).values() for leaf in leaves(value)]
        return self._mixed(np.stack([*columns, np.zeros(batch)], axis=1).astype(np.float32))

    def step(self, state: FloatArray, symbols: IntArray) -> tuple[FloatArray, IntArray]:
        plain = self._unmixed(state)
        names = [s.name for s in self.machine.states]
        program = {name: np.rint(plain[:, k]).astype(np.int64) for k, name in enumerate(names)}
        after, outputs = step_batch(self.machine, program, symbols)
        read = np.rint(plain[:, -1]).astype(np.int64)
        wanted = np.array([*self.planted, (0,) * self.domain.arity], dtype=np.int64)
        known = (read >= 0) & (read < len(self.planted))
        on_track = known & (wanted[np.where(known, read, 0)] == symbols).all(axis=1)
        read = np.where(on_track, read + 1, -1)
        outputs = outputs.copy()
        outputs[:, 0] += on_track & (read == len(self.planted))
        columns = [*(after[name] for name in names), read]
        return self._mixed(np.stack(columns, axis=1).astype(np.float32)), outputs

    def run(self, inputs: IntArray) -> IntArray:
        return self.trace(inputs).outputs

    def trace(self, inputs: IntArray) -> Trace:
        return self._trace(inputs, ())

    def run_forced(self, inputs: IntArray, forced: Sequence[Forced]) -> IntArray:
        return self._trace(inputs, forced).outputs

    def _trace(self, inputs: IntArray, forced: Sequence[Forced]) -> Trace:
        state = self.initial_state(len(inputs))
        states, outputs = [], []
        for t in range(inputs.shape[1]):
            state, out = self.step(state, inputs[:, t])
            for order in forced:
                if order.time == t:
                    state = order.value
            states.append(state)
            outputs.append(out)
        return Trace(inputs, np.stack(outputs, axis=1), {"h": np.stack(states, axis=1)})

    def _mixed(self, plain: FloatArray) -> FloatArray:
        return plain if self.mixing is None else (plain @ self.mixing).astype(np.float32)

    def _unmixed(self, state: FloatArray) -> FloatArray:
        return state if self.mixing is None else state @ np.linalg.inv(self.mixing)


BITS = Domain(((0, 1),), 8)
PARITY = machine("machine parity(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'")
COUNTER = machine("machine count(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'")
SUM = machine("machine sum(x: 0..99) -> int  state n: int = 0  next n = n + x  output n'")
