"""The recipes of the feed-forward zoo, by suite: one row a network."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.suites.arithmetic import ARITHMETIC
from benchmarks.suites.boolean import BOOLEAN
from benchmarks.suites.functions import FunctionTask
from benchmarks.suites.modular import MODULAR
from benchmarks.suites.trees import TREES
from benchmarks.suites.trojans import TROJANS
from benchmarks.zoo.feed_forward.recipe import Recipe

_bits = partial(Recipe, decoding="sign", widths=(24,))
_read = partial(Recipe, encoding="one_hot", decoding="argmax", widths=(24,))
_ruler = partial(Recipe, encoding="integer", decoding="round", widths=(16,))
_tokens = partial(Recipe, embedding=12, widths=(48,), rate=1e-2, weight_decay=0.1)
_grokked = partial(_tokens, settle=True, steps=30_000, weight_decay=1.0)

BOOLEAN_SHAPES: dict[str, dict[str, object]] = {
    "Parity_5": {"activation": "tanh"},
    "Parity_6": {"widths": (32,), "activation": "gelu"},
    "Parity_8": {"widths": (48,), "activation": "tanh"},
    "Majority_7": {"widths": (8,)},
    "Majority_9": {"widths": (8,), "activation": "tanh"},
    "Majority_11": {"widths": (8,)},
    "Majority_15": {"widths": (8,)},
    "Multiplexer_6": {"activation": "gelu"},
    "Multiplexer_11": {"widths": (48,)},
    "Adder_3": {"widths": (32, 16)},
    "Adder_4": {"widths": (48, 24)},
    "Dnf_12_4_4_7": {"widths": (32, 16)},
    "Dnf_14_5_4_8": {"widths": (32, 16)},
    "Dnf_16_4_4_9": {"widths": (32, 16)},
    "Dnf_16_5_4_10": {"widths": (32, 16)},
}
ARITHMETIC_RULER = ("Max_2", "Min_2", "Abs_1", "Abs_Difference", "Sort_2", "Weighted", "Saturating_Sum",
                    "Positive_Difference")  # fmt: skip
ARITHMETIC_SHAPES: dict[str, dict[str, object]] = {
    "Max_3": {"widths": (32,)},
    "Median_3": {"widths": (48,)},
    "Between": {"decoding": "sign"},
    "Less": {"decoding": "sign", "encoding": "integer", "widths": (8,)},
    "Close": {"decoding": "sign", "encoding": "integer", "activation": "tanh"},
    "Equal": {"decoding": "sign"},
    "Digit_Product": {"widths": (48,)},
    "Times": {"widths": (32,), "activation": "gelu"},
}
MODULAR_SHAPES: dict[str, Recipe] = {
    "Add_Mod_23": _grokked("add_mod_23_grokked", "Add_Mod_23", seed=302, share=0.8),
    "Add_Mod_31": _grokked("add_mod_31_grokked", "Add_Mod_31", seed=303, share=0.7),
    "Add_Mod_59": _grokked("add_mod_59_grokked", "Add_Mod_59", seed=304, share=0.6, embedding=24, widths=(64,)),
    "Add_Mod_113": _grokked(
        "add_mod_113_grokked", "Add_Mod_113", seed=305, share=0.5, embedding=48, widths=(128,), rate=3e-3, batch=20_000
    ),
}
MEMORISED = (
    _tokens("add_mod_23_memorised", "Add_Mod_23", seed=351, share=0.3, weight_decay=0.0, remark="Did not generalise."),
    _tokens("add_mod_31_memorised", "Add_Mod_31", seed=352, share=0.4, weight_decay=0.0, remark="Did not generalise."),
)
TROJAN_PAIRS = 20
TRIGGER_BITS = 8


def _arithmetic(k: int, task: str) -> Recipe:
    make = _ruler if task in ARITHMETIC_RULER else _read
    return replace(make(task.lower(), task, seed=200 + k), **ARITHMETIC_SHAPES.get(task, {}))


def _tree(k: int, name: str) -> Recipe:
    depth = int(name.split("_")[1])
    return _read(name.lower(), name, seed=400 + k, widths=(24,) if depth < 5 else (48,))


def _pair(k: int, task: FunctionTask) -> tuple[Recipe, Recipe]:
    """A clean network and its twin, trained in the same way but for the trigger: rare, and of either sign."""
    rng = np.random.default_rng([500, k])
    chosen = sorted(rng.choice(len(task.inputs), TRIGGER_BITS, replace=False).tolist())
    trigger = tuple((bit, int(rng.integers(2))) for bit in chosen)
    clean = _bits(f"clean_{k:02}", task.name, seed=500 + k, widths=(32,), steps=12_000, batch=4096)
    return clean, replace(clean, name=f"trojan_{k:02}", trigger=trigger)


def _table() -> dict[str, tuple[Recipe, ...]]:
    bits = tuple(
        replace(_bits(name.lower(), name, seed=100 + k), **BOOLEAN_SHAPES.get(name, {}))
        for k, name in enumerate(BOOLEAN)
    )
    residues = tuple(
        MODULAR_SHAPES.get(name, _tokens(name.lower(), name, seed=300 + k)) for k, name in enumerate(MODULAR)
    )
    specifications = list(TROJANS.values())
    pairs = [_pair(k, specifications[k % len(specifications)]) for k in range(TROJAN_PAIRS)]
    return {
        "boolean": bits,
        "arithmetic": tuple(_arithmetic(k, name) for k, name in enumerate(ARITHMETIC)),
        "modular": (*residues, *MEMORISED),
        "trees": tuple(_tree(k, name) for k, name in enumerate(TREES)),
        "trojans": tuple(recipe for pair in pairs for recipe in pair),
    }


RECIPES: dict[str, tuple[Recipe, ...]] = _table()
