"""RNN-62, delays, sums, differences, and detectors of the current number."""

import numpy as np

from benchmarks.suites.task import IntArray, OutputRange, Range, Task, Truth, back, single

SMALL = (0, 99)
SIGNED = (-100, 99)


def _number(name: str, description: str, inputs: Range, outputs: OutputRange, reference: str, truth: Truth) -> Task:
    return Task(name, description, (inputs,), (outputs,), 10, reference, truth)


def _delay(steps: int, length: int) -> Task:
    zeros = ", ".join("0" for _ in range(steps))
    reference = (
        f"machine prev{steps}(x: 0..99) -> 0..99  state r: [0..99; {steps}] = [{zeros}]"
        "  next r = push(r, x)  output r[0]"
    )
    description = f"the input of {steps} steps ago"
    return Task(f"Prev{steps}", description, (SMALL,), (SMALL,), length, reference, single(lambda x: back(x, steps)))


def _sum_last(window: int, length: int) -> Task:
    def truth(x: IntArray) -> IntArray:
        total = np.cumsum(x, axis=1)
        return total - back(total, window)

    past, top = window - 1, 99 * window
    zeros = ", ".join("0" for _ in range(past))
    terms = " + ".join(["x", *(f"r[{i}]" for i in range(past))])
    reference = (
        f"machine sum_last{window}(x: 0..99) -> 0..{top}  state r: [0..99; {past}] = [{zeros}]"
        f"  next r = push(r, x)  output {terms}"
    )
    description = f"the sum of the last {window} inputs"
    return Task(f"Sum_Last{window}", description, (SMALL,), ((0, top),), length, reference, single(truth))


NUMBER_TASKS: tuple[Task, ...] = (
    _number(
        "Current_Number",
        "the input itself",
        SMALL,
        SMALL,
        "machine current_number(x: 0..99) -> 0..99  output x",
        single(lambda x: x.copy()),
    ),
    _number(
        "Prev1",
        "the input of 1 step ago",
        SMALL,
        SMALL,
        "machine prev1(x: 0..99) -> 0..99  state p: 0..99 = 0  next p = x  output p",
        single(lambda x: back(x, 1)),
    ),
    _delay(2, 10),
    _delay(3, 10),
    _delay(4, 10),
    _delay(5, 20),
    _number(
        "Sum_All",
        "the sum of all inputs so far",
        SMALL,
        (None, None),
        "machine sum_all(x: 0..99) -> int  state s: int = 0  next s = s + x  output s'",
        single(lambda x: np.cumsum(x, axis=1)),
    ),
    _number(
        "Sum_Last2",
        "the sum of the last 2 inputs",
        SMALL,
        (0, 198),
        "machine sum_last2(x: 0..99) -> 0..198  state p: 0..99 = 0  next p = x  output x + p",
        single(lambda x: x + back(x, 1)),
    ),
    _sum_last(3, 10),
    _sum_last(4, 10),
    _sum_last(5, 20),
    _sum_last(6, 20),
    _sum_last(7, 20),
    _number(
        "Diff_Last2",
        "the input less the previous one",
        SIGNED,
        (-199, 199),
        "machine diff_last2(x: -100..99) -> -199..199  state p: -100..99 = 0  next p = x  output x - p",
        single(lambda x: x - back(x, 1)),
    ),
    _number(
        "Abs_Diff",
        "the distance between the input and the previous one",
        SIGNED,
        (0, 199),
        "machine abs_diff(x: -100..99) -> 0..199  state p: -100..99 = 0  next p = x  output abs(x - p)",
        single(lambda x: np.abs(x - back(x, 1))),
    ),
    _number(
        "Abs_Current",
        "the absolute value of the input",
        SIGNED,
        (0, 100),
        "machine abs_current(x: -100..99) -> 0..100  output abs(x)",
        single(np.abs),
    ),
    _number(
        "Diff_Abs_Values",
        "the absolute value of the input less that of the previous one",
        SIGNED,
        (-100, 100),
        "machine diff_abs_values(x: -100..99) -> -100..100  state p: 0..100 = 0"
        "  let a = abs(x)  next p = a  output a - p",
        single(lambda x: np.abs(x) - back(np.abs(x), 1)),
    ),
    _number(
        "Previous_Equals_Current",
        "1 if the input equals the previous one",
        (0, 7),
        (0, 1),
        "machine previous_equals_current(x: 0..7) -> 0..1  state p: 0..7 = 0  next p = x  output int(x == p)",
        single(lambda x: (x == back(x, 1)).astype(np.int64)),
    ),
    _number(
        "Evens_Detector",
        "1 if the input is even",
        (0, 9),
        (0, 1),
        "machine evens_detector(x: 0..9) -> 0..1  output 1 - x mod 2",
        single(lambda x: 1 - x % 2),
    ),
    _number(
        "Perfect_Square_Detector",
        "1 if the input is a perfect square",
        (0, 19),
        (0, 1),
        "machine perfect_square_detector(x: 0..19) -> 0..1"
        "  output int(x == 0 or x == 1 or x == 4 or x == 9 or x == 16)",
        single(lambda x: np.isin(x, (0, 1, 4, 9, 16)).astype(np.int64)),
    ),
)
