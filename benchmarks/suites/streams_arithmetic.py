"""Streams, the tasks on numbers: counters, serial arithmetic and filters."""

import numpy as np

from benchmarks.suites.task import IntArray, Task, Truth, back, pair, scan, single

BIT = (0, 1)
DIGIT = (0, 9)


def _serial(result: Truth) -> Truth:
    """A truth that reads bits least significant first, computes on whole numbers, and writes the bits of the result."""

    def truth(inputs: IntArray) -> IntArray:
        places = np.arange(inputs.shape[1]).astype(object)
        numbers = np.cumsum(inputs * (2**places)[:, None], axis=1)
        return ((result(numbers) // (2**places)[:, None]) % 2).astype(np.int64)

    return truth


def _sum_with_reset(x: IntArray) -> IntArray:
    total = np.cumsum(np.where(x == 5, 0, x), axis=1)
    at_reset = np.maximum.accumulate(np.where(x == 5, total, 0), axis=1)
    return (total - at_reset) % 5


def _later_difference_wins(a: IntArray, b: IntArray) -> IntArray:
    time = np.arange(1, a.shape[1] + 1)
    last = np.maximum.accumulate(time * (a != b), axis=1)
    above = np.take_along_axis(a > b, np.maximum(last - 1, 0), axis=1)
    return ((last > 0) & above).astype(np.int64)


def _pay(credit: IntArray, coin: IntArray) -> IntArray:
    return np.where(credit >= 4, 0, credit) + coin


ARITHMETIC_TASKS: tuple[Task, ...] = (
    Task(
        "Count_Ones",
        "the number of ones so far",
        (BIT,),
        ((None, None),),
        12,
        "machine count_ones(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'",
        single(lambda x: np.cumsum(x, axis=1)),
    ),
    Task(
        "Sum_Mod_5_Reset",
        "the sum modulo 5 since the last 5; a 5 resets it",
        ((0, 5),),
        ((0, 4),),
        10,
        """machine sum_mod_5_reset(x: 0..5) -> 0..4  state s: 0..4 = 0
              next s = if x == 5 then 0 else (s + x) mod 5  output s'""",
        single(_sum_with_reset),
    ),
    Task(
        "Serial_Subtract",
        "the difference a - b, least significant bit first",
        (BIT, BIT),
        (BIT,),
        12,
        """machine serial_subtract(a: 0..1, b: 0..1) -> 0..1  state c: -1..0 = 0
              let s = a - b + c  next c = s div 2  output s mod 2""",
        _serial(lambda n: n[:, :, :1] - n[:, :, 1:]),
    ),
    Task(
        "Serial_Greater",
        "1 if a > b so far, least significant bit first",
        (BIT, BIT),
        (BIT,),
        12,
        """machine serial_greater(a: 0..1, b: 0..1) -> 0..1  state s: 0..1 = 0
              next s = if a == b then s else a  output s'""",
        pair(_later_difference_wins),
    ),
    Task(
        "Times_3",
        "three times x, least significant bit first",
        (BIT,),
        (BIT,),
        12,
        """machine times_3(x: 0..1) -> 0..1  state c: 0..2 = 0
              let v = 3 * x + c  next c = v div 2  output v mod 2""",
        _serial(lambda n: 3 * n),
    ),
    Task(
        "Negate",
        "the negative of x in two's complement, least significant bit first",
        (BIT,),
        (BIT,),
        12,
        "machine negate(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s | x  output x ^ s",
        _serial(lambda n: -n),
    ),
    Task(
        "Value_Mod_3",
        "the binary number so far modulo 3, most significant bit first",
        (BIT,),
        ((0, 2),),
        12,
        "machine value_mod_3(x: 0..1) -> 0..2  state r: 0..2 = 0  next r = (2 * r + x) mod 3  output r'",
        single(lambda x: scan(lambda r, bit: (2 * r + bit) % 3, 0, x)),
    ),
    Task(
        "Vending",
        "1 when the coins since the last sale reach 4; no change is given",
        ((0, 2),),
        (BIT,),
        12,
        """machine vending(x: 0..2) -> 0..1  state s: 0..3 = 0
              let t = s + x  next s = if t >= 4 then 0 else t  output t div 4""",
        single(lambda x: (scan(_pay, 0, x) >= 4).astype(np.int64)),
    ),
    Task(
        "Range_Seen",
        "the largest input so far less the smallest",
        ((0, 4),),
        ((0, 4),),
        10,
        """machine range_seen(x: 0..4) -> 0..4  state m: 0..4 = 0  state n: 0..4 = 4
              next m = max(m, x)  next n = min(n, x)  output m' - n'""",
        single(lambda x: np.maximum.accumulate(x, axis=1) - np.minimum.accumulate(x, axis=1)),
    ),
    Task(
        "Median_Last3",
        "the median of the last three inputs",
        (DIGIT,),
        (DIGIT,),
        10,
        """machine median_last3(x: 0..9) -> 0..9  state p: 0..9 = 0  state q: 0..9 = 0
              next p = x  next q = p  output max(min(x, p), min(max(x, p), q))""",
        single(lambda x: np.median([x, back(x, 1), back(x, 2)], axis=0).astype(np.int64)),
    ),
    Task(
        "Weighted_Last3",
        "x_t + 2 x_{t-1} + 3 x_{t-2}",
        (DIGIT,),
        ((0, 54),),
        10,
        """machine weighted_last3(x: 0..9) -> 0..54  state p: 0..9 = 0  state q: 0..9 = 0
              next p = x  next q = p  output x + 2 * p + 3 * q""",
        single(lambda x: x + 2 * back(x, 1) + 3 * back(x, 2)),
    ),
    Task(
        "Leaky_Average",
        "half of the input plus the previous output, rounded down",
        ((0, 7),),
        ((0, 7),),
        10,
        "machine leaky_average(x: 0..7) -> 0..7  state s: 0..7 = 0  next s = (s + x) div 2  output s'",
        single(lambda x: scan(lambda s, now: (s + now) // 2, 0, x)),
    ),
)
