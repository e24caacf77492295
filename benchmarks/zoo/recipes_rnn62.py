"""The recipes of RNN-62 in its published setting: ReLU stacks, plain integers in, rounded numbers out.

Affine tasks get two linear maps, tasks on a window a linear shift register and a deeper read-out, running extremes a
deeper update, and state machines a deeper update and read-out.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.zoo.recipe import Recipe

# Hidden size and seed by task. An affine task needs as many units as it remembers numbers.
AFFINE = {
    "Bitwise_Not": (1, 100),
    "Bit_Shift_Right": (2, 101),
    "Current_Number": (1, 102),
    "Prev1": (2, 103),
    "Prev2": (4, 104),
    "Prev3": (5, 105),
    "Prev4": (6, 106),
    "Prev5": (8, 107),
    "Sum_All": (2, 108),
    "Sum_Last2": (3, 109),
    "Sum_Last3": (4, 110),
    "Sum_Last4": (6, 111),
    "Sum_Last5": (8, 112),
    "Diff_Last2": (3, 115),
    "Newton_Freebody": (4, 116),
    "Newton_Gravity": (4, 117),
    "Newton_Spring": (4, 118),
    "Newton_Magnetic": (8, 119),
    "Parity_Bits_Mod2": (2, 120),
}
LONG_SUM = {"Sum_Last6": (10, 620), "Sum_Last7": (12, 621)}
# Hidden size, width of the stacks and seed by task.
WINDOW = {
    "Bitwise_Xor": (2, 8, 200),
    "Bitwise_Or": (2, 8, 201),
    "Bitwise_And": (2, 8, 202),
    "Parity_Last2": (3, 12, 203),
    "Parity_Last3": (4, 16, 204),
    "Parity_Last4": (5, 16, 205),
    "Alternating_Last3": (4, 16, 206),
    "Alternating_Last4": (5, 24, 207),
    "Abs_Current": (2, 8, 208),
    "Abs_Diff": (3, 12, 209),
    "Diff_Abs_Values": (3, 12, 210),
    "Previous_Equals_Current": (3, 16, 211),
    "Majority_0_1": (2, 16, 214),
}
SCALED_WINDOWS = ("Abs_Current", "Abs_Diff", "Diff_Abs_Values")
DETECTOR = {"Evens_Detector": (2, 48, 600), "Perfect_Square_Detector": (2, 48, 601)}
EXTREME = {
    "Min_Seen": (3, 24, 300),
    "Max_Seen": (3, 24, 301),
}
MACHINE = {
    "Binary_Addition": (4, 24, 400),
    "Base_3_Addition": (4, 24, 401),
    "Base_4_Addition": (4, 32, 402),
    "Base_5_Addition": (4, 32, 403),
    "Base_6_Addition": (4, 32, 404),
    "Base_7_Addition": (4, 32, 405),
    "Bit_Dot_Prod_Mod2": (4, 24, 406),
    "Parity_All": (4, 16, 407),
    "Parity_Zeros": (4, 16, 408),
    "Balanced_Parenthesis": (6, 32, 409),
    "Add_Mod_3": (4, 32, 410),
    "Add_Mod_4": (4, 32, 411),
    "Add_Mod_5": (6, 32, 412),
    "Div_3": (6, 32, 413),
    "Div_5": (6, 32, 414),
    "Div_7": (6, 32, 415),
}
HARD = {
    "Add_Mod_6": (8, 48, 500),
    "Add_Mod_7": (8, 48, 501),
    "Add_Mod_8": (8, 48, 502),
    "Dithering": (8, 48, 503),
    "Majority_0_2": (8, 48, 504),
    "Majority_0_3": (12, 48, 505),
    "Bit_Palindrome": (16, 48, 506),
}

_numbers = partial(Recipe, cell="mlp", encoding="integer", decoding="round", stopping=4096, members=8)
_affine = partial(_numbers, lr_low=3e-3, lr_high=1.2e-2, steps=4000, scaled=True)
_stacks = partial(_numbers, lr_low=2e-3, lr_high=8e-3)
_window = partial(_stacks, readout_depth=2, steps=5000)
_detector = partial(_stacks, readout_depth=3, steps=8000, scaled=True)
_extreme = partial(_stacks, hidden_depth=2, steps=5000, members=6)
_machine = partial(_stacks, hidden_depth=2, readout_depth=2, steps=6000)


def _recipes() -> Iterator[Recipe]:
    for task, (hidden, seed) in AFFINE.items():
        yield _affine(f"rnn62/{task}", task, hidden=hidden, seed=seed)
    for task, (hidden, seed) in LONG_SUM.items():
        yield _affine(f"rnn62/{task}", task, hidden=hidden, seed=seed, steps=12000)
    for task, (hidden, width, seed) in WINDOW.items():
        scaled = task in SCALED_WINDOWS
        yield _window(f"rnn62/{task}", task, hidden=hidden, width=width, seed=seed, scaled=scaled)
    for task, (hidden, width, seed) in EXTREME.items():
        yield _extreme(f"rnn62/{task}", task, hidden=hidden, width=width, seed=seed)
    for task, (hidden, width, seed) in MACHINE.items():
        yield _machine(f"rnn62/{task}", task, hidden=hidden, width=width, seed=seed)
    for task, (hidden, width, seed) in DETECTOR.items():
        yield _detector(f"rnn62/{task}", task, hidden=hidden, width=width, seed=seed)
    counter = partial(_stacks, hidden_depth=3, width=48, steps=8000, scaled=True)
    yield counter("rnn62/Evens_Counter", "Evens_Counter", hidden=3, seed=610)
    for task, (hidden, width, seed) in HARD.items():
        yield _machine(f"rnn62/{task}", task, hidden=hidden, width=width, seed=seed, steps=12000)


RNN62_RECIPES: tuple[Recipe, ...] = tuple(_recipes())
