"""The recipes of RNN-62 in its published setting: ReLU stacks, plain integers in, rounded numbers out.

Affine tasks get two linear maps, tasks on a window a linear shift register and a deeper read-out, running extremes a
deeper update, and state machines a deeper update and read-out.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.zoo.recipe import Recipe

# Hidden size by task. An affine task needs as many units as it remembers numbers.
AFFINE = {
    "Bitwise_Not": 1,
    "Bit_Shift_Right": 2,
    "Current_Number": 1,
    "Prev1": 2,
    "Prev2": 4,
    "Prev3": 5,
    "Prev4": 6,
    "Prev5": 8,
    "Sum_All": 2,
    "Sum_Last2": 3,
    "Sum_Last3": 4,
    "Sum_Last4": 6,
    "Sum_Last5": 8,
    "Sum_Last6": 8,
    "Sum_Last7": 10,
    "Diff_Last2": 3,
    "Newton_Freebody": 4,
    "Newton_Gravity": 4,
    "Newton_Spring": 4,
    "Newton_Magnetic": 8,
    "Parity_Bits_Mod2": 2,
}
# Hidden size and width of the read-out by task.
WINDOW = {
    "Bitwise_Xor": (2, 8),
    "Bitwise_Or": (2, 8),
    "Bitwise_And": (2, 8),
    "Parity_Last2": (3, 12),
    "Parity_Last3": (4, 16),
    "Parity_Last4": (5, 16),
    "Alternating_Last3": (4, 16),
    "Alternating_Last4": (5, 24),
    "Abs_Current": (2, 8),
    "Abs_Diff": (3, 12),
    "Diff_Abs_Values": (3, 12),
    "Previous_Equals_Current": (3, 16),
    "Evens_Detector": (2, 24),
    "Perfect_Square_Detector": (2, 24),
    "Majority_0_1": (2, 16),
}
SCALED_WINDOWS = ("Abs_Current", "Abs_Diff", "Diff_Abs_Values")
EXTREME = {"Min_Seen": (3, 24), "Max_Seen": (3, 24), "Evens_Counter": (3, 24)}
MACHINE = {
    "Binary_Addition": (4, 24),
    "Base_3_Addition": (4, 24),
    "Base_4_Addition": (4, 32),
    "Base_5_Addition": (4, 32),
    "Base_6_Addition": (4, 32),
    "Base_7_Addition": (4, 32),
    "Bit_Dot_Prod_Mod2": (4, 24),
    "Parity_All": (4, 16),
    "Parity_Zeros": (4, 16),
    "Balanced_Parenthesis": (6, 32),
    "Add_Mod_3": (4, 32),
    "Add_Mod_4": (4, 32),
    "Add_Mod_5": (6, 32),
    "Div_3": (6, 32),
    "Div_5": (6, 32),
    "Div_7": (6, 32),
}
HARD = {
    "Add_Mod_6": (8, 48),
    "Add_Mod_7": (8, 48),
    "Add_Mod_8": (8, 48),
    "Dithering": (8, 48),
    "Majority_0_2": (8, 48),
    "Majority_0_3": (12, 48),
    "Bit_Palindrome": (16, 48),
}


_numbers = partial(Recipe, cell="mlp", encoding="integer", decoding="round", stopping=4096, members=8)
_affine = partial(_numbers, lr_low=3e-3, lr_high=1.2e-2, steps=4000, scaled=True)
_deep = partial(_numbers, lr_low=2e-3, lr_high=8e-3)


def _recipes() -> Iterator[Recipe]:
    for seed, (task, hidden) in enumerate(AFFINE.items(), 100):
        yield _affine(f"rnn62/{task}", task, hidden=hidden, seed=seed)
    for seed, (task, (hidden, width)) in enumerate(WINDOW.items(), 200):
        yield _deep(
            f"rnn62/{task}",
            task,
            hidden=hidden,
            seed=seed,
            width=width,
            readout_depth=2,
            scaled=task in SCALED_WINDOWS,
            steps=5000,
        )
    for seed, (task, (hidden, width)) in enumerate(EXTREME.items(), 300):
        yield _deep(f"rnn62/{task}", task, hidden=hidden, seed=seed, width=width, hidden_depth=2, members=6, steps=5000)
    for seed, (task, (hidden, width)) in enumerate(MACHINE.items(), 400):
        yield _deep(
            f"rnn62/{task}", task, hidden=hidden, seed=seed, width=width, hidden_depth=2, readout_depth=2, steps=6000
        )
    for seed, (task, (hidden, width)) in enumerate(HARD.items(), 500):
        yield _deep(
            f"rnn62/{task}", task, hidden=hidden, seed=seed, width=width, hidden_depth=2, readout_depth=2, steps=12000
        )


RNN62_RECIPES: tuple[Recipe, ...] = tuple(_recipes())
