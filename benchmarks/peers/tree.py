"""scikit-learn's decision trees as an extractor, on one-step data.

    python -m benchmarks.peers.tree NETWORK_DIR PROGRAM.nl TIMEOUT_S SEED

Of a network over single inputs the data are all inputs (or many) and its answers; of one over streams, states and
transitions of the automaton that AALpy learns (`benchmarks.peers.automaton`). Each output, and the next state, becomes
a tree of comparisons with constants.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from benchmarks.peers.command import Learned, arguments, figures, heading
from extract.search.assemble import input_names

MOST_INPUTS = 1 << 15
MOST_LEAVES = 2000

IntArray = NDArray[np.int64]


def tree_term(inputs: IntArray, wanted: IntArray, names: Sequence[str], *, seed: int) -> str:
    """A term over the columns of `inputs` (rows, columns) that gives `wanted` (rows,), or nearly."""
    model = DecisionTreeClassifier(max_leaf_nodes=MOST_LEAVES, random_state=seed).fit(inputs, wanted)
    tree: Any = model.tree_

    def term(node: int) -> str:
        if tree.children_left[node] < 0:
            return str(int(model.classes_[tree.value[node][0].argmax()]))
        name, limit = names[tree.feature[node]], int(np.floor(tree.threshold[node]))
        return f"(if {name} <= {limit} then {term(tree.children_left[node])} else {term(tree.children_right[node])})"

    return term(0)


def function_text(network: Any, *, seed: int) -> str:
    """A function fitted to the answers of a network over single inputs."""
    domain = network.domain
    count = domain.symbol_count
    rng = np.random.default_rng(seed)
    numbers = np.arange(count) if count <= MOST_INPUTS else np.unique(rng.integers(0, count, size=MOST_INPUTS))
    inputs = domain.symbols_at(numbers.astype(np.int64))
    answers = network.run(inputs[:, None])[:, 0]
    names = input_names(domain.arity)
    terms = [tree_term(inputs, answers[:, k], names, seed=seed) for k in range(answers.shape[1])]
    return f"{heading(network, 'function')} = {', '.join(terms)}\n"


def machine_text(network: Any, found: Learned, *, seed: int) -> str:
    """A machine whose update and outputs are trees over state and input."""
    domain, states = network.domain, len(found.after)
    symbols = np.tile(domain.symbols(), (states, 1))
    inputs = np.column_stack([np.repeat(np.arange(states), domain.symbol_count), symbols])
    names = ("q", *input_names(domain.arity))
    output = np.array(found.output).reshape(len(inputs), -1)
    terms = [tree_term(inputs, column, names, seed=seed) for column in [np.ravel(found.after), *output.T]]
    lines = [heading(network, "machine"), f"  state q: 0..{max(states - 1, 1)} = 0", f"  next q = {terms[0]}",
             f"  output {', '.join(terms[1:])}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> int:
    """Fit trees to the network named on the command line."""
    network, program, timeout_s, seed = arguments()
    if not network.domain.streams:
        program.write_text(function_text(network, seed=seed), encoding="utf-8")
        return 0
    from benchmarks.peers.automaton import learn  # needs AALpy, which trees alone do not

    found = learn(network, timeout_s=timeout_s, seed=seed)
    if found is None:
        print("no hypothesis before the time was up", file=sys.stderr)
        return 1
    program.write_text(machine_text(network, found, seed=seed), encoding="utf-8")
    print(json.dumps(figures(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
