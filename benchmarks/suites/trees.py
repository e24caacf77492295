"""Planted decision trees of depth 2 to 6: tests `x <= c` on small integers, classes at the leaves."""

from __future__ import annotations

import numpy as np

from benchmarks.suites.functions import FunctionTask, IntArray, by_name, header

Node = tuple[int, int, "Node", "Node"] | int
"""A test (component, at most), the tree for yes and the tree for no; or a class."""

LETTERS = "abcdef"
STOP = 0.2


def planted_tree(depth: int, sides: tuple[int, ...], classes: int, rng: np.random.Generator) -> Node:
    """A random tree over components 0..side-1. Every path can be taken; the two leaves of one test differ."""

    def grow(left: int, lows: tuple[int, ...], highs: tuple[int, ...], root: bool) -> Node:
        open_ = [k for k in range(len(sides)) if lows[k] < highs[k]]
        if left == 0 or not open_ or (not root and rng.random() < STOP):
            return int(rng.integers(classes))
        k = int(rng.choice(open_))
        cut = int(rng.integers(lows[k], highs[k]))
        below, above = list(highs), list(lows)
        below[k], above[k] = cut, cut + 1
        yes = grow(left - 1, lows, tuple(below), False)
        no = grow(left - 1, tuple(above), highs, False)
        if isinstance(yes, int) and yes == no:
            no = (yes + 1) % classes
        return k, cut, yes, no

    return grow(depth, (0,) * len(sides), tuple(side - 1 for side in sides), True)


def text_of(node: Node) -> str:
    """The tree as nested conditionals."""
    if isinstance(node, int):
        return str(node)
    k, cut, yes, no = node
    return f"if {LETTERS[k]} <= {cut} then {text_of(yes)} else {text_of(no)}"


def answers(node: Node, inputs: IntArray) -> IntArray:
    """The classes (batch,) of inputs (batch, arity)."""
    if isinstance(node, int):
        return np.full(len(inputs), node, dtype=np.int64)
    k, cut, yes, no = node
    result = np.empty(len(inputs), dtype=np.int64)
    below = inputs[:, k] <= cut
    result[below], result[~below] = answers(yes, inputs[below]), answers(no, inputs[~below])
    return result


def _task(depth: int, sides: tuple[int, ...], classes: int, seed: int) -> FunctionTask:
    tree = planted_tree(depth, sides, classes, np.random.default_rng([seed, depth]))
    inputs, outputs = tuple((0, side - 1) for side in sides), ((0, classes - 1),)
    name = f"Tree_{depth}_{seed}"
    reference = f"{header(name.lower(), LETTERS[: len(sides)], inputs, outputs)} {text_of(tree)}"
    text = f"a random decision tree of depth {depth} over {len(sides)} numbers (draw {seed})"
    return FunctionTask(name, text, inputs, outputs, reference, lambda x: answers(tree, x)[:, None])


SHAPES: dict[int, tuple[tuple[int, ...], int]] = {
    2: ((10, 10), 2),
    3: ((10, 10, 10), 3),
    4: ((10, 10, 10), 3),
    5: ((8, 8, 8, 8), 3),
    6: ((8, 8, 8, 8), 4),
}
DRAWS = 4

TREES: dict[str, FunctionTask] = by_name(
    _task(depth, *SHAPES[depth], seed) for depth in SHAPES for seed in range(DRAWS)
)
