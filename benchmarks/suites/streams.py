"""Streams: tasks beyond RNN-62 that small recurrent networks learn, chosen for variety of state.

Among them are bounded stacks and counters, latches, serial arithmetic, filters, pattern detectors, and one task whose
sampler offers a shortcut.
"""

import numpy as np

from benchmarks.suites.streams_arithmetic import ARITHMETIC_TASKS
from benchmarks.suites.task import IntArray, Task, back, by_name, pair, scan, single

BIT = (0, 1)


def _depth_at_most_3(x: IntArray) -> IntArray:
    depth = np.cumsum(1 - 2 * x, axis=1)
    legal = (np.minimum.accumulate(depth, axis=1) >= 0) & (np.maximum.accumulate(depth, axis=1) <= 3)
    return (legal & (depth == 0)).astype(np.int64)


def _last_set_or_reset(a: IntArray, b: IntArray) -> IntArray:
    time = np.arange(1, a.shape[1] + 1)
    last_set = np.maximum.accumulate(time * (a == 1), axis=1)
    last_reset = np.maximum.accumulate(time * (b == 1), axis=1)
    return (last_set > last_reset).astype(np.int64)


def _run_of_ones(x: IntArray) -> IntArray:
    time = np.arange(1, x.shape[1] + 1)
    last_zero = np.maximum.accumulate(time * (x == 0), axis=1)
    return np.minimum(time - last_zero, 4)


def _debounced(x: IntArray) -> IntArray:
    time = np.arange(1, x.shape[1] + 1)
    last_agreement = np.maximum.accumulate(time * (x == back(x, 1)), axis=1)
    agreed = np.take_along_axis(x, np.maximum(last_agreement - 1, 0), axis=1)
    return np.where(last_agreement > 0, agreed, 0)


def _ends_in_1011(x: IntArray) -> IntArray:
    return ((x == 1) & (back(x, 1) == 1) & (back(x, 2) == 0) & (back(x, 3) == 1)).astype(np.int64)


def draw_told(rng: np.random.Generator, batch: int, time: int) -> IntArray:
    """Uniform bits a; b gives the parity of a so far away."""
    a = rng.integers(0, 2, size=(batch, time))
    return np.stack([a, np.cumsum(a, axis=1) % 2], axis=-1)


def draw_brackets(rng: np.random.Generator, batch: int, time: int) -> IntArray:
    """Bits that follow a legal walk between depths 0 and 3, in half of the rows with a tenth of the bits flipped."""
    x = np.empty((batch, time), dtype=np.int64)
    depth = np.zeros(batch, dtype=np.int64)
    for t in range(time):
        x[:, t] = np.where(depth == 0, 0, np.where(depth == 3, 1, rng.integers(0, 2, size=batch)))
        depth += 1 - 2 * x[:, t]
    flips = (rng.random((batch, time)) < 0.1) & (np.arange(batch) % 2 == 0)[:, None]
    return np.where(flips, 1 - x, x)[:, :, None]


FINITE_TASKS: tuple[Task, ...] = (
    Task(
        "Prev3_Bit",
        "the bit of three steps ago",
        (BIT,),
        (BIT,),
        12,
        "machine prev3_bit(x: 0..1) -> 0..1  state r: [0..1; 3] = [0, 0, 0]  next r = push(r, x)  output r[0]",
        single(lambda x: back(x, 3)),
    ),
    Task(
        "Dyck_Depth_3",
        "1 if the brackets so far (0 opens, 1 closes) are balanced and never deeper than 3",
        (BIT,),
        (BIT,),
        12,
        """machine dyck_depth_3(x: 0..1) -> 0..1  state d: -1..4 = 0
              next d = if d < 0 or d > 3 then d else d + 1 - 2 * x  output int(d' == 0)""",
        single(_depth_at_most_3),
        draw_brackets,
    ),
    Task(
        "Up_Down_Counter",
        "a counter that 1 raises and 0 lowers, held between 0 and 3",
        (BIT,),
        ((0, 3),),
        12,
        """machine up_down_counter(x: 0..1) -> 0..3  state n: 0..3 = 0
              next n = if x == 1 then min(n + 1, 3) else max(n - 1, 0)  output n'""",
        single(lambda x: scan(lambda n, bit: np.clip(n + 2 * bit - 1, 0, 3), 0, x)),
    ),
    Task(
        "Set_Reset",
        "a latch that a sets and b resets; b wins",
        (BIT, BIT),
        (BIT,),
        12,
        "machine set_reset(a: 0..1, b: 0..1) -> 0..1  state s: 0..1 = 0  next s = (s | a) & (1 - b)  output s'",
        pair(_last_set_or_reset),
    ),
    Task(
        "Rising_Edge",
        "1 where a 0 is followed by a 1",
        (BIT,),
        (BIT,),
        12,
        "machine rising_edge(x: 0..1) -> 0..1  state p: 0..1 = 0  next p = x  output int(x > p)",
        single(lambda x: (x > back(x, 1)).astype(np.int64)),
    ),
    Task(
        "First_Symbol",
        "the first input, for ever",
        ((0, 3),),
        ((0, 3),),
        12,
        "machine first_symbol(x: 0..3) -> 0..3  state s: 0..4 = 4  next s = if s == 4 then x else s  output s'",
        single(lambda x: np.repeat(x[:, :1], x.shape[1], axis=1)),
    ),
    Task(
        "First_Equals_Last",
        "1 if the input equals the first one",
        (BIT,),
        (BIT,),
        12,
        """machine first_equals_last(x: 0..1) -> 0..1  state s: 0..2 = 2
              next s = if s == 2 then x else s  output int(s' == x)""",
        single(lambda x: (x == x[:, :1]).astype(np.int64)),
    ),
    Task(
        "Run_Of_Ones",
        "the length of the present run of ones, counted up to 4",
        (BIT,),
        ((0, 4),),
        12,
        "machine run_of_ones(x: 0..1) -> 0..4  state n: 0..4 = 0  next n = min((n + 1) * x, 4)  output n'",
        single(_run_of_ones),
    ),
    Task(
        "Debounce",
        "the last bit that came twice in a row",
        (BIT,),
        (BIT,),
        12,
        """machine debounce(x: 0..1) -> 0..1  state p: 0..1 = 0  state s: 0..1 = 0
              next p = x  next s = if x == p then x else s  output s'""",
        single(_debounced),
    ),
    Task(
        "Detect_1011",
        "1 where the last four bits are 1011",
        (BIT,),
        (BIT,),
        12,
        """machine detect_1011(x: 0..1) -> 0..1  state w: 0..15 = 0
              let v = (2 * w + x) mod 16  next w = v  output int(v == 11)""",
        single(_ends_in_1011),
    ),
    Task(
        "Majority_Last3",
        "the majority of the last three bits",
        (BIT,),
        (BIT,),
        12,
        """machine majority_last3(x: 0..1) -> 0..1  state p: 0..1 = 0  state q: 0..1 = 0
              next p = x  next q = p  output (x + p + q) div 2""",
        single(lambda x: (x + back(x, 1) + back(x, 2) >= 2).astype(np.int64)),
    ),
    Task(
        "Parity_First",
        "the parity of all a so far; b is no part of the task",
        (BIT, BIT),
        (BIT,),
        12,
        "machine parity_first(a: 0..1, b: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ a  output s'",
        pair(lambda a, b: np.cumsum(a, axis=1) % 2),
    ),
    Task(
        "Parity_First_Told",
        "Parity_First, trained where b always gives the answer away",
        (BIT, BIT),
        (BIT,),
        12,
        "machine parity_first(a: 0..1, b: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ a  output s'",
        pair(lambda a, b: np.cumsum(a, axis=1) % 2),
        draw_told,
    ),
)

STREAMS: dict[str, Task] = by_name((*FINITE_TASKS, *ARITHMETIC_TASKS))
