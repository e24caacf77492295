"""The minimal Mealy machine of a program with few reachable states: the table its behaviour amounts to.

States are explored breadth-first from the start and merged by Moore's partition refinement (Moore 1956).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import initial_batch, step_batch
from dsl.programs import Machine
from extract.abstract.mealy import Mealy
from verify.domain import Domain, IntArray

LARGEST = 1 << 20


def mealy_of(machine: Machine, domain: Domain, *, max_states: int) -> Mealy | None:
    """The minimal machine of a program on a domain, or None when more than `max_states` program states are reached
    or a state variable leaves +-2**20."""
    explored = _explored(machine, domain, max_states)
    return None if explored is None else minimal(*explored)


def _explored(machine: Machine, domain: Domain, most: int) -> tuple[NDArray[np.int64], IntArray] | None:
    symbols = domain.symbols()
    names = [s.name for s in machine.states]
    frontier: dict[str, Any] = initial_batch(machine, 1)
    known = {_keys(frontier, names)[0]: 0}
    after: list[IntArray] = []
    outputs: list[IntArray] = []
    while len(frontier[names[0]]) if names else not after:
        size = len(frontier[names[0]]) if names else 1
        wide = {n: np.repeat(frontier[n], len(symbols)) for n in names}
        new, answers = step_batch(machine, wide, np.tile(symbols, (size, 1)))
        if any(np.abs(new[n].astype(object)).max() > LARGEST for n in names):
            return None
        targets, fresh = np.empty(len(answers), dtype=np.int64), []
        for row, key in enumerate(_keys(new, names) if names else [()] * len(answers)):
            if key not in known:
                known[key] = len(known)
                fresh.append(row)
            targets[row] = known[key]
        after.append(targets.reshape(size, -1))
        outputs.append(answers.astype(np.int64).reshape(size, len(symbols), -1))
        if len(known) > most:
            return None
        frontier = {n: new[n][fresh] for n in names}
    return np.concatenate(after), np.concatenate(outputs)


def _keys(state: dict[str, Any], names: list[str]) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in row) for row in zip(*(state[n] for n in names), strict=True)] if names else [()]


def minimal(after: NDArray[np.int64], output: IntArray) -> Mealy:
    """Reachable states (state, symbol) merged by future behaviour, numbered in breadth-first order from state 0."""
    _, block = np.unique(output.reshape(len(output), -1), axis=0, return_inverse=True)
    block = block.ravel()
    while True:
        _, finer = np.unique(np.concatenate([block[:, None], block[after]], axis=1), axis=0, return_inverse=True)
        finer = finer.ravel()
        if finer.max() == block.max():
            break
        block = finer
    order = [int(np.flatnonzero(block == block[0])[0])]
    number, depth = {int(block[order[0]]): 0}, [0]
    for place, state in enumerate(order):  # grows as it is walked
        for target in after[state]:
            if int(block[target]) not in number:
                number[int(block[target])] = len(order)
                order.append(int(target))
                depth.append(depth[place] + 1)
    renamed = np.array([number.get(int(b), -1) for b in block])
    return Mealy(
        renamed[after[order]], output[order], np.zeros((len(order), 0), dtype=np.float32), np.array(depth), closed=True
    )


def renamed(mealy: Mealy, *, rng: np.random.Generator) -> Mealy:
    """The same machine with its states in random order, the start first."""
    order = np.concatenate([[0], 1 + rng.permutation(mealy.size - 1)])
    place = np.argsort(order)
    return Mealy(place[mealy.next[order]], mealy.output[order], mealy.hidden[order], mealy.depth[order], mealy.closed)


def equal(left: Mealy, right: Mealy) -> bool:
    """Whether two machines answer alike on every word: a walk over the reachable pairs of states."""
    seen, waiting = {(0, 0)}, [(0, 0)]
    while waiting:
        a, b = waiting.pop()
        if (left.output[a] != right.output[b]).any():
            return False
        for pair in zip(left.next[a].tolist(), right.next[b].tolist(), strict=True):
            if pair not in seen:
                seen.add(pair)
                waiting.append(pair)
    return True
