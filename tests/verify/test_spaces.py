"""Room for zonotopes: what one opens, another has written; nothing is left of it."""

from __future__ import annotations

import gc
import os
import pickle
import sys

import numpy as np
import pytest

from verify.enclosures import NARROW, Zonotope
from verify.spaces import Space


def zonotopes(count: int, terms: int) -> Zonotope:
    rng = np.random.default_rng(count)
    shapes = ((count, 3), (count, terms, 3), (count, 3))
    centre, spread, box = (rng.random(shape) for shape in shapes)
    return Zonotope(centre, spread.astype(NARROW), box)


def same(one: Space, other: Space) -> bool:
    parts = ("centre", "terms", "box")
    return all((getattr(one.zonotopes, part) == getattr(other.zonotopes, part)).all() for part in parts)


@pytest.mark.parametrize(("count", "terms"), [(5, 3), (5, 0), (1, 7), (0, 3)])
def test_what_is_handed_over_is_what_is_held(count: int, terms: int) -> None:
    own = Space(zonotopes(count, terms))
    shared = own.shared()
    assert same(own, pickle.loads(pickle.dumps(own)))
    assert same(own, pickle.loads(pickle.dumps(shared)))


def test_what_is_written_where_it_was_opened_is_seen_by_all() -> None:
    shared, some = Space.of(6, 2, 3, shared=True), zonotopes(2, 2)
    opened = pickle.loads(pickle.dumps(shared))
    opened.put(np.array([4, 1]), some)
    assert opened.zonotopes is not shared.zonotopes
    assert (shared.zonotopes.terms[[4, 1]] == some.terms).all()
    assert (shared.zonotopes.box[[4, 1]] == some.box).all()
    assert not shared.zonotopes.centre[[0, 2, 3, 5]].any()
    assert pickle.loads(pickle.dumps(shared)) is opened


def test_there_is_room_for_no_more_and_for_no_other_terms() -> None:
    own, shared = (Space.of(6, 2, 3, shared=each) for each in (False, True))
    assert own.fits(6, 2, shared=False)
    assert not own.fits(6, 2, shared=True)
    assert shared.fits(5, 2, shared=True)
    assert shared.fits(6, 2, shared=False)
    assert not shared.fits(7, 2, shared=True)
    assert not shared.fits(6, 3, shared=True)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_nothing_is_left_even_where_it_is_open() -> None:
    shared = Space.of(1_000, 2, 3, shared=True)
    shared.put(slice(None), zonotopes(1_000, 2))
    path = shared.__reduce__()[1][0]
    with open(path, "rb") as still:
        assert os.fstat(still.fileno()).st_size > 0
        del shared
        gc.collect()
        assert os.fstat(still.fileno()).st_size == 0
    assert not os.path.exists(path)
