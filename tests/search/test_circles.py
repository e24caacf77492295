"""Variables that read each other: all that close are found, and what is found determines the state."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from extract.abstract.mealy import Mealy
from extract.search.candidates import by_terms, reading
from extract.search.circles import Circle, Circling, by_orbits
from extract.search.closures import closures, walked
from extract.search.finder import Finder
from extract.search.forms import Forms, asked, forms, none
from extract.search.histories import Histories, histories
from extract.search.readers import (
    Base,
    Updates,
    familiar_three,
    far_one,
    far_two,
    of_three,
    of_two,
    updates,
    with_bases,
)
from extract.search.unfold import unfold
from tests.search.tables import table
from verify.domain import Domain, IntArray

Behaviour = frozenset[tuple[tuple[int, ...], int, tuple[int, ...]]]
DOMAIN = Domain(((0, 1),), 9)
TRIES = 1000
DELAYED = "machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 state t: 0..1 = 1 next s = x next t = s output t"
TWO = "machine m(x: 0..1) -> 0..2 state s: 0..2 = 0 state t: -1..1 = 0 next s = max(t, 2 * x) next t = s - 1 output s'"
THREE = (
    "machine m(x: 0..1) -> 0..1 state s: 0..1 = 1 state t: 0..1 = 0 state u: 0..1 = 1 "
    "next s = int(t + u <= x) next t = u next u = s output s"
)
HELD = (
    "machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 state t: 0..1 = 0 "
    "next s = if t == 1 then 1 - s else s next t = if s == 0 then x else t output s * t"
)
CASCADE = (
    "machine m(x: 0..1) -> 0..2 state s: 0..2 = 0 state t: 0..2 = 0 state u: 0..2 = 0 "
    "next s = max(s, t) next t = (t + u) mod 3 next u = min(u + x, 2) output s'"
)


def behaviour(
    entries: NDArray[np.int8], chosen: Sequence[int], following: IntArray, span: int, first: tuple[int, ...] = ()
) -> Behaviour | None:
    """All joint values reached with what follows them, None where they leave the range or do not tell the states of the
    table apart."""
    wide, symbols = len(chosen), following.shape[1]
    start = first or (0,) * wide
    state, left, steps = {start: 0}, [start], []
    while left:
        values = left.pop()
        for x in range(symbols):
            shape = (*(span,) * wide, symbols)
            rows = [np.ravel_multi_index((*values[i:], *values[:i], x), shape) for i in range(wide)]
            new = tuple(int(entries[r, k]) for r, k in zip(rows, chosen, strict=True))
            steps.append((values, x, new))
            if span in new:
                return None
            if new not in state:
                state[new] = int(following[state[values], x])
                left.append(new)
            elif state[new] != following[state[values], x]:
                return None
    return frozenset(steps)


@pytest.mark.parametrize(("wide", "count"), [(2, 40), (3, 12)])
def test_all_that_close_are_found_each_behaviour_once(wide: int, count: int) -> None:
    rng, span, turns = np.random.default_rng(wide), 2, np.array([1, 0])
    following = np.array([[1, 0], [1, 0]])
    entries = rng.integers(0, span, (span**wide * 2, count)).astype(np.int8)
    entries[rng.random(entries.shape) < 0.05] = span
    hits, ranges = np.empty((4000, wide + 1), np.int64), np.array([[0, count, 3]] * wide)
    mealy = Mealy(following, np.zeros((2, 2, 1), np.int64), np.zeros((2, 0)), np.zeros(2, np.int64), True)
    any_output = none(forms(asked(mealy, DOMAIN), following, DOMAIN, wide, np.arange(span), (0, 1)))
    number, _ = closures(
        entries, ranges, np.zeros(wide, np.int64), following, turns, any_output, span, span**wide, 10**9, hits
    )
    every = {behaviour(entries, c, following, span) for c in itertools.product(range(count), repeat=wide)}
    found = [behaviour(entries, row[:-1].tolist(), following, span) for row in hits[:number]]
    assert len(every) > 2
    assert len(set(found)) == len(found)
    assert set(found) == every - {None}
    for made, row in zip(found, hits[:number], strict=True):
        assert made is not None
        assert len({values for values, _, _ in made}) == row[-1]


def circles(
    given: Updates, mealy: Mealy, words: Histories, initials: Sequence[int], *, below: int, most: int, forms: Forms,
    bases: Sequence[Base] = (),
) -> list[Circle]:  # fmt: skip
    """All that the first tries of a search meet with so much work for each."""
    search, found = Circling(given, mealy, words, initials, forms=forms, bases=bases), list[Circle]()
    for _ in range(TRIES):
        if not search.spent:
            found += search.go_on(below, most)
    return found


def test_what_is_not_read_may_be_anything() -> None:
    rng, span, turns, count = np.random.default_rng(4), 2, np.array([1, 0]), 30
    following = np.array([[1, 0], [1, 0]])
    mealy = Mealy(following, np.zeros((2, 2, 1), np.int64), np.zeros((2, 0)), np.zeros(2, np.int64), True)
    entries = rng.integers(0, span, (span, span, 1, 2, count)).astype(np.int8)
    rows = np.ascontiguousarray(np.repeat(entries, span, axis=2).reshape(-1, count))
    any_output = none(forms(asked(mealy, DOMAIN), following, DOMAIN, 3, np.arange(span), (0, 1)))
    found = []
    for reads in (3, 1):
        hits, ranges = np.empty((4000, 4), np.int64), np.array([[0, count, reads]] * 3)
        number, _ = closures(rows, ranges, np.zeros(3, np.int64), following, turns, any_output, span, 8, 10**9, hits)
        found.append({behaviour(rows, row[:-1].tolist(), following, span) for row in hits[:number]})
    assert len(found[0]) > 2
    assert found[0] == found[1]


def shaped(given: Updates, mealy: Mealy, domain: Domain = DOMAIN) -> Forms:
    """Forms of the output over variables with these updates."""
    values = np.arange(given.low, given.low + given.span)
    return forms(asked(mealy, domain), mealy.next, domain, given.wide, values, (0, 1, 2, 3))


@pytest.mark.parametrize(("wide", "operators"), [(2, 1), (3, 0)])
def test_all_sets_that_close_and_read_each_other_are_met(wide: int, operators: int) -> None:
    mealy, values, span = table(DELAYED, DOMAIN), np.arange(3), 3
    words = histories(mealy, 60, rng=np.random.default_rng(0))
    names, rows = reading(DOMAIN, values, wide)
    given = updates([by_terms(names, values, rows, (0, 1), operators, 60)], wide, 0, span)
    table_of = given.entries.T.reshape(-1, span, span ** (wide - 1), 2)
    reads = (table_of != table_of[:, :, :1]).any(axis=(1, 2, 3))
    found = circles(given, mealy, words, (0, 1), below=9, most=10**9, forms=none(shaped(given, mealy)))
    met = {frozenset(v.trace.tobytes() for v in circle.variables) for circle in found}
    every = set()
    for chosen in itertools.product(range(given.entries.shape[1]), repeat=wide):
        for start in itertools.product((0, 1), repeat=wide):
            if any(reads[k] for k in chosen) and behaviour(given.entries, chosen, mealy.next, span, start):
                made = walked(given.entries, np.array(chosen), np.array(start), words.parent, words.symbol, 2, span)
                every.add(frozenset(trace.tobytes() for trace in made))
    assert len(every) > 2
    assert met == every


def candidates(text: str, mealy: Mealy, words: Histories) -> Updates:
    """Updates among which those of the machine are."""
    if text == TWO:
        finder = Finder(mealy, DOMAIN, words, (0, 1, 2), (0, 1), -2, 3)
        finder.prepare(deepest=2, limit=3_000, tests=10)
        return updates(finder.familiar, 2, finder.low, len(finder.span))
    if text == HELD:
        return of_two(DOMAIN, (0, 1))
    return of_three(DOMAIN, (0, 1)) if text == THREE else familiar_three(DOMAIN, (0, 1))


@pytest.mark.parametrize(("text", "size"), [(TWO, 3), (HELD, 5), (THREE, 3), (CASCADE, 5)])
def test_variables_that_read_each_other_determine_the_state_and_keep_to_their_updates(text: str, size: int) -> None:
    mealy = table(text, DOMAIN)
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    given = candidates(text, mealy, words)
    every = none(shaped(given, mealy))
    found = circles(given, mealy, words, (0, 1), below=6, most=200_000_000, forms=every)
    assert found
    assert min(circle.size for circle in found) <= size
    for circle in found:
        joint = unfold(mealy, DOMAIN, circle.variables, most=400)
        assert joint is not None
        assert joint.determined
        columns = {"x": DOMAIN.symbols()[words.symbol[1:], 0]}
        columns |= {v.name: v.trace[words.parent[1:]].astype(np.int64) for v in circle.variables}
        for v in circle.variables:
            assert v.update is not None
            assert (evaluate_batch(v.update, columns) == v.trace[1:]).all()
            assert v.trace[0] == v.initial


def test_variables_need_not_be_functions_of_the_state() -> None:
    mealy = table(HELD, DOMAIN)
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    given = of_two(DOMAIN, (0, 1))
    some = none(shaped(given, mealy))
    every = circles(given, mealy, words, (0, 1), below=6, most=10**8, forms=some)
    joints = [unfold(mealy, DOMAIN, circle.variables, most=400) for circle in every]
    assert any(j is not None and len(j.table) > mealy.size for j in joints)


def test_symbols_that_lead_to_most_states_come_first() -> None:
    following = np.array([[0, 1, 0], [1, 2, 3], [2, 0, 2], [3, 3, 3]])
    assert by_orbits(following).tolist() == [1, 2, 0]


def test_the_last_variable_is_one_that_is_known() -> None:
    mealy = table(CASCADE, DOMAIN)
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    finder = Finder(mealy, DOMAIN, words, (0, 1, 2), (0, 1), -2, 3)
    known = sorted(finder.closed(3, deepest=1, limit=300, tests=100), key=lambda v: v.cost)[:20]
    given, bases = with_bases(familiar_three(DOMAIN, (0, 1)), known, finder.low)
    assert bases
    every = none(shaped(given, mealy))
    found = circles(given, mealy, words, (0,), below=8, most=10**8, forms=every, bases=bases)
    assert found
    traces = {v.trace.tobytes() for v in known}
    for circle in found:
        assert circle.variables[2].trace.tobytes() in traces
        joint = unfold(mealy, DOMAIN, circle.variables, most=400)
        assert joint is not None
        assert joint.determined


TOLD = (
    "machine m(x: 0..1) -> 0..5 state s: 0..4 = 0 state t: 0..1 = 0 "
    "next s = (if s <= 2 then x else t) + x next t = if s < 2 then min(s, 1) else t output s + t"
)


def test_the_form_of_the_output_tells_those_that_make_it_from_the_others() -> None:
    mealy = table(TOLD, DOMAIN)
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    given = far_two(DOMAIN, (0, 1, 2, 3))
    every = shaped(given, mealy)
    found = circles(given, mealy, words, (0,), below=7, most=10**9, forms=every)
    wanted = mealy.output[words.state[words.parent[1:]], words.symbol[1:], 0]
    before = [[v.trace[words.parent[1:]] for v in circle.variables] for circle in found]
    assert any((a + b == wanted).all() for a, b in before)


def test_one_variable_by_a_term_of_three_operators() -> None:
    domain = Domain(((0, 5),), 9)
    mealy = table("machine m(x: 0..5) -> 0..3 state s: 0..10 = 0 next s = if s != x then x else s + x output s' mod 4",
                  domain)  # fmt: skip
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    given = far_one(domain, (0, 1, 2, 3))
    every = none(shaped(given, mealy, domain))
    found = circles(given, mealy, words, (0,), below=4, most=10**8, forms=every)
    wanted = mealy.output[words.state[words.parent[1:]], words.symbol[1:], 0]
    assert any((circle.variables[0].trace[1:] % 4 == wanted).all() for circle in found)


def test_forms_rule_out_no_variables_that_make_the_output() -> None:
    mealy = table(HELD, DOMAIN)
    words = histories(mealy, 120, rng=np.random.default_rng(0))
    given = of_two(DOMAIN, (0, 1))
    shape = shaped(given, mealy)

    def sets(output: Forms) -> set[frozenset[bytes]]:
        every = circles(given, mealy, words, (0,), below=6, most=10**8, forms=output)
        return {frozenset(v.trace.tobytes() for v in circle.variables) for circle in every}

    before, after = words.parent[1:], np.arange(1, len(words.parent))
    wanted = mealy.output[words.state[before], words.symbol[1:], 0]
    every, left = sets(none(shape)), sets(shape)
    assert 0 < len(left) < len(every)
    for pair in every:
        a, b = (np.frombuffer(t, np.int16) for t in [*pair, *pair][:2])
        if any((x * y == wanted).all() for x in (a[before], a[after]) for y in (b[before], b[after])):
            assert pair in left
