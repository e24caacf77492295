"""AALpy's active automata learning as an extractor: the automaton it learns, written as a machine with tables.

    python -m benchmarks.peers.automaton NETWORK_DIR PROGRAM.nl TIMEOUT_S SEED

Kearns and Vazirani's algorithm with Rivest and Schapire's treatment of counterexamples; equivalence is tested by random
words up to the training length. When the time is up the last hypothesis counts. Needs `aalpy` (the extra `peers`).
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from aalpy.base import SUL  # pyright: ignore[reportMissingImports]
from aalpy.learning_algs import run_KV  # pyright: ignore[reportMissingImports]
from aalpy.oracles import RandomWordEqOracle  # pyright: ignore[reportMissingImports]

from benchmarks.peers.command import Learned, arguments, figures, heading, symbol_number

USED_SHARE = 0.9
"""Of the budget: the rest is for writing the program."""
TESTED_WORDS = 500
"""AALpy's own default."""


class TimeIsUp(Exception):
    """The budget is used."""


class Learner(SUL):
    """A network that AALpy asks letter by letter; letters are numbers of symbols. Keeps the last hypothesis.

    Words and letters are counted here: AALpy leaves those of the equivalence tests out.
    """

    def __init__(self, network: Any, seconds: float) -> None:
        super().__init__()
        self.network, self.symbols = network, network.domain.symbols()
        self.until = time.monotonic() + seconds
        self.state = network.initial_state(1)
        self.hypothesis: Any = None
        self.words = self.letters = 0

    def pre(self) -> None:
        """Back to the initial state."""
        if time.monotonic() > self.until:
            raise TimeIsUp
        self.words += 1
        self.state = self.network.initial_state(1)

    def post(self) -> None:
        """Nothing to put away."""

    def step(self, letter: Any) -> tuple[int, ...]:
        """The output after one more symbol."""
        self.letters += 1
        self.state, outputs = self.network.step(self.state, self.symbols[[letter]])
        return tuple(int(v) for v in outputs[0])


class Oracle(RandomWordEqOracle):
    """Random words up to the training length; remembers the hypothesis it is asked about."""

    def find_cex(self, hypothesis: Any) -> Any:
        """A word on which network and hypothesis differ, or None."""
        self.sul.hypothesis = hypothesis
        return super().find_cex(hypothesis)


def learn(network: Any, *, timeout_s: float, seed: int) -> Learned | None:
    """The last hypothesis within the time, or None if there is none."""
    random.seed(seed)  # AALpy draws from the global generator; this process does nothing else
    began = time.monotonic()
    letters = list(range(network.domain.symbol_count))
    learner = Learner(network, USED_SHARE * timeout_s)
    oracle = Oracle(letters, learner, num_walks=TESTED_WORDS, min_walk_len=1, max_walk_len=network.domain.train_length)
    finished = True
    try:
        learner.hypothesis = run_KV(letters, learner, oracle, automaton_type="mealy", print_level=0)
    except TimeIsUp:
        finished = False
    if learner.hypothesis is None:
        return None
    after, output = _tables(learner.hypothesis, letters)
    return Learned(after, output, learner.words, learner.letters, finished, time.monotonic() - began)


def _tables(automaton: Any, letters: list[int]) -> tuple[list[list[int]], list[list[tuple[int, ...]]]]:
    """States numbered as they are reached; those that are not reached are left out."""
    states, number = [automaton.initial_state], {automaton.initial_state.state_id: 0}
    for state in states:
        for letter in letters:
            target = state.transitions[letter]
            if target.state_id not in number:
                number[target.state_id] = len(states)
                states.append(target)
    after = [[number[s.transitions[letter].state_id] for letter in letters] for s in states]
    return after, [[s.output_fun[letter] for letter in letters] for s in states]


def machine_text(network: Any, found: Learned) -> str:
    """The automaton as a machine that looks everything up."""
    symbol = symbol_number(network.domain)
    width = len(network.output_ranges)
    tables = [[[out[k] for out in row] for row in found.output] for k in range(width)]
    outputs = ", ".join(f"{table}[q][k]" for table in tables)
    lines = [heading(network, "machine"), f"  state q: 0..{max(len(found.after) - 1, 1)} = 0", f"  let k = {symbol}",
             f"  next q = {found.after}[q][k]", f"  output {outputs}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> int:
    """Learn the network named on the command line; exit status 1 where nothing was learned."""
    network, program, timeout_s, seed = arguments()
    if not network.domain.streams:
        print("expected a network over streams", file=sys.stderr)
        return 1
    found = learn(network, timeout_s=timeout_s, seed=seed)
    if found is None:
        print("no hypothesis before the time was up", file=sys.stderr)
        return 1
    program.write_text(machine_text(network, found), encoding="utf-8")
    print(json.dumps(figures(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
