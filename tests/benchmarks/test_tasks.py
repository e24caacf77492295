"""Every task's truth against examples worked out by hand, and the Tomita languages against regular expressions."""

import itertools
import re

import numpy as np
import pytest

from benchmarks.suites.tables import SUITES, TASKS
from benchmarks.suites.task import Task, draw

# One row a task: name, inputs, outputs. Two inputs or outputs of one step are written as a pair.
EXAMPLES: tuple[tuple[str, list, list], ...] = (
    ("Binary_Addition", [(1, 1), (1, 0), (0, 0)], [0, 0, 1]),
    ("Base_3_Addition", [(2, 2), (1, 1), (0, 0)], [1, 0, 1]),
    ("Base_4_Addition", [(3, 3), (0, 3), (0, 0)], [2, 0, 1]),
    ("Base_5_Addition", [(4, 1), (2, 2), (0, 0)], [0, 0, 1]),
    ("Base_6_Addition", [(5, 5), (5, 0), (1, 0)], [4, 0, 2]),
    ("Base_7_Addition", [(6, 2), (1, 3), (6, 1)], [1, 5, 0]),
    ("Bitwise_Xor", [(0, 0), (0, 1), (1, 0), (1, 1)], [0, 1, 1, 0]),
    ("Bitwise_Or", [(0, 0), (0, 1), (1, 0), (1, 1)], [0, 1, 1, 1]),
    ("Bitwise_And", [(0, 0), (0, 1), (1, 0), (1, 1)], [0, 0, 0, 1]),
    ("Bitwise_Not", [0, 1], [1, 0]),
    ("Bit_Dot_Prod_Mod2", [(1, 1), (0, 1), (1, 1), (1, 1)], [1, 1, 0, 1]),
    ("Parity_Last2", [1, 1, 0, 0], [1, 0, 1, 0]),
    ("Parity_Last3", [1, 1, 1, 0, 0, 0], [1, 0, 1, 0, 1, 0]),
    ("Parity_Last4", [1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 0, 1]),
    ("Parity_All", [1, 1, 0, 1], [1, 0, 0, 1]),
    ("Parity_Zeros", [0, 1, 0, 0], [1, 1, 0, 1]),
    ("Parity_Bits_Mod2", [1, 1, 0, 1], [0, 1, 0, 1]),
    ("Alternating_Last3", [1, 0, 1, 1, 0], [0, 1, 1, 0, 0]),
    ("Alternating_Last4", [1, 0, 1, 0, 0], [0, 0, 1, 1, 0]),
    ("Bit_Shift_Right", [1, 1, 0], [0, 1, 1]),
    ("Bit_Palindrome", [1, 0, 1, 1], [1, 0, 1, 0]),
    ("Balanced_Parenthesis", [0, 1, 0, 0, 1, 1, 1, 0], [0, 1, 0, 0, 0, 1, 0, 0]),
    ("Current_Number", [5, 99], [5, 99]),
    ("Prev1", [5, 6, 7], [0, 5, 6]),
    ("Prev2", [5, 6, 7], [0, 0, 5]),
    ("Prev3", [5, 6, 7, 8], [0, 0, 0, 5]),
    ("Prev4", [5, 6, 7, 8, 9], [0, 0, 0, 0, 5]),
    ("Prev5", [5, 6, 7, 8, 9, 1], [0, 0, 0, 0, 0, 5]),
    ("Sum_All", [5, 6, 99], [5, 11, 110]),
    ("Sum_Last2", [5, 6, 7], [5, 11, 13]),
    ("Sum_Last3", [5, 6, 7, 1], [5, 11, 18, 14]),
    ("Sum_Last4", [1, 2, 3, 4, 5], [1, 3, 6, 10, 14]),
    ("Sum_Last5", [1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 5]),
    ("Sum_Last6", [9, 1, 1, 1, 1, 1, 1], [9, 10, 11, 12, 13, 14, 6]),
    ("Sum_Last7", [9, 0, 0, 0, 0, 0, 0, 1], [9, 9, 9, 9, 9, 9, 9, 1]),
    ("Diff_Last2", [5, 3, -100], [5, -2, -103]),
    ("Abs_Diff", [-5, 3, 3], [5, 8, 0]),
    ("Abs_Current", [-100, 3], [100, 3]),
    ("Diff_Abs_Values", [-5, 3, -9], [5, -2, 6]),
    ("Previous_Equals_Current", [0, 7, 7], [1, 0, 1]),
    ("Evens_Detector", [0, 1, 8], [1, 0, 1]),
    ("Perfect_Square_Detector", [0, 1, 2, 9, 16, 19], [1, 1, 0, 1, 1, 0]),
    ("Evens_Counter", [0, 1, 8], [1, 1, 2]),
    ("Min_Seen", [5, 7, 2], [5, 5, 2]),
    ("Max_Seen", [5, 2, 7], [5, 5, 7]),
    ("Majority_0_1", [1, 0, 0], [1, 0, 0]),
    ("Majority_0_2", [2, 1, 1, 2], [2, 1, 1, 1]),
    ("Majority_0_3", [3, 2, 3, 0], [3, 2, 3, 3]),
    ("Add_Mod_3", [2, 2, 2], [2, 1, 0]),
    ("Add_Mod_4", [3, 3], [3, 2]),
    ("Add_Mod_5", [4, 4, 2], [4, 3, 0]),
    ("Add_Mod_6", [5, 5], [5, 4]),
    ("Add_Mod_7", [6, 6], [6, 5]),
    ("Add_Mod_8", [7, 7], [7, 6]),
    ("Div_3", [1, 1, 0, 1], [0, 1, 0, 0]),
    ("Div_5", [1, 0, 1, 1, 0], [0, 0, 1, 0, 0]),
    ("Div_7", [1, 1, 1, 1], [0, 0, 1, 0]),
    ("Dithering", [14, 0, 1, 15], [0, 0, 1, 1]),
    ("Newton_Freebody", [1, 0, 0, -2], [1, 2, 3, 2]),
    ("Newton_Gravity", [1, 0, 0], [0, -1, -3]),
    ("Newton_Spring", [1, 0, 0, 0, 0, 0, 0], [1, 1, 0, -1, -1, 0, 1]),
    ("Newton_Magnetic", [(1, 0), (0, 0), (0, 0)], [(1, 0), (2, 1), (2, 3)]),
    ("Prev3_Bit", [1, 0, 0, 0, 0], [0, 0, 0, 1, 0]),
    ("Dyck_Depth_3", [0, 1, 0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 0, 0, 0, 1]),
    ("Dyck_Depth_3", [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0]),
    ("Up_Down_Counter", [0, 1, 1, 1, 1, 0], [0, 1, 2, 3, 3, 2]),
    ("Set_Reset", [(0, 0), (1, 0), (0, 0), (1, 1), (0, 0)], [0, 1, 1, 0, 0]),
    ("Rising_Edge", [1, 1, 0, 1], [1, 0, 0, 1]),
    ("First_Symbol", [2, 1, 3], [2, 2, 2]),
    ("First_Equals_Last", [0, 1, 0], [1, 0, 1]),
    ("Run_Of_Ones", [1, 1, 1, 1, 1, 0, 1], [1, 2, 3, 4, 4, 0, 1]),
    ("Debounce", [1, 1, 0, 1, 0, 0], [0, 1, 1, 1, 1, 0]),
    ("Detect_1011", [1, 0, 1, 1, 0, 1, 1], [0, 0, 0, 1, 0, 0, 1]),
    ("Majority_Last3", [1, 1, 0, 0], [0, 1, 1, 0]),
    ("Parity_First", [(1, 0), (0, 1), (1, 1)], [1, 1, 0]),
    ("Parity_First_Told", [(1, 0), (0, 1), (1, 1)], [1, 1, 0]),
    ("Count_Ones", [1, 0, 1], [1, 1, 2]),
    ("Sum_Mod_5_Reset", [4, 3, 5, 1, 4], [4, 2, 0, 1, 0]),
    ("Serial_Subtract", [(0, 1), (0, 0), (1, 0)], [1, 1, 0]),
    ("Serial_Greater", [(1, 0), (1, 1), (0, 1)], [1, 1, 0]),
    ("Times_3", [1, 1, 0, 0], [1, 0, 0, 1]),
    ("Negate", [0, 1, 0, 1], [0, 1, 1, 0]),
    ("Value_Mod_3", [1, 1, 1, 0], [1, 0, 1, 2]),
    ("Vending", [2, 1, 2, 1, 2, 1], [0, 0, 1, 0, 0, 1]),
    ("Range_Seen", [2, 2, 0, 4], [0, 0, 2, 4]),
    ("Median_Last3", [5, 3, 9, 1], [0, 3, 5, 3]),
    ("Weighted_Last3", [1, 0, 0, 2], [1, 2, 3, 2]),
    ("Leaky_Average", [7, 7, 0], [3, 5, 2]),
    ("Count_Mod_4", [1, 1, 0, 1, 1, 1], [1, 2, 2, 3, 0, 1]),
)

TOMITA_PATTERNS = {1: "1*", 2: "(10)*", 4: "(?!.*000).*", 7: "0*1*0*1*"}


def _steps(values: list) -> np.ndarray:
    """An array of shape `(1, time, arity)`."""
    return np.array([value if isinstance(value, tuple) else (value,) for value in values])[None]


@pytest.mark.parametrize(("name", "inputs", "outputs"), EXAMPLES)
def test_truth_of_worked_example(name: str, inputs: list, outputs: list) -> None:
    assert TASKS[name].truth(_steps(inputs)).tolist() == _steps(outputs).tolist()


def test_every_task_has_an_example() -> None:
    named = {name for name, _, _ in EXAMPLES} | set(SUITES["tomita"])
    assert named == set(TASKS)
    assert len(SUITES["rnn62"]) == 62


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_drawn_data_stay_in_the_declared_ranges(task: Task) -> None:
    inputs = draw(task, 200, 2 * task.train_length, rng=np.random.default_rng(0))
    outputs = task.truth(inputs)
    assert inputs.shape == (200, 2 * task.train_length, len(task.inputs))
    assert outputs.shape == (200, 2 * task.train_length, len(task.outputs))
    assert inputs.dtype == outputs.dtype == np.int64
    for component, (low, high) in enumerate(task.inputs):
        assert low <= inputs[..., component].min()
        assert inputs[..., component].max() <= high
    for component, (low, high) in enumerate(task.outputs):
        assert low is None or low <= outputs[..., component].min()
        assert high is None or outputs[..., component].max() <= high


def _in_tomita(number: int, word: str) -> bool:
    match number:
        case 3:
            runs = re.findall("1+|0+", word)
            return not any(a[0] == "1" and len(a) % 2 and len(b) % 2 for a, b in itertools.pairwise(runs))
        case 5:
            return word.count("0") % 2 == 0 and word.count("1") % 2 == 0
        case 6:
            return (word.count("0") - word.count("1")) % 3 == 0
        case _:
            return re.fullmatch(TOMITA_PATTERNS[number], word) is not None


@pytest.mark.parametrize("number", range(1, 8))
def test_tomita_on_all_words_of_length_8(number: int) -> None:
    words = list(itertools.product((0, 1), repeat=8))
    answers = SUITES["tomita"][f"Tomita_{number}"].truth(np.array(words)[:, :, None])[:, :, 0]
    for word, answer in zip(words, answers, strict=True):
        text = "".join(map(str, word))
        assert answer.tolist() == [_in_tomita(number, text[: t + 1]) for t in range(8)]
