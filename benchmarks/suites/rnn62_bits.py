"""RNN-62, the addition tasks and the tasks on bits."""

import numpy as np

from benchmarks.suites.task import IntArray, Task, Truth, back, pair, single

BIT = (0, 1)


def _bits(name: str, description: str, reference: str, truth: Truth) -> Task:
    return Task(name, description, (BIT,), (BIT,), 10, reference, truth)


def _two_bits(name: str, description: str, reference: str, truth: Truth) -> Task:
    return Task(name, description, (BIT, BIT), (BIT,), 10, reference, truth)


def _addition(name: str, base: int) -> Task:
    def truth(a: IntArray, b: IntArray) -> IntArray:
        weights = base ** np.arange(a.shape[1], dtype=object)
        total = np.cumsum((a + b) * weights, axis=1)
        return ((total // weights) % base).astype(np.int64)

    top = base - 1
    reference = (
        f"machine addition(a: 0..{top}, b: 0..{top}) -> 0..{top}  state c: 0..1 = 0"
        f"  let s = a + b + c  next c = s div {base}  output s mod {base}"
    )
    description = f"the sum of two numbers in base {base}, least significant digit first"
    return Task(name, description, ((0, top), (0, top)), ((0, top),), 10, reference, pair(truth))


def _alternating(x: IntArray, window: int) -> IntArray:
    changes = [back(x, k) != back(x, k + 1) for k in range(window - 1)]
    return np.all(changes, axis=0).astype(np.int64)


def _palindrome(x: IntArray) -> IntArray:
    prefixes = [(x[:, : t + 1] == x[:, t::-1] if t else x[:, :1] == x[:, :1]).all(axis=1) for t in range(x.shape[1])]
    return np.stack(prefixes, axis=1).astype(np.int64)


def draw_palindromes(rng: np.random.Generator, batch: int, time: int) -> IntArray:
    """Bits that begin with a uniformly drawn palindrome of a uniformly drawn length from 2 to `time`."""
    x = rng.integers(0, 2, size=(batch, time))
    length = rng.integers(min(2, time), time, size=batch, endpoint=True)
    position = np.arange(time)[None, :]
    mirror = np.where(position < length[:, None], np.minimum(position, length[:, None] - 1 - position), position)
    return np.take_along_axis(x, mirror, axis=1)[:, :, None]


def _balanced(x: IntArray) -> IntArray:
    depth = np.cumsum(1 - 2 * x, axis=1)
    return ((depth == 0) & (np.minimum.accumulate(depth, axis=1) >= 0)).astype(np.int64)


BIT_TASKS: tuple[Task, ...] = (
    _addition("Binary_Addition", 2),
    _addition("Base_3_Addition", 3),
    _addition("Base_4_Addition", 4),
    _addition("Base_5_Addition", 5),
    _addition("Base_6_Addition", 6),
    _addition("Base_7_Addition", 7),
    _two_bits(
        "Bitwise_Xor",
        "a xor b",
        "machine bitwise_xor(a: 0..1, b: 0..1) -> 0..1  output a ^ b",
        pair(lambda a, b: a ^ b),
    ),
    _two_bits(
        "Bitwise_Or", "a or b", "machine bitwise_or(a: 0..1, b: 0..1) -> 0..1  output a | b", pair(lambda a, b: a | b)
    ),
    _two_bits(
        "Bitwise_And",
        "a and b",
        "machine bitwise_and(a: 0..1, b: 0..1) -> 0..1  output a & b",
        pair(lambda a, b: a & b),
    ),
    _bits("Bitwise_Not", "not x", "machine bitwise_not(x: 0..1) -> 0..1  output 1 - x", single(lambda x: 1 - x)),
    _two_bits(
        "Bit_Dot_Prod_Mod2",
        "the parity of the number of steps with a = b = 1",
        "machine bit_dot_prod_mod2(a: 0..1, b: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ (a & b)  output s'",
        pair(lambda a, b: np.cumsum(a * b, axis=1) % 2),
    ),
    _bits(
        "Parity_Last2",
        "the parity of the last two bits",
        "machine parity_last2(x: 0..1) -> 0..1  state p: 0..1 = 0  next p = x  output x ^ p",
        single(lambda x: (x + back(x, 1)) % 2),
    ),
    _bits(
        "Parity_Last3",
        "the parity of the last three bits",
        "machine parity_last3(x: 0..1) -> 0..1  state p: 0..1 = 0  state q: 0..1 = 0"
        "  next p = x  next q = p  output x ^ p ^ q",
        single(lambda x: (x + back(x, 1) + back(x, 2)) % 2),
    ),
    _bits(
        "Parity_Last4",
        "the parity of the last four bits",
        "machine parity_last4(x: 0..1) -> 0..1  state p: 0..1 = 0  state q: 0..1 = 0  state r: 0..1 = 0"
        "  next p = x  next q = p  next r = q  output x ^ p ^ q ^ r",
        single(lambda x: (x + back(x, 1) + back(x, 2) + back(x, 3)) % 2),
    ),
    _bits(
        "Parity_All",
        "the parity of all bits so far",
        "machine parity_all(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'",
        single(lambda x: np.cumsum(x, axis=1) % 2),
    ),
    _bits(
        "Parity_Zeros",
        "the parity of the number of zeros so far",
        "machine parity_zeros(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x ^ 1  output s'",
        single(lambda x: np.cumsum(1 - x, axis=1) % 2),
    ),
    _bits(
        "Parity_Bits_Mod2",
        "the parity of the position, whatever the input",
        "machine parity_bits_mod2(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = 1 - s  output s",
        single(lambda x: np.broadcast_to(np.arange(x.shape[1]) % 2, x.shape).copy()),
    ),
    _bits(
        "Alternating_Last3",
        "1 if the last three bits alternate",
        "machine alternating_last3(x: 0..1) -> 0..1  state p: 0..1 = 0  state q: 0..1 = 0"
        "  next p = x  next q = p  output int(x != p and p != q)",
        single(lambda x: _alternating(x, 3)),
    ),
    _bits(
        "Alternating_Last4",
        "1 if the last four bits alternate",
        "machine alternating_last4(x: 0..1) -> 0..1  state p: 0..1 = 0  state q: 0..1 = 0  state r: 0..1 = 0"
        "  next p = x  next q = p  next r = q  output int(x != p and p != q and q != r)",
        single(lambda x: _alternating(x, 4)),
    ),
    _bits(
        "Bit_Shift_Right",
        "the previous bit",
        "machine bit_shift_right(x: 0..1) -> 0..1  state p: 0..1 = 0  next p = x  output p",
        single(lambda x: back(x, 1)),
    ),
    Task(
        "Bit_Palindrome",
        "1 if the bits so far read the same backwards",
        (BIT,),
        (BIT,),
        10,
        "machine bit_palindrome(x: 0..1) -> 0..1  state f: int = 0  state b: int = 0  state w: int = 1"
        "  next f = 2 * f + x  next b = b + w * x  next w = 2 * w  output int(f' == b')",
        single(_palindrome),
        draw_palindromes,
    ),
    _bits(
        "Balanced_Parenthesis",
        "1 if the brackets so far (0 opens, 1 closes) are balanced",
        "machine balanced_parenthesis(x: 0..1) -> 0..1  state d: int = 0"
        "  next d = if d < 0 then d else d + 1 - 2 * x  output int(d' == 0)",
        single(_balanced),
    ),
)
