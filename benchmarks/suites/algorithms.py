"""One task that networks solve by different algorithms: counting the ones modulo 4.

Each algorithm is a program with the task's outputs on every input; what it keeps is its own. A *ring* is one value of
four, and allows any four places in the hidden space. A *Gray counter* keeps two bits and flips them by turns, so that
the four places are the corners of a parallelogram in the order in which they are passed. A *binary counter* keeps two
digits, and the same corners are passed in another order.
"""

import numpy as np

from benchmarks.suites.task import Task, by_name, single
from dsl.programs import Machine
from dsl.syntax import parse

RING = """machine ring(x: 0..1) -> 0..3
  state s: 0..3 = 0
  next s = (s + x) mod 4
  output s'"""
GRAY = """machine gray(x: 0..1) -> 0..3
  state a: 0..1 = 0
  state b: 0..1 = 0
  next a = if a == b then (a + x) mod 2 else a
  next b = if a == b then b else (b + x) mod 2
  output 2 * b' + (a' + b') mod 2"""
BINARY = """machine binary(x: 0..1) -> 0..3
  state p: 0..1 = 0
  state q: 0..1 = 0
  next p = (p + x) mod 2
  next q = (q + x * p) mod 2
  output 2 * q' + p'"""

TASK = Task(
    "Count_Mod_4",
    "the number of ones so far modulo 4",
    ((0, 1),),
    ((0, 3),),
    12,
    RING,
    single(lambda x: np.cumsum(x, axis=1) % 4),
)
ALGORITHMS: dict[str, Task] = by_name((TASK,))


def programs() -> dict[str, Machine]:
    """The algorithms, by name."""
    found = {}
    for text in (RING, GRAY, BINARY):
        machine = parse(text)
        assert isinstance(machine, Machine)
        found[machine.name] = machine
    return found
