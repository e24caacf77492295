"""The seven Tomita languages, every cell, two seeds: the networks on which proofs for every length are measured.

Plainly trained networks, and noisy GRUs, are trained on with long words (`benchmarks.zoo.lengthen`), the plain ones
without noise. What still answers words wrong after the last round is left as it was at its training length.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.zoo.recipe import Recipe

SEEDS = (1, 2)

_plain = partial(Recipe, long_steps=800)
_mlp = partial(_plain, width=16, hidden_depth=2, readout_depth=2, lr_low=2e-3, lr_high=8e-3, steps=4000)
_noisy = partial(
    Recipe, noise=0.3, weight_decay=0.01, steps=1500, members=4, batch=64, remark="Trained with noise of 0.3."
)


def _recipes() -> Iterator[Recipe]:
    for language in range(1, 8):
        task, name = f"Tomita_{language}", f"tomita/{language}"
        for number in SEEDS:
            seed = 1000 + 100 * language + 10 * number
            yield _plain(f"{name}_rnn_tanh_{number}", task, "rnn_tanh", 8, seed, long_rounds=3)
            yield _plain(f"{name}_rnn_relu_{number}", task, "rnn_relu", 8, seed + 1, long_rounds=2)
            yield _plain(f"{name}_gru_{number}", task, "gru", 8, seed + 2, long_rounds=3)
            yield _plain(f"{name}_lstm_{number}", task, "lstm", 6, seed + 3)
            yield _mlp(f"{name}_mlp_{number}", task, "mlp", 4, seed + 4)
            yield _noisy(f"{name}_rnn_tanh_noisy_{number}", task, "rnn_tanh", 8, seed + 1000)
            yield _noisy(
                f"{name}_gru_noisy_{number}", task, "gru", 8, seed + 1001, long_steps=350, long_decays=(0.3, 0.1)
            )


TOMITA_RECIPES: tuple[Recipe, ...] = tuple(_recipes())
