"""Sets of updates that read each other and close on a table, by choosing their entries one at a time, compiled.

Beside a walk through the table all updates start as possible. Where a step reads an entry not met before, those left
part by their value there, and the walk goes on with each part. It ends where two states of the table would have equal
values, or where no form of the output is left (`extract.search.forms`), which rules out all updates of the parts at
once, or where no step leads to anything new. Forms are looked at on the way only while they are few beside the sets of
updates left, which a walk that goes on mostly rules out sooner.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.forms import Forms, kept
from extract.search.histories import Masks, Rows

Entries = NDArray[np.int8]
Numbers = NDArray[np.int32]
FRAME, ROOM = 9, 64
"""What is noted of a choice: variable, entry, joint states, of the candidates the first, the first out of range, the
end, and the first not yet tried, and of the forms left the first and the end; then the place in the walk, by symbol.
How many times all forms there is room for; past that none is ruled out."""
LOOKED = 4
"""Forms are looked at before a walk ends while there are no more than so many for each set of updates left."""


@njit(cache=True, nogil=True)
def closures(
    entries: Entries, ranges: Rows, initials: Rows, following: Rows, turns: Rows, forms: Forms, span: int, most: int,
    budget: int, hits: Rows,
) -> tuple[int, int]:  # fmt: skip
    """Updates, one from each of the `ranges` (variable, 3) of candidates, that determine the state of the table.

    A range has a bit for each of the variables after that one, in circular order, which its candidates read. `entries`
    (row, candidate) are values from 0 to `span`, which is out of range; a row is (own value, values of the variables
    after it, symbol), the first most significant. `following` (state, symbol); symbols are taken in the order of
    `turns`, one as far as it leads before the next. There are up to `most` joint values, several to a state of the
    table where variables are not functions of it: as joint values repeat soon, nearly all updates are ruled out even
    so. Where there are `forms`, one of them makes the output. Fills rows of `hits` with candidates and the number of
    joint values; returns the number of rows and the work done, about `budget` at most.
    """
    wide, symbols = len(ranges), following.shape[1]
    codes = span**wide
    longest = 0
    for i in range(wide):
        longest = max(longest, ranges[i, 1] - ranges[i, 0])
    order = np.empty((wide, longest), np.int32)
    for i in range(wide):
        for k in range(ranges[i, 1] - ranges[i, 0]):
            order[i, k] = ranges[i, 0] + k
    spare, read, bucket = np.empty(longest, np.int32), np.empty(longest, np.int8), np.empty(span + 2, np.int64)
    known = np.full((wide, codes * symbols), -1, np.int8)
    owner = np.full(codes, -1, np.int64)
    values, state, own = np.empty((most, wide), np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    part = np.zeros((wide, 2), np.int64)
    code = 0
    for i in range(wide):
        values[0, i] = initials[i]
        code = code * span + initials[i]
        part[i, 1] = ranges[i, 1] - ranges[i, 0]
        if part[i, 1] == 0:
            return 0, 0
    owner[code], own[0], state[0] = 0, code, 0
    frames = np.empty((min(most, codes) * symbols * wide + 1, FRAME + symbols), np.int64)
    end, new, seen = len(forms.rows), np.empty(wide, np.int64), np.empty(forms.given.shape[1], np.int64)
    alive, masks = np.empty(ROOM * end, np.int64), np.empty(ROOM * end, np.uint64)
    alive[:end], masks[:end] = np.arange(end), forms.masks
    begin, fitting = 0, end > 0
    at, depth, joint, count, work, forward = np.zeros(symbols, np.int64), 0, 1, 0, 0, True
    while True:
        if forward:
            forward, pending, row, turn = False, -1, 0, 0
            while turn < symbols:
                if at[turn] == joint:
                    turn += 1
                    continue
                j, x = at[turn], turns[turn]
                code = 0
                for i in range(wide):
                    row = _row(values[j], i, ranges[i, 2], span) * symbols + x
                    if known[i, row] < 0:
                        pending = i
                        break
                    new[i] = known[i, row]
                    code = code * span + new[i]
                if pending >= 0:
                    break
                after = following[state[j], x]
                if owner[code] < 0:
                    if joint == most:
                        break
                    owner[code], own[joint], state[joint] = after, code, after
                    values[joint] = new
                    joint += 1
                elif owner[code] != after:
                    break
                if fitting and LOOKED * _sets(part) > end - begin and 2 * end - begin < len(alive):
                    seen[:] = forms.given[x]
                    seen[:wide], seen[wide : 2 * wide] = values[j] + forms.low, new + forms.low
                    work += end - begin
                    begin, end = end, kept(forms, alive, masks, begin, end, seen, int(state[j]), x)
                    if begin == end:
                        break
                at[turn] += 1
                turn = 0
            work += 8
            if pending >= 0:
                i = pending
                first, stop = part[i]
                rest = _parted(entries[row], order[i], first, stop, span, spare, read, bucket)
                work += 2 * (stop - first)
                frame = frames[depth]
                frame[0], frame[1], frame[2] = i, row, joint
                frame[3], frame[4], frame[5], frame[6] = first, rest, stop, first
                frame[7], frame[8], frame[9:] = begin, end, at
                depth += 1
            elif turn == symbols and not (
                fitting and _ruled_out(forms, alive, masks, begin, end, values[:joint], state, known, ranges, span)
            ):
                for i in range(wide):
                    hits[count, i] = order[i, part[i, 0] : part[i, 1]].min()
                hits[count, wide] = joint
                count += 1
                if count == len(hits):
                    return count, work
        while depth > 0 and not forward:
            frame = frames[depth - 1]
            i, row, last, rest = frame[0], frame[1], frame[4], frame[6]
            known[i, row] = -1
            while joint > frame[2]:
                joint -= 1
                owner[own[joint]] = -1
            if rest < last and work < budget:
                value, stop = entries[row, order[i, rest]], rest + 1
                while stop < last and entries[row, order[i, stop]] == value:
                    stop += 1
                work += stop - rest
                known[i, row] = value
                part[i, 0], part[i, 1], frame[6] = rest, stop, stop
                at[:] = frame[9:]
                begin, end = frame[7], frame[8]
                forward = True
            else:
                part[i, 0], part[i, 1] = frame[3], frame[5]
                depth -= 1
        if not forward:
            return count, work


@njit(cache=True, nogil=True, inline="always")
def _row(values: Rows, i: int, reads: int, span: int) -> int:
    """Where an update finds its values but for the symbol; what is not read might as well be 0."""
    row = values[i]
    for o in range(1, len(values)):
        row = row * span + (reads >> (o - 1) & 1) * values[(i + o) % len(values)]
    return row


@njit(cache=True, nogil=True, inline="always")
def _sets(part: Rows) -> float:
    """How many sets there are of candidates from the parts left."""
    count = 1.0
    for i in range(len(part)):
        count *= part[i, 1] - part[i, 0]
    return count


@njit(cache=True, nogil=True)
def _ruled_out(
    forms: Forms, alive: Rows, masks: Masks, begin: int, end: int, values: Rows, state: Rows, known: Entries,
    ranges: Rows, span: int,
) -> bool:  # fmt: skip
    """Whether none of the forms left makes the output on all steps."""
    wide, symbols = len(ranges), forms.asked.output.shape[1]
    for j in range(len(values)):
        for x in range(symbols):
            if 2 * end - begin >= len(alive):
                return False
            seen = forms.given[x].copy()
            for i in range(wide):
                new = known[i, _row(values[j], i, ranges[i, 2], span) * symbols + x]
                seen[i], seen[wide + i] = values[j, i] + forms.low, new + forms.low
            begin, end = end, kept(forms, alive, masks, begin, end, seen, int(state[j]), x)
            if begin == end:
                return True
    return False


@njit(cache=True, nogil=True)
def _parted(
    row: Entries, order: Numbers, begin: int, end: int, span: int, spare: Numbers, read: Entries, bucket: Rows
) -> int:
    """Sort a part of the candidates by their value, those out of range last; returns where these begin."""
    bucket[:] = 0
    for k in range(begin, end):
        v = row[order[k]]
        read[k - begin] = v
        bucket[v + 1] += 1
    if bucket[read[0] + 1] == end - begin:
        return begin if read[0] == span else end
    for v in range(span + 1):
        bucket[v + 1] += bucket[v]
    rest = begin + bucket[span]
    for k in range(begin, end):
        v = read[k - begin]
        spare[bucket[v]] = order[k]
        bucket[v] += 1
    for k in range(end - begin):
        order[begin + k] = spare[k]
    return rest


@njit(cache=True, nogil=True)
def walked(
    entries: Entries, chosen: Rows, initials: Rows, parent: Rows, symbol: Rows, symbols: int, span: int
) -> NDArray[np.int16]:
    """Values (variable, node) of the chosen candidates along words."""
    wide = len(chosen)
    made = np.empty((wide, len(parent)), np.int16)
    made[:, 0] = initials
    for n in range(1, len(parent)):
        for i in range(wide):
            row = 0
            for o in range(wide):
                row = row * span + made[(i + o) % wide, parent[n]]
            made[i, n] = entries[row * symbols + symbol[n], chosen[i]]
    return made
