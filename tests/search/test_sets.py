"""Which recurrences suffice, running totals read off a hidden state, and words read as numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsl.printers.text import print_term
from dsl.terms import Var
from dsl.types import INT
from extract.abstract.evidence import LinearEvidence
from extract.search.numerals import numerals
from extract.search.recurrences import Recurrence
from extract.search.sets import LEAST_SUPPORT, Sample, sufficient_sets
from extract.search.tallies import counts, tallies
from verify.budget import FOREVER
from verify.domain import IntArray


def _words(high: int, *, seed: int = 0) -> IntArray:
    return np.random.default_rng(seed).integers(0, high + 1, size=(64, 10))


def _stream(name: str, old: IntArray, cost: float = 5.0) -> Recurrence:
    return Recurrence(name, Var(name, INT), 0, old, old, cost)


@given(st.integers(0, 2**32 - 1))
def test_a_set_is_reported_exactly_where_it_determines_the_outputs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, size=(6, 4))
    streams = [_stream(f"r{k}", rng.integers(0, 2, size=(6, 4)), float(k)) for k in range(3)]
    outputs = (x ^ streams[0].old ^ (streams[2].old if seed % 2 else 0))[..., None]
    found = {frozenset(r.name for r in chosen) for chosen in sufficient_sets(Sample({"x": x}, outputs), streams, [])}
    for mask in range(8):
        chosen = [r for k, r in enumerate(streams) if mask >> k & 1]
        rows: dict[tuple[int, ...], set[int]] = {}
        for at in np.ndindex(6, 4):
            rows.setdefault((int(x[at]), *(int(r.old[at]) for r in chosen)), set()).add(int(outputs[at][0]))
        determined = all(len(answers) == 1 for answers in rows.values())
        supported = 1 - len(rows) / 24 > LEAST_SUPPORT
        assert (frozenset(r.name for r in chosen) in found) == (determined and supported)


def test_a_state_that_equals_another_is_not_a_collision() -> None:
    x = _words(1)
    outputs = (2 * x + np.roll(x, 1, axis=1))[..., None]
    alike = _stream("a", x.copy()), _stream("b", np.roll(x, 1, axis=1))
    assert ("a", "b") in {tuple(r.name for r in s) for s in sufficient_sets(Sample({"x": x}, outputs), alike, [])}


def _hidden(x: IntArray, weights: list[list[int]]) -> IntArray:
    seen = np.stack([np.cumsum(x == k, axis=1) for k in range(x.max() + 1)], axis=-1)
    return seen @ np.array(weights).T


def test_running_totals_are_read_off_a_state_that_keeps_differences() -> None:
    x = _words(2)
    evidence = LinearEvidence(_hidden(x, [[1, -1, 0], [0, 1, -1]]).astype(np.float32))
    found = tallies({"x": x}, evidence, max_cost=26, limit=2000, constants=(0, 1, 2), deadline=FOREVER)
    steps = {tuple(int(w) for w in np.unique(np.stack([x, new - old], -1).reshape(-1, 2), axis=0)[:, 1])
             for _, _, old, new, _, score in found if score == 1.0}  # fmt: skip
    assert (1, -1, 0) in steps or (-1, 1, 0) in steps
    assert all(sum(w) == 0 for w in steps), "only differences are in this state"
    assert [r.name for r in counts(found, {"x": x})] == ["c0", "c1", "c2"]


def test_symbols_are_not_counted_where_the_state_keeps_one_difference_alone() -> None:
    x = _words(2)
    evidence = LinearEvidence(_hidden(x, [[1, -1, 0]]).astype(np.float32))
    found = tallies({"x": x}, evidence, max_cost=26, limit=2000, constants=(0, 1, 2), deadline=FOREVER)
    assert found
    assert counts(found, {"x": x}) == []


def test_both_readings_of_a_word_as_a_number() -> None:
    x = _words(2)
    found = {r.name: r for r in numerals({"x": x}, LinearEvidence(x[..., None].astype(np.float32)), undecoded_bits=8)}
    forward, backward = found["x_f"].new, found["x_b"].new
    for word, f, b in zip(x, forward[:, -1], backward[:, -1], strict=True):
        digits = "".join(map(str, word))
        assert (int(digits, 3), int(digits[::-1], 3)) == (f, b)
    assert print_term(found["x_b"].update) == "x_b + x_w * x"
