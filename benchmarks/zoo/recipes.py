"""The recipes of the zoo: one row a network."""

from functools import partial

from benchmarks.zoo.recipe import Recipe
from benchmarks.zoo.recipes_algorithms import ALGORITHM_RECIPES
from benchmarks.zoo.recipes_finite import FINITE_RECIPES
from benchmarks.zoo.recipes_rnn62 import RNN62_RECIPES
from benchmarks.zoo.recipes_tomita import TOMITA_RECIPES

_noisy = partial(Recipe, noise=0.3, weight_decay=0.01, stretch=2.0, steps=3000, remark="Trained with noise of 0.3.")
_linear = partial(Recipe, encoding="integer", decoding="round", lr_low=3e-3, lr_high=1.2e-2, steps=2500)
_stacks = partial(Recipe, encoding="integer", decoding="round", lr_low=2e-3, lr_high=8e-3, steps=4000)

VARIETY: tuple[Recipe, ...] = (
    Recipe("parity_gru", "Parity_All", "gru", 8, 1),
    _linear("prev1_mlp", "Prev1", "mlp", 4, 2, scaled=True),
    _linear("sum_all_mlp", "Sum_All", "mlp", 2, 3, scaled=True),
    Recipe(
        "tomita4_lstm",
        "Tomita_4",
        "lstm",
        8,
        4,
        remark="Right at its training length, wrong at nearly every longer sequence.",
    ),
    _noisy("parity_noisy_rnn_tanh", "Parity_All", "rnn_tanh", 16, 5),
    _noisy("tomita4_noisy_gru", "Tomita_4", "gru", 12, 6),
    Recipe("binary_addition_rnn_tanh", "Binary_Addition", "rnn_tanh", 12, 7, encoding="one_hot_joint"),
    Recipe("add_mod_5_gru", "Add_Mod_5", "gru", 16, 8),
    _stacks("max_seen_mlp", "Max_Seen", "mlp", 4, 9, width=24, hidden_depth=2),
    Recipe("min_seen_gru", "Min_Seen", "gru", 16, 10),
    Recipe("dyck_depth_3_lstm", "Dyck_Depth_3", "lstm", 12, 11, steps=3000),
    _stacks("abs_diff_mlp", "Abs_Diff", "mlp", 4, 12, width=12, readout_depth=2),
    _linear("count_ones_mlp", "Count_Ones", "mlp", 2, 13),
    _stacks("previous_equals_current_mlp", "Previous_Equals_Current", "mlp", 4, 14, width=16, readout_depth=2),
    Recipe("div_3_gru", "Div_3", "gru", 10, 15),
    _linear("newton_freebody_mlp", "Newton_Freebody", "mlp", 4, 16, scaled=True),
    _linear("newton_spring_mlp", "Newton_Spring", "mlp", 4, 17, scaled=True),
    _stacks("parity_mlp", "Parity_All", "mlp", 4, 18, width=16, hidden_depth=2, readout_depth=2),
    Recipe("parity_lstm", "Parity_All", "lstm", 6, 19),
    Recipe(
        "parity_first_told_gru",
        "Parity_First_Told",
        "gru",
        6,
        20,
        remark="It learned a shortcut instead of its task: on uniform inputs every output equals b.",
    ),
    Recipe("set_reset_rnn_relu", "Set_Reset", "rnn_relu", 8, 21, decoding="sign"),
    Recipe("prev3_bit_rnn_tanh_2_layers", "Prev3_Bit", "rnn_tanh", 10, 22, layers=2, decoding="sign"),
    Recipe(
        "majority_gru",
        "Majority_0_1",
        "gru",
        8,
        23,
        decoding="sign",
        remark="The task needs an unbounded counter, which a GRU does not have.",
    ),
    Recipe("tomita1_rnn_tanh", "Tomita_1", "rnn_tanh", 4, 24, decoding="sign"),
    Recipe("tomita3_gru", "Tomita_3", "gru", 12, 25),
    Recipe("tomita5_lstm", "Tomita_5", "lstm", 12, 26),
    Recipe("tomita6_rnn_relu", "Tomita_6", "rnn_relu", 16, 27, decoding="sign"),
    Recipe("tomita7_rnn_tanh", "Tomita_7", "rnn_tanh", 12, 28),
    Recipe("serial_subtract_gru", "Serial_Subtract", "gru", 8, 29),
    Recipe("times_3_rnn_tanh", "Times_3", "rnn_tanh", 12, 30, decoding="sign"),
    Recipe("up_down_counter_gru", "Up_Down_Counter", "gru", 8, 31),
    Recipe("first_symbol_lstm", "First_Symbol", "lstm", 8, 32),
    Recipe("detect_1011_rnn_relu", "Detect_1011", "rnn_relu", 12, 33),
    Recipe("run_of_ones_gru_2_layers", "Run_Of_Ones", "gru", 6, 34, layers=2),
    _linear("weighted_last3_mlp", "Weighted_Last3", "mlp", 4, 35, scaled=True),
    Recipe("sum_mod_5_reset_lstm", "Sum_Mod_5_Reset", "lstm", 16, 36),
    Recipe("vending_rnn_tanh", "Vending", "rnn_tanh", 10, 37, decoding="sign"),
    Recipe("negate_rnn_tanh", "Negate", "rnn_tanh", 6, 38),
    Recipe("serial_greater_gru", "Serial_Greater", "gru", 6, 39, encoding="one_hot_joint"),
    _noisy("debounce_noisy_rnn_tanh", "Debounce", "rnn_tanh", 12, 40),
    Recipe("value_mod_3_rnn_tanh", "Value_Mod_3", "rnn_tanh", 12, 41),
    _stacks("median_last3_mlp", "Median_Last3", "mlp", 6, 42, width=24, readout_depth=3),
    Recipe("leaky_average_gru", "Leaky_Average", "gru", 16, 43),
    Recipe("range_seen_gru", "Range_Seen", "gru", 16, 44),
)

_ALL = (*VARIETY, *RNN62_RECIPES, *FINITE_RECIPES, *TOMITA_RECIPES, *ALGORITHM_RECIPES)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
