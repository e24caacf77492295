"""A task: what a recurrent network was asked to compute, stated twice.

A *task* reads one input a step and answers one output a step. Its *truth* is a vectorised numpy function, written
independently of its *reference*, the shortest DSL machine known for it. Training data come from the truth; the
reference is the yardstick that extracted programs are measured against.

Array axes: `batch time arity`. Inputs before the start are 0 in every task that looks back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Range = tuple[int, int]
OutputRange = tuple[int | None, int | None]
Truth = Callable[[IntArray], IntArray]
Sampler = Callable[[np.random.Generator, int, int], IntArray]


@dataclass(frozen=True)
class Task:
    """One stream task; `outputs` bounds are None where the output is unbounded."""

    name: str
    description: str
    inputs: tuple[Range, ...]
    outputs: tuple[OutputRange, ...]
    train_length: int
    reference: str
    truth: Truth
    sampler: Sampler | None = None


def draw(task: Task, batch: int, time: int, *, rng: np.random.Generator) -> IntArray:
    """Inputs of shape `(batch, time, arity)`, uniform and independent unless the task has its own sampler."""
    if task.sampler is not None:
        return task.sampler(rng, batch, time)
    return uniform(task, batch, time, rng=rng)


def uniform(task: Task, batch: int, time: int, *, rng: np.random.Generator) -> IntArray:
    """Inputs of shape `(batch, time, arity)`, every component uniform over its range."""
    columns = [rng.integers(low, high, size=(batch, time), endpoint=True) for low, high in task.inputs]
    return np.stack(columns, axis=-1)


def by_name(tasks: Iterable[Task]) -> dict[str, Task]:
    """A table of tasks; two tasks of one name are a mistake."""
    table: dict[str, Task] = {}
    for task in tasks:
        assert task.name not in table, f"two tasks named {task.name}"
        table[task.name] = task
    return table


def single(truth: Callable[[IntArray], IntArray]) -> Truth:
    """The truth of a task with one input and one output, from a function on arrays of shape `(batch, time)`."""
    return lambda inputs: truth(inputs[:, :, 0])[:, :, None]


def pair(truth: Callable[[IntArray, IntArray], IntArray]) -> Truth:
    """The truth of a task with two inputs and one output, from a function on two `(batch, time)` arrays."""
    return lambda inputs: truth(inputs[:, :, 0], inputs[:, :, 1])[:, :, None]


def back(x: IntArray, steps: int) -> IntArray:
    """`x` of shape `(batch, time)` delayed by `steps`, with zeros before the start."""
    shifted = np.zeros_like(x)
    if steps < x.shape[1]:
        shifted[:, steps:] = x[:, : x.shape[1] - steps]
    return shifted


def scan(step: Callable[[IntArray, IntArray], IntArray], start: int, x: IntArray) -> IntArray:
    """The states of shape `(batch, time)` after each step of `state = step(state, x_t)`, from `start`."""
    state = np.full(x.shape[0], start, dtype=np.int64)
    states = np.empty_like(x)
    for t in range(x.shape[1]):
        state = step(state, x[:, t])
        states[:, t] = state
    return states
