"""RNN-62, running statistics, modular and division machines, and integer dynamics."""

import numpy as np

from benchmarks.suites.task import IntArray, Task, scan, single

BIT = (0, 1)
DIGIT = (0, 9)
PUSH = (-10, 10)
UNBOUNDED = (None, None)


def _majority(x: IntArray, symbols: int) -> IntArray:
    counts = np.stack([np.cumsum(x == symbol, axis=1) for symbol in range(symbols)])
    return np.argmax(counts, axis=0)


def _sum_mod(modulus: int) -> Task:
    top = modulus - 1
    reference = (
        f"machine add_mod_{modulus}(x: 0..{top}) -> 0..{top}  state s: 0..{top} = 0"
        f"  next s = (s + x) mod {modulus}  output s'"
    )
    description = f"the sum of all inputs so far, modulo {modulus}"
    return Task(
        f"Add_Mod_{modulus}",
        description,
        ((0, top),),
        ((0, top),),
        10,
        reference,
        single(lambda x: np.cumsum(x, axis=1) % modulus),
    )


def _division(divisor: int) -> Task:
    def truth(x: IntArray) -> IntArray:
        remainders = scan(lambda r, bit: (2 * r + bit) % divisor, 0, x)
        before = np.concatenate([np.zeros_like(remainders[:, :1]), remainders[:, :-1]], axis=1)
        return (2 * before + x >= divisor).astype(np.int64)

    reference = (
        f"machine div_{divisor}(x: 0..1) -> 0..1  state r: 0..{divisor - 1} = 0"
        f"  let v = 2 * r + x  next r = v mod {divisor}  output v div {divisor}"
    )
    description = f"the quotient by {divisor} of a binary number, most significant bit first"
    return Task(f"Div_{divisor}", description, (BIT,), (BIT,), 10, reference, single(truth))


def _dithering(x: IntArray) -> IntArray:
    quotients = np.cumsum(x, axis=1) // 15
    return np.diff(quotients, axis=1, prepend=0)


def _spring(x: IntArray) -> IntArray:
    position = np.zeros_like(x)
    for t in range(x.shape[1]):
        before = position[:, t - 1] if t > 0 else 0
        earlier = position[:, t - 2] if t > 1 else 0
        position[:, t] = before - earlier + x[:, t]
    return position


def _magnetic(inputs: IntArray) -> IntArray:
    """Integers throughout: v' = (1 + i) v + x and p' = p + v', real and imaginary part by hand."""
    velocity = np.zeros_like(inputs[:, 0])
    position = np.zeros_like(velocity)
    positions = np.empty_like(inputs)
    for t in range(inputs.shape[1]):
        turned = np.stack([-velocity[:, 1], velocity[:, 0]], axis=1)
        velocity = velocity + turned + inputs[:, t]
        position = position + velocity
        positions[:, t] = position
    return positions


STATISTICS: tuple[Task, ...] = (
    Task(
        "Evens_Counter",
        "the number of even inputs so far",
        (DIGIT,),
        (UNBOUNDED,),
        10,
        "machine evens_counter(x: 0..9) -> int  state n: int = 0  next n = n + 1 - x mod 2  output n'",
        single(lambda x: np.cumsum(x % 2 == 0, axis=1)),
    ),
    Task(
        "Min_Seen",
        "the smallest input so far",
        (DIGIT,),
        (DIGIT,),
        10,
        "machine min_seen(x: 0..9) -> 0..9  state m: 0..9 = 9  next m = min(m, x)  output m'",
        single(lambda x: np.minimum.accumulate(x, axis=1)),
    ),
    Task(
        "Max_Seen",
        "the largest input so far",
        (DIGIT,),
        (DIGIT,),
        10,
        "machine max_seen(x: 0..9) -> 0..9  state m: 0..9 = 0  next m = max(m, x)  output m'",
        single(lambda x: np.maximum.accumulate(x, axis=1)),
    ),
    Task(
        "Majority_0_1",
        "the bit seen most often; a tie goes to 0",
        (BIT,),
        (BIT,),
        10,
        "machine majority_0_1(x: 0..1) -> 0..1  state d: int = 0  next d = d + 2 * x - 1  output int(d' > 0)",
        single(lambda x: _majority(x, 2)),
    ),
    Task(
        "Majority_0_2",
        "the symbol of 0..2 seen most often; a tie goes to the smaller",
        ((0, 2),),
        ((0, 2),),
        10,
        """machine majority_0_2(x: 0..2) -> 0..2
              state a: int = 0  state b: int = 0  state c: int = 0
              next a = a + int(x == 0)  next b = b + int(x == 1)  next c = c + int(x == 2)
              output if a' >= max(b', c') then 0 else if b' >= c' then 1 else 2""",
        single(lambda x: _majority(x, 3)),
    ),
    Task(
        "Majority_0_3",
        "the symbol of 0..3 seen most often; a tie goes to the smaller",
        ((0, 3),),
        ((0, 3),),
        10,
        """machine majority_0_3(x: 0..3) -> 0..3
              state a: int = 0  state b: int = 0  state c: int = 0  state d: int = 0
              next a = a + int(x == 0)  next b = b + int(x == 1)
              next c = c + int(x == 2)  next d = d + int(x == 3)
              output if a' >= max(b', max(c', d')) then 0
                else if b' >= max(c', d') then 1 else if c' >= d' then 2 else 3""",
        single(lambda x: _majority(x, 4)),
    ),
)

MODULAR: tuple[Task, ...] = (
    *(_sum_mod(modulus) for modulus in (3, 4, 5, 6, 7, 8)),
    *(_division(divisor) for divisor in (3, 5, 7)),
    Task(
        "Dithering",
        "1 if the running sum passes a multiple of 15",
        ((0, 15),),
        (BIT,),
        10,
        "machine dithering(x: 0..15) -> 0..1  state r: 0..14 = 0  let s = r + x  next r = s mod 15  output s div 15",
        single(_dithering),
    ),
)

DYNAMICS: tuple[Task, ...] = (
    Task(
        "Newton_Freebody",
        "the position of a free body pushed by x",
        (PUSH,),
        (UNBOUNDED,),
        10,
        "machine newton_freebody(x: -10..10) -> int  state v: int = 0  state p: int = 0"
        "  let w = v + x  next v = w  next p = p + w  output p'",
        single(lambda x: np.cumsum(np.cumsum(x, axis=1), axis=1)),
    ),
    Task(
        "Newton_Gravity",
        "the position of a falling body pushed by x",
        (PUSH,),
        (UNBOUNDED,),
        10,
        "machine newton_gravity(x: -10..10) -> int  state v: int = 0  state p: int = 0"
        "  let w = v + x - 1  next v = w  next p = p + w  output p'",
        single(lambda x: np.cumsum(np.cumsum(x - 1, axis=1), axis=1)),
    ),
    Task(
        "Newton_Spring",
        "the position of a body on a spring pushed by x",
        (PUSH,),
        (UNBOUNDED,),
        10,
        "machine newton_spring(x: -10..10) -> int  state p: int = 0  state q: int = 0"
        "  next p = p - q + x  next q = p  output p'",
        single(_spring),
    ),
    Task(
        "Newton_Magnetic",
        "the position of a charged body in a magnetic field, pushed by (a, b)",
        (PUSH, PUSH),
        (UNBOUNDED, UNBOUNDED),
        10,
        """machine newton_magnetic(a: -10..10, b: -10..10) -> int, int
              state u: int = 0  state v: int = 0  state p: int = 0  state q: int = 0
              let f = u - v + a  let g = u + v + b
              next u = f  next v = g  next p = p + f  next q = q + g
              output p', q'""",
        _magnetic,
    ),
)

MACHINE_TASKS: tuple[Task, ...] = (*STATISTICS, *MODULAR, *DYNAMICS)
