"""The compiled inner loops: hash a tile of candidates, keep those whose values are new, pack truth values.

A *tile* holds candidates side by side, examples one above the other: `tile[q, b]` is the value of candidate `b` on
example `q`, so every loop runs along candidates and vectorises whatever the number of examples. Truth values are
packed, 64 examples to a word. The hash of a candidate is a sum over its words of a keyed bijection of each word.
Common operations are evaluated and hashed in one pass (`survey`). Candidates with equal values are one class
(observational equivalence: Udupa et al. 2013, Albarghouthi et al. 2013).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extract.search.engine.compiled import inlined, kernel

U = np.uint64
ADD, SUBTRACT, SUBTRACT_FROM, MULTIPLY, MINIMUM, MAXIMUM, AND, OR, XOR = range(1, 10)
"""Operations of `survey`; 0 stands for none of them."""


@inlined
def finished(h: Any) -> Any:
    """The sum of a candidate's keyed words, mixed so that its low bits index a table; never 0."""
    h ^= h >> U(32)
    h *= U(0x9E3779B97F4A7C15)
    h ^= h >> U(29)
    return h | U(h == U(0))


@kernel
def fingerprint(tile: Any, keys: Any, hashes: Any) -> None:
    """64-bit hashes of all candidates of a tile (width, batch); `keys` (width,) are odd. No hash is 0."""
    width, batch = tile.shape
    for b in range(batch):
        hashes[b] = U(0)
    for q in range(width):
        key = keys[q]
        for b in range(batch):
            x = tile[q, b]
            hashes[b] += (x ^ (x >> U(32))) * key
    for b in range(batch):
        hashes[b] = finished(hashes[b])


@kernel
def survey(operation: int, outer: Any, inner: Any, keys: Any, hashes: Any) -> None:
    """Hashes of all pairs of outer (width, height) and inner (width, length) columns under an operation.

    The values themselves are not kept: candidate `a * length + b` is evaluated again if its hash is new.
    """
    width, height = outer.shape
    length = inner.shape[1]
    for a in range(height):
        h = hashes[a * length : (a + 1) * length]
        for b in range(length):
            h[b] = U(0)
        for q in range(width):
            x = outer[q, a]
            key = keys[q]
            if operation == ADD:
                for b in range(length):
                    v = x + inner[q, b]
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == SUBTRACT:
                for b in range(length):
                    v = x - inner[q, b]
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == SUBTRACT_FROM:
                for b in range(length):
                    v = inner[q, b] - x
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == MULTIPLY:
                for b in range(length):
                    v = inner[q, b] * x
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == MINIMUM:
                for b in range(length):
                    v = U(min(np.int64(inner[q, b]), np.int64(x)))
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == MAXIMUM:
                for b in range(length):
                    v = U(max(np.int64(inner[q, b]), np.int64(x)))
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == AND:
                for b in range(length):
                    v = inner[q, b] & x
                    h[b] += (v ^ (v >> U(32))) * key
            elif operation == OR:
                for b in range(length):
                    v = inner[q, b] | x
                    h[b] += (v ^ (v >> U(32))) * key
            else:
                for b in range(length):
                    v = inner[q, b] ^ x
                    h[b] += (v ^ (v >> U(32))) * key
        for b in range(length):
            h[b] = finished(h[b])


@kernel
def absorb(
    hashes: Any, valid: Any, table: Any, enter: Any, goal: Any, fresh: Any, hits: Any, counts: Any
) -> None:
    """Enter hashes into the open-addressing `table`; list positions of new ones in `fresh`, of the goal in `hits`.

    Unless `enter` holds the table stays as it is (and equal new ones are all listed).
    `valid` marks usable candidates; an empty array means all are. `counts` receives the lengths of both lists.
    """
    last = U(table.shape[0] - 1)
    new = 0
    found = 0
    checked = valid.shape[0] > 0
    for b in range(hashes.shape[0]):
        if checked and not valid[b]:
            continue
        h = hashes[b]
        if h == goal and found < hits.shape[0]:
            hits[found] = b
            found += 1
        at = h & last
        while table[at] != U(0) and table[at] != h:
            at = (at + U(1)) & last
        if table[at] == U(0):
            if enter:
                table[at] = h
            fresh[new] = b
            new += 1
    counts[0] = new
    counts[1] = found


@kernel
def rehash(old: Any, new: Any) -> None:
    """Move all hashes to a larger, empty table."""
    last = U(new.shape[0] - 1)
    for q in range(old.shape[0]):
        h = old[q]
        if h != U(0):
            at = h & last
            while new[at] != U(0):
                at = (at + U(1)) & last
            new[at] = h


@kernel
def pack(truths: Any, words: Any) -> None:
    """Truth values (examples, batch) packed into words (ceil(examples / 64), batch)."""
    examples, batch = truths.shape
    for w in range(words.shape[0]):
        for b in range(batch):
            words[w, b] = U(0)
        for q in range(64 * w, min(64 * w + 64, examples)):
            shift = U(q & 63)
            for b in range(batch):
                words[w, b] |= U(truths[q, b]) << shift


@kernel
def unpack(words: Any, truths: Any) -> None:
    """The inverse of `pack`."""
    examples, batch = truths.shape
    for q in range(examples):
        shift = U(q & 63)
        for b in range(batch):
            truths[q, b] = (words[q >> 6, b] >> shift) & U(1) != U(0)


@kernel
def keep(tile: Any, fresh: Any, blocks: Any, used: int, magnitude: Any) -> None:
    """Copy the fresh columns of a tile behind the `used` rows of blocks (block, example, row); note magnitudes."""
    chunk = blocks.shape[2]
    for b in range(magnitude.shape[0]):
        magnitude[b] = 0.0
    done = 0
    while done < fresh.shape[0]:
        block, first = (used + done) // chunk, (used + done) % chunk
        count = min(chunk - first, fresh.shape[0] - done)
        for q in range(tile.shape[0]):
            if magnitude.shape[0] > 0:
                for b in range(count):
                    x = tile[q, fresh[done + b]]
                    blocks[block, q, first + b] = x
                    magnitude[done + b] = max(magnitude[done + b], abs(float(np.int64(x))))
            else:
                for b in range(count):
                    blocks[block, q, first + b] = tile[q, fresh[done + b]]
        done += count


@kernel
def gather(blocks: Any, rows: Any, found: Any) -> None:
    """Rows of blocks (block, example, row) as columns (example, rows)."""
    chunk = blocks.shape[2]
    for b in range(rows.shape[0]):
        block, at = rows[b] // chunk, rows[b] % chunk
        for q in range(found.shape[0]):
            found[q, b] = blocks[block, q, at]
