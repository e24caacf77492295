"""Twenty finite-state tasks of RNN-62 with one-hot inputs, each on a tanh RNN, a GRU and an LSTM.

A little noise on the hidden state keeps states apart; how long the networks stay right is noted with each.
"""

from collections.abc import Iterator

from benchmarks.zoo.recipe import Cell, Recipe

# Hidden size by task: about twice as many units as states, and a few more where every input is a move of its own.
HIDDEN = {
    "Binary_Addition": 8,
    "Base_3_Addition": 10,
    "Bit_Dot_Prod_Mod2": 8,
    "Parity_Last2": 6,
    "Parity_Last3": 8,
    "Parity_Last4": 12,
    "Parity_All": 6,
    "Parity_Zeros": 6,
    "Parity_Bits_Mod2": 4,
    "Alternating_Last3": 8,
    "Alternating_Last4": 10,
    "Bit_Shift_Right": 4,
    "Previous_Equals_Current": 12,
    "Min_Seen": 12,
    "Add_Mod_3": 8,
    "Add_Mod_4": 10,
    "Add_Mod_5": 12,
    "Div_3": 10,
    "Div_5": 12,
    "Div_7": 16,
}
CELLS: tuple[Cell, ...] = ("rnn_tanh", "gru", "lstm")
FIRST_SEED = 5000


def _recipes() -> Iterator[Recipe]:
    for row, (task, hidden) in enumerate(HIDDEN.items()):
        for column, cell in enumerate(CELLS):
            yield Recipe(
                f"finite/{task}_{cell}", task, cell, hidden, FIRST_SEED + 10 * row + column,
                steps=4000, noise=0.1, weight_decay=0.01,
            )  # fmt: skip


FINITE_RECIPES: tuple[Recipe, ...] = tuple(_recipes())
"""The recipes of the suite `finite`."""
