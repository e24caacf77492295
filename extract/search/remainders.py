"""What outputs are beside a variable that is known: a variable whose values are then shown, its update to be found.

Where outputs are a sum or a difference of two variables, the known one leaves the other. It is guessed among those that
leave least to tell: a variable that has no part in the outputs leaves more than there was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dsl.cost import value_bits
from extract.abstract.mealy import Mealy
from extract.search.histories import Histories, Traces
from extract.search.sets import STATE_BITS
from extract.search.variables import SHOWN_BITS, Found, Source, telling_bits
from verify.domain import IntArray

MOST = 100
LEFT_BITS = 12.0
"""What a bit of entropy counts by which less is left."""
FORMS = ((1, -1), (-1, 1), (1, 1))
"""Signs of the output and of the known variable in the remainder."""


def remainders(
    known: Sequence[Found], mealy: Mealy, words: Histories, initials: Sequence[int], span: IntArray, most: int = MOST
) -> list[Found]:
    """Remainders with values in a range, `most` for each output, with each of the initial values."""
    if not known:
        return []
    made: list[Found] = []
    traces, before = np.stack([v.trace for v in known]), words.parent[1:]
    for k in range(mealy.output.shape[2]):
        shown = mealy.output[:, :, k]
        wanted = shown[words.state[before], words.symbol[1:]]
        ranked = []
        for old in (False, True):
            values = traces[:, before] if old else traces[:, 1:]
            for sign, plus in FORMS:
                left = (sign * wanted + plus * values).astype(np.int16)
                inside = (left.min(axis=1) >= span[0]) & (left.max(axis=1) <= span[-1]) & (np.ptp(left, axis=1) > 0)
                bits = entropies(left)
                some = np.flatnonzero(inside).tolist()
                ranked += [(LEFT_BITS * bits[n] + known[n].price, n, old, sign, plus) for n in some]
        for _, n, old, sign, plus in sorted(ranked)[:most]:
            values = traces[n, before] if old else traces[n, 1:]
            source = Source(None, shown=sign * shown, plus=plus, old=old)
            made += [_remainder(known[n], source, i, sign * wanted + plus * values, words) for i in initials]
    return made


def _remainder(known: Found, source: Source, initial: int, left: IntArray, words: Histories) -> Found:
    trace = np.concatenate([[initial], left]).astype(np.int16)
    told = words.masks(trace[None])[0] | known.told
    bits = SHOWN_BITS + STATE_BITS + float(value_bits(initial))
    rank = known.price + bits - float(telling_bits(told[None])[0])
    return Found(source, 0, initial, known, known.cost + bits, known.price + bits, trace, told, rank)


@njit(cache=True, nogil=True)
def entropies(traces: Traces) -> NDArray[np.float64]:
    """The entropy in bits of the values of each trace."""
    made = np.empty(len(traces))
    for k in range(len(traces)):
        low = traces[k].min()
        count = np.zeros(traces[k].max() - low + 1)
        for v in traces[k]:
            count[v - low] += 1
        made[k] = 0.0
        for c in count:
            if c > 0:
                made[k] -= c / traces.shape[1] * np.log2(c / traces.shape[1])
    return made
