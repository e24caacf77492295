"""Two networks of one task and one cell that keep the count in different ways (`benchmarks.performance.algorithms`)."""

from functools import partial

from benchmarks.zoo.recipe import Recipe

_counter = partial(Recipe, task="Count_Mod_4", cell="mlp", width=24, hidden_depth=2, members=2, steps=1500)

ALGORITHM_RECIPES: tuple[Recipe, ...] = (
    _counter(
        "algorithms/counter_corners_mlp", hidden=8, seed=2, noise=0.3,
        remark="Trained with noise of 0.3. It counts as a Gray counter does.",
    ),
    _counter(
        "algorithms/counter_line_mlp", hidden=4, seed=4, noise=0.1, decoding="round",
        remark="Trained with noise of 0.1. It keeps the count as one value of four, in no two bits.",
    ),
)  # fmt: skip
