"""Sets that determine the state are all found by branching on rare conflicts, and joins of three are what they say."""

import itertools

import numpy as np
import pytest

from dsl.terms import Var
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.search.covers import determines, room
from extract.search.determining import determining
from extract.search.finder import Finder
from extract.search.histories import Histories, histories
from extract.search.hitting import Output, hitting_sets
from extract.search.tellers import tellers
from extract.search.trios import fitting, joined, operators_over
from extract.search.variables import Found, joint_codes, mixed
from tests.search.tables import table
from verify.domain import Domain

BITS = Domain(((0, 1),), 9)
TEXT = (
    "machine m(x: 0..1) -> 0..5 state s: 0..1 = 0 state t: 0..2 = 0 state u: 0..1 = 0 "
    "next s = x next t = (t + x) mod 3 next u = if x == 1 then 1 - u else u output max(t', s) + u"
)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_smallest_set_that_determines_the_state_is_found_and_no_other_set(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mealy = table(TEXT, BITS)
    words = histories(mealy, 60, rng=rng)
    bits = rng.integers(0, 2, (14, int(words.state.max()) + 1))
    traces = bits[:, words.state].astype(np.int16)  # functions of the state: three bits may or may not tell all of it
    cost = np.sort(rng.integers(0, 4, len(traces)))
    nothing = np.zeros((0, len(words.state)), np.int16)
    none, few = np.full(len(traces), -1), np.zeros(0, np.int64)
    found = tellers(traces, len(traces), cost, none, few, nothing, nothing, few, few, words, rng=rng)
    steps = np.arange(1, len(words.state))
    output = Output(np.zeros(len(steps), np.int16), words.parent[1:], steps, np.zeros((1, len(steps)), np.int16))
    sets, good = hitting_sets(found, words.state, output, most=7, returned=5000, budget=10**9)
    met = {tuple(sorted(row)) for row in sets[good:]}

    def enough(chosen: tuple[int, ...]) -> bool:
        codes = np.sum([mixed(traces[k], k) for k in chosen], axis=0)
        return determines(codes, words.state, room(len(words.state)))

    assert all(map(enough, met))
    assert len(met) == len(sets[good:])
    every = [c for n in (1, 2, 3) for c in itertools.combinations(range(len(traces)), n)]
    told = {c for c in every if enough(c)}
    smallest = {c for c in told if told.isdisjoint(itertools.combinations(c, len(c) - 1))}
    assert met >= {c for c in smallest if cost[list(c)].sum() <= 7}
    costs = [int(cost[list(row)].sum()) for row in sets[good:]]
    assert costs == sorted(costs)


def test_joins_of_three_variables_are_seen_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    members = rng.integers(0, 4, (3, 2, 200)).astype(np.int16)
    spare = np.stack([rng.integers(0, 3, 200), np.zeros(200, np.int64)]).astype(np.int16)
    ops = operators_over(2)
    (a, aa), (b, bb), (c, cc) = members.astype(np.int64)

    def seen(wanted: np.ndarray) -> bool:
        steps = np.arange(200)
        kinds, kind = Output(wanted.astype(np.int16), steps, steps, spare).kinds()
        return joined(members, kind, fitting(kinds, spare, ops), spare, ops) > 0

    for wanted in (np.minimum(aa + b, cc), np.maximum(a, c) * bb, a + c > bb, np.where(c == 1, a - bb, spare[0])):
        assert seen(wanted)
    for wanted in (a + b + c + spare[0], rng.integers(0, 4, 200)):
        assert not seen(wanted)


def posed(
    text: str, count: int, constants: tuple[int, ...], rng: np.random.Generator
) -> tuple[Mealy, Histories, Finder]:
    """A machine's table, words of it, and what finds variables for it."""
    mealy = table(text, BITS)
    words = histories(mealy, count, rng=rng)
    return mealy, words, Finder(mealy, BITS, words, constants, (0, 1), -2, 7)


def test_the_heirs_of_a_member_are_tried_though_the_pool_is_full() -> None:
    text = (
        "machine m(x: 0..1) -> 0..5 state s: 0..1 = 0 state t: 0..2 = 0 "
        "next s = x next t = (t + s) mod 3 output t + 3 * s"
    )
    rng = np.random.default_rng(0)
    _, words, finder = posed(text, 120, (0, 1, 2, 3), rng)
    base = next(v for v in finder.closed(8, deepest=1, limit=2_000, tests=500) if v.update == Var("x", INT))
    finder.prepare(deepest=1, limit=3_000, tests=2_000)
    finder.over([base], 0, 500)
    steps = np.arange(1, len(words.state))
    output = Output(np.zeros(len(steps), np.int16), words.parent[1:], steps, np.zeros((1, len(steps)), np.int16))
    sets, _ = determining(finder.batches, words, output, pool=5, most=30, returned=2000, budget=10**8, rng=rng)
    found = [chosen for chosen in sets if any(v.base is base for v in chosen)]
    assert found
    for chosen in found:
        assert determines(joint_codes(chosen, words).sum(axis=0), words.state, room(len(words.state)))


def test_a_third_variable_that_only_the_output_needs_joins_two_that_determine_the_state() -> None:
    text = (
        "machine m(x: 0..1) -> 0..9 state s: 0..3 = 0 state u: 0..2 = 0 "
        "next s = (2 * s + x) mod 4 next u = (u + 1) mod 3 output s' * (s mod 2 + u)"
    )
    rng = np.random.default_rng(0)
    mealy, words, finder = posed(text, 200, (0, 1, 2, 3, 4), rng)
    finder.closed(8, deepest=1, limit=2_000, tests=500)
    before, steps = words.parent[1:], np.arange(1, len(words.state))
    symbol = words.symbol[1:]
    wanted = mealy.output[words.state[before], symbol, 0].astype(np.int16)
    output = Output(wanted, before, steps, np.stack([symbol, 0 * symbol]).astype(np.int16))
    sets, good = determining(finder.batches, words, output, pool=400, most=30, returned=2000, budget=10**8, rng=rng)

    def enough(*chosen: Found) -> bool:
        return determines(joint_codes(chosen, words).sum(axis=0), words.state, room(len(words.state)))

    beside = [row for row in sets[:good] if len(row) == 3 and any(enough(*p) for p in itertools.combinations(row, 2))]
    last = (words.symbol * (words.parent >= 0)).astype(np.int16)
    assert any((v.trace[1:] == last[1:]).all() for row in beside for v in row)
