"""The fast simulation of updates means what the language means."""

import numpy as np
import pytest

from dsl.errors import Unsupported
from dsl.semantics import evaluate
from dsl.syntax import parse_term
from dsl.types import INT
from extract.search.simulate import OPERATORS, simulate

TERMS = {
    "+": "s + x", "-": "s - x", "*": "s * x mod 50", "div": "(s + 7) div x", "mod": "(s - x) mod x", "min": "min(s, x)",
    "max": "max(s, x)", "neg": "-(s + x) mod 9", "abs": "abs(x - s)", "==": "int(s == x)", "!=": "int(s != x)",
    "<": "int(s < x)", "<=": "int(s <= x)", "and": "int(s == 0 and x < 1)", "or": "int(s == 0 or x < 1)",
    "xor": "int(s == 0 xor x < 1)", "not": "int(not s == 0)", "int": "int(x < 0)", "if": "if x < 0 then s + 1 else x",
    ">": "int(s > x)", ">=": "int(s >= x)",
}  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
def test_equals_the_reference(operator: str) -> None:
    term = parse_term(TERMS[operator], {"s": INT, "x": INT})
    words = np.random.default_rng(0).integers(-3, 4, size=(20, 12))
    found = simulate(term, "s", 1, {"x": words})
    assert found is not None
    for w in range(len(words)):
        state = 1
        for t in range(words.shape[1]):
            assert found[0][w, t] == state
            state = evaluate(term, {"s": state, "x": int(words[w, t])})
            assert found[1][w, t] == state


def test_growth_ends_the_simulation() -> None:
    term = parse_term("s * s + 2", {"s": INT, "x": INT})
    assert simulate(term, "s", 3, {"x": np.zeros((1, 20), dtype=np.int64)}) is None


def test_other_operators_are_refused() -> None:
    with pytest.raises(Unsupported):
        simulate(parse_term("s & x", {"s": INT, "x": INT}), "s", 0, {"x": np.zeros((1, 2), dtype=np.int64)})
