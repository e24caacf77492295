"""Decision trees on integer features (CART, Breiman et al. 1984, by scikit-learn), as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from extract.search.engine.problem import Array

LEAVES = 24


@dataclass(frozen=True)
class Tree:
    """Arrays by node: children (-1 at leaves), feature and threshold of the test "at most", value; best splits first.

    `accuracy` is the share of the examples it was grown on that it is right on.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    values: Array
    accuracy: float

    @property
    def exact(self) -> bool:
        """Whether it is right on all examples it was grown on."""
        return self.accuracy == 1.0

    @property
    def splits(self) -> list[tuple[int, int]]:
        """Feature and threshold of each test, in order, without repeats."""
        inner = np.flatnonzero(self.left >= 0)
        return list(dict.fromkeys((int(self.feature[n]), int(self.threshold[n])) for n in inner))

    def is_leaf(self, node: int) -> bool:
        """Whether the node has no test."""
        return bool(self.left[node] < 0)

    def children(self, node: int) -> tuple[int, int]:
        """The nodes for examples that pass the test and for those that do not."""
        return int(self.left[node]), int(self.right[node])


def grow(features: Sequence[Array], labels: Array, most_leaves: int = LEAVES) -> Tree | None:
    """A tree of at most so many leaves for labels (examples,) on features (examples,), or None without a split.

    Grown best split first. Thresholds are rounded down, which changes nothing for integers.
    """
    from sklearn.tree import DecisionTreeClassifier

    data = np.stack(features, axis=1).astype(np.float64)
    model = DecisionTreeClassifier(random_state=0, max_leaf_nodes=most_leaves).fit(data, labels)
    tree = model.tree_
    if tree.node_count < 2:
        return None
    values = model.classes_[np.argmax(tree.value[:, 0, :], axis=1)]
    accuracy = float((model.predict(data) == labels).mean())
    threshold = np.floor(tree.threshold).astype(np.int64)
    return Tree(tree.children_left, tree.children_right, tree.feature, threshold, values, accuracy)
