"""What outputs are beside a known variable, and shown values that are remembered."""

import numpy as np
import pytest

from extract.search.finder import Finder
from extract.search.histories import histories
from extract.search.questions import Questions
from extract.search.remainders import entropies, remainders
from extract.search.unfold import unfold
from extract.search.variables import encoded
from tests.search.tables import table
from verify.domain import Domain

DOMAIN = Domain(((0, 2),), 9)


@pytest.mark.parametrize("output", ["s' + t'", "t' - s'", "t' - s", "s + t'"])
def test_a_remainder_is_a_variable_whose_values_follow_from_outputs_and_the_known_one(output: str) -> None:
    mealy = table(
        "machine m(x: 0..2) -> int state s: 0..2 = 0 state t: 0..3 = 0 "
        f"next s = max(s, x) next t = if s == x then 0 else min(t + 1, 3) output {output}",
        DOMAIN,
    )
    words = histories(mealy, 160, rng=np.random.default_rng(0))
    finder = Finder(mealy, DOMAIN, words, (0, 1, 2, 3), (0, 1), -4, 7)
    known = finder.closed(8, deepest=1, limit=500, tests=10)
    found = remainders(known, mealy, words, (0, 1), finder.span, 40)
    assert found
    questions, closed = Questions(mealy, DOMAIN, words, (0, 1, 2, 3)), 0
    for v in found:
        chosen = encoded((v,), words)
        assert chosen[-1].plus is not None
        joint = unfold(mealy, DOMAIN, chosen, most=400)
        if joint is None:
            continue
        at = np.zeros(len(words.parent), dtype=np.int64)
        for n in range(1, len(at)):
            at[n] = joint.after[at[words.parent[n]], words.symbol[n]]
        for member in chosen:
            assert (joint.values[member.name][at] == member.trace).all()
        fit = questions.fit(chosen)
        while not fit.spent and fit.depth < 1:
            fit.deepen()
        closed += joint.determined and fit.terms() is not None
    assert closed


def test_entropy_in_bits() -> None:
    rows = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [-1, 5, 2, 0]], dtype=np.int16)
    assert entropies(rows).tolist() == [0.0, 1.0, 2.0]


def test_what_outputs_showed_two_steps_before_is_remembered_for_nothing() -> None:
    mealy = table(
        "machine m(x: 0..2) -> 0..1 state s: 0..1 = 1 state t: 0..1 = 0 state u: 0..1 = 1 "
        "next s = int(t + u <= x) next t = u next u = s output s'",
        DOMAIN,
    )
    words = histories(mealy, 160, rng=np.random.default_rng(0))
    finder = Finder(mealy, DOMAIN, words, (0, 1, 2), (0, 1), -2, 7)
    sizes = []
    for _, fit in Questions(mealy, DOMAIN, words, (0, 1, 2)).remembering(finder.shown(), [], (0, 1)):
        while not fit.spent and fit.depth < 1:
            fit.deepen()
        if fit.terms() is not None:
            sizes.append(fit.size)
    assert min(sizes) <= 3


def test_outputs_that_lie_unevenly_show_a_variable_by_their_order() -> None:
    mealy = table("machine m(x: 0..2) -> 4..10 state s: 0..2 = 0 next s = x output s * s + s + 4", DOMAIN)
    words = histories(mealy, 60, rng=np.random.default_rng(0))
    shown = Finder(mealy, DOMAIN, words, (0, 1, 2), (0, 1), -2, 7).shown()
    assert any((v.trace[1:] == words.symbol[1:]).all() for v in shown)
