"""The program as a table that grows as it is read: numbered states; per state and symbol the next state and outputs."""

from __future__ import annotations

from typing import Any

from dsl.errors import Unsupported
from dsl.programs import Machine
from dsl.semantics import initial_state, step
from verify.domain import Domain
from verify.equivalence import typed

MAX_STATES = 20_000
MOST_SETTLED = 16  # states followed to see whether the outputs are the same from one on


class ProgramTable:
    """States of a machine, numbered in the order in which they are met; number 0 is the first."""

    def __init__(self, machine: Machine, domain: Domain) -> None:
        self._machine = machine
        self._symbols = [typed(machine, tuple(symbol)) for symbol in domain.symbols().tolist()]
        self.states: list[tuple[Any, ...]] = [initial_state(machine)]
        self._numbers = {self.states[0]: 0}
        self._steps: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        self._settled: dict[int, bool] = {}

    def step(self, state: int, symbol: int) -> tuple[int, tuple[int, ...]]:
        """Number of the next state, and the outputs as integers. Raises `Unsupported` for too many states."""
        if (state, symbol) not in self._steps:
            after, outputs = step(self._machine, self.states[state], self._symbols[symbol])
            if after not in self._numbers:
                if len(self.states) >= MAX_STATES:
                    raise Unsupported(f"expected at most {MAX_STATES} program states in a certificate, got more")
                self._numbers[after] = len(self.states)
                self.states.append(after)
            self._steps[state, symbol] = self._numbers[after], tuple(int(v) for v in outputs)  # type: ignore[arg-type]
        return self._steps[state, symbol]

    def settled(self, state: int) -> bool:
        """Whether all further outputs are the same, whatever the inputs; only few states are followed to see it."""
        if state not in self._settled:
            met, outputs = [state], set[tuple[int, ...]]()
            for each in met:
                steps = [self.step(each, symbol) for symbol in range(len(self._symbols))]
                outputs.update(out for _, out in steps)
                met += sorted({after for after, _ in steps} - set(met))
                if len(outputs) > 1 or len(met) > MOST_SETTLED:
                    break
            self._settled[state] = len(outputs) == 1 and len(met) <= MOST_SETTLED
        return self._settled[state]
