"""The language that machines are searched in: no division by anything but a constant.

Dividing by a variable is total in the language, so the shortest programs would abuse it (`1 mod s` for `s != 1`).
Here `mod` and `div` are unary rows, one per divisor mined from the network: fewer programs, and ones people write.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from dsl import ops
from dsl.terms import Apply, Term, constant
from extract.search.engine.costs import constant_bits
from extract.search.engine.language import Language, integers
from extract.search.engine.lowering import DEFAULT, NUMBER, Row, floor_divide, modulo

DIVISIONS = {"div": floor_divide, "mod": modulo}
LARGEST_DIVISOR = 64


@lru_cache(maxsize=64)
def readable(constants: tuple[int, ...]) -> Language:
    """The language of `dsl` with division by those of the constants that are 2..64 only."""
    base = integers(DEFAULT)
    rows = [row for row in base.table if row.operator not in DIVISIONS]
    for divisor in sorted({c for c in constants if 2 <= c <= LARGEST_DIVISOR}):
        rows += [_division(name, divisor) for name in DIVISIONS]
    return replace(base, table=tuple(rows), apply=_apply)


def _division(name: str, divisor: int) -> Row:
    kernel = DIVISIONS[name]
    cost = ops.BY_NAME[name].cost + constant_bits(divisor)
    return Row(f"{name} {divisor}", (NUMBER,), NUMBER, cost, lambda a: kernel(a, np.full((), divisor, dtype=np.int64)))


def _apply(name: str, args: tuple[Term, ...]) -> Apply:
    operator, _, divisor = name.partition(" ")
    return ops.apply(operator, (*args, constant(int(divisor))) if divisor else args)
