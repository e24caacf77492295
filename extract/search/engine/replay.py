"""The bank's rows on other examples: chosen rows and what they are made from, evaluated again in the order made."""

from __future__ import annotations

import numpy as np

from extract.search.engine.bank import LEAF, Bank
from extract.search.engine.enumeration import Enumeration
from extract.search.engine.lowering import NUMBER, TRUTH, is_truth
from extract.search.engine.problem import Array


def replay(enumeration: Enumeration, leaves: list[Array], wanted: tuple[Array, Array]) -> tuple[Array, Array]:
    """Chosen rows of the first two stores evaluated on other examples; `leaves` are the leaves' values there.

    `wanted` are row numbers by kind; the values come in the same order, as columns, truth values packed. Only these
    rows and the rows they are made from are evaluated.
    """
    old = enumeration.bank
    bank = Bank(len(leaves[0]), 0, len(old.stores))
    needed = [np.zeros(store.used, dtype=bool) for store in old.stores]
    for mask, rows in zip(needed, wanted, strict=False):
        mask[rows] = True
    plan: list[tuple[int, int, Array]] = []
    for kind, made_by, first, last in reversed(old.segments):
        rows = first + np.flatnonzero(needed[kind][first:last])
        if len(rows):
            plan.append((kind, made_by, rows))
            if made_by != LEAF:
                for position, argument_kind in enumerate(enumeration.table[made_by].arguments):
                    needed[argument_kind][old.stores[kind].arguments[position, rows]] = True
    place = [np.cumsum(mask) - 1 for mask in needed]  # old row number -> new one
    values = [
        np.empty((store.width, int(mask.sum())), dtype=np.uint64 if is_truth(store.kind) else np.int64)
        for store, mask in zip(bank.stores, needed, strict=True)
    ]
    for kind, made_by, rows in reversed(plan):
        first = int(place[kind][rows[0]])
        target = values[kind][:, first : first + len(rows)]
        arguments = old.stores[kind].arguments[:, rows]
        if made_by == LEAF:
            for at, number in enumerate(arguments[0]):
                target[:, at : at + 1] = bank.column(leaves[number])
            continue
        row = enumeration.table[made_by]
        given = []
        for position, argument_kind in enumerate(row.arguments):
            column = values[argument_kind][:, place[argument_kind][arguments[position]]]
            given.append(bank.unpacked(column) if is_truth(argument_kind) and not row.packed else column)
        tile = row.meaning(*given)
        if is_truth(row.result):
            tile = tile & bank.mask if row.packed else bank.packed(tile)
        target[:] = tile
    return values[NUMBER][:, place[NUMBER][wanted[NUMBER]]], values[TRUTH][:, place[TRUTH][wanted[TRUTH]]]
