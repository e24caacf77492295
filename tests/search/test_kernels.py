"""The compiled loops and the operator rows agree with the reference semantics."""

from typing import Any

import numba
import numpy as np
import pytest

from dsl.ops import apply
from dsl.semantics import evaluate
from dsl.terms import Var
from dsl.types import BOOL, INT, IntType
from extract.search.engine import compiled
from extract.search.engine.bank import Bank
from extract.search.engine.lowering import INTEGERS, LIMIT, TRUTH, Row


@pytest.mark.parametrize("row", INTEGERS, ids=lambda row: row.operator)
def test_rows_mean_what_the_operator_table_says(row: Row) -> None:
    rng = np.random.default_rng(0)
    bank = Bank(100, 1 << 20)
    env, given, kinds = [], [], []
    for kind in row.arguments:
        column = rng.integers(0, 2, 100).astype(bool) if kind == TRUTH else rng.integers(-7, 8, 100)
        if kind != TRUTH and row.operator in ("<<", ">>") and env:
            column = rng.integers(-2, 40, 100)
        env.append(column)
        given.append(bank.packed(column[:, None]) if kind == TRUTH and row.packed else column[:, None])
        kinds.append(BOOL if kind == TRUTH else INT)
    result = row.meaning(*given)
    if row.result == TRUTH and row.packed:
        result = bank.unpacked(result & bank.mask)
    term = apply(row.operator, tuple(Var(str(i), kind) for i, kind in enumerate(kinds)))
    for example in range(100):
        expected = evaluate(term, {str(i): column[example].item() for i, column in enumerate(env)})
        assert result[example, 0] == expected


def test_division_is_exact_beyond_doubles() -> None:
    row = next(row for row in INTEGERS if row.operator == "div")
    a = np.array([(1 << 61) + 1, -(1 << 61) - 1, 7], dtype=np.int64)
    b = np.array([1, 3, 0], dtype=np.int64)
    assert row.meaning(a, b).tolist() == [(1 << 61) + 1, (-(1 << 61) - 1) // 3, 0]


def test_reach_bounds_every_row_that_can_grow() -> None:
    for row in INTEGERS:
        if row.operator in ("+", "-", "*", "<<", "^"):
            assert row.reach is not None
            assert row.reach(2.0**61, 2.0**61) >= 2.0**62 >= LIMIT


def test_packing_is_reversible_and_hashes_tell_columns_apart() -> None:
    truths = np.random.default_rng(1).random((130, 500)) < 0.5
    bank = Bank(130, 1 << 20)
    assert (bank.unpacked(bank.packed(truths)) == truths).all()
    assert len(np.unique(bank.signatures(truths))) == 500
    repeated = np.concatenate([truths, truths], axis=1)
    assert len(np.unique(bank.signatures(repeated))) == 500


def test_absorb_keeps_one_of_each_class() -> None:
    store = Bank(8, 1 << 20).stores[0]
    tile = np.random.default_rng(2).integers(-3, 4, (8, 1000))
    tile[:, 500:] = tile[:, :500]
    fresh, hits = store.absorb(tile, np.zeros(0, dtype=bool), store.hash_of(tile[:, 7]))
    assert len(fresh) == len(np.unique(tile, axis=1).T)
    assert {7, 507} <= set(hits.tolist())


def test_kernels_compile_without_a_cache_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    njit: Any = numba.njit

    def refusing(*args: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", refusing)
    assert compiled.kernel(lambda x: x + 1)(IntType(0, 1).size) == 3
