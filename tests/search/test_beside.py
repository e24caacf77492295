"""Circles searched for beside the rest: what is found comes over, errors do, and leaving ends the search."""

from collections.abc import Iterator

import numpy as np
import pytest

from extract.abstract.mealy import Mealy
from extract.search.beside import Beside, Part
from extract.search.circles import Circling
from extract.search.forms import asked, forms, none
from extract.search.histories import histories
from extract.search.readers import of_two
from tests.search.tables import table
from verify.budget import FOREVER, Deadline
from verify.domain import Domain

DOMAIN = Domain(((0, 1),), 9)
HELD = (
    "machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 state t: 0..1 = 0 "
    "next s = if t == 1 then 1 - s else s next t = if s == 0 then x else t output s * t"
)


def circling(mealy: Mealy) -> Circling:
    given = of_two(DOMAIN, (0, 1))
    values = np.arange(given.low, given.low + given.span)
    output = none(forms(asked(mealy, DOMAIN), mealy.next, DOMAIN, 2, values, (0, 1)))
    words = histories(mealy, 60, rng=np.random.default_rng(0))
    return Circling(given, mealy, words, (0,), forms=output)


def test_what_is_found_beside_is_what_a_search_finds() -> None:
    mealy = table(HELD, DOMAIN)
    alone, beside = circling(mealy), Beside(lambda: 5, FOREVER)
    expected = []
    while not alone.spent:
        expected += [circle.price for circle in alone.go_on(5, 3_000_000)]
    found = []
    with beside:
        beside.add(lambda: [Part("two", 1.0, circling(mealy))])
        beside.close()
        while beside.busy:
            found += list(beside.found())
    assert {kind for kind, _ in found} == {"two"}
    assert set(expected) <= {circle.price for _, circle in found}


def test_searches_share_the_time_by_weight() -> None:
    mealy = table(HELD, DOMAIN)
    parts = [Part("heavy", 4.0, circling(mealy)), Part("light", 1.0, circling(mealy))]
    with Beside(lambda: 7, FOREVER) as beside:
        beside.add(lambda: parts)
        while not all(p.spent for p in parts):
            list(beside.found())
    assert min(p.spent / p.weight for p in parts) > 0
    assert not any(p.circling.spent for p in parts)


def test_an_error_in_the_thread_is_an_error_of_the_search() -> None:
    def wrong() -> Iterator[Part]:
        raise ValueError("expected candidates")
        yield

    def searched() -> None:
        with Beside(lambda: 5, FOREVER) as beside:
            beside.add(wrong)

    with pytest.raises(ValueError, match="expected candidates"):
        searched()


def test_past_the_deadline_nothing_is_begun() -> None:
    def unwanted() -> Iterator[Part]:
        raise AssertionError
        yield

    with Beside(lambda: 5, Deadline.after(0)) as beside:
        beside.add(unwanted)
        beside.close()
    assert not beside.busy
