"""What published systems solve of RNN-62: columns for the table, with where they come from.

Whether a task counts as solved there is those papers' own scoring on their own networks, which is weaker than a proof:
MIPS accepts a program after 10 training sequences, and compares nothing with the network.
"""

from __future__ import annotations

from collections.abc import Mapping

SOURCE = (
    "MIPS and GPT-4: Michaud et al., Opening the AI black box (arXiv 2402.05110), on their networks and by their "
    "scoring. The table of the paper by task was not at hand: MIPS is put together from the published code and a later "
    "reproduction from the released checkpoints, and agrees with every published total (32; GPT-4 30). GPT-4 counts a "
    "task as solved when one of five rows is right, strictly when all five are."
)

_MIPS = """
    Binary_Addition Bitwise_Xor Bitwise_Or Bitwise_And Bitwise_Not Parity_Last2 Parity_Last3 Parity_All
    Parity_Zeros Sum_All Sum_Last2 Sum_Last3 Sum_Last4 Sum_Last5 Sum_Last6 Sum_Last7 Current_Number Prev1 Prev2
    Prev3 Prev4 Prev5 Bit_Shift_Right Previous_Equals_Current Diff_Last2 Abs_Diff Abs_Current Bit_Dot_Prod_Mod2
    Add_Mod_3 Newton_Freebody Newton_Gravity Newton_Spring
"""
_GPT_4 = """
    Base_6_Addition Bitwise_Xor Bitwise_Or Bitwise_And Bitwise_Not Parity_Last2 Parity_Bits_Mod2 Sum_All
    Sum_Last4 Sum_Last5 Sum_Last6 Sum_Last7 Current_Number Prev1 Prev2 Prev3 Prev4 Prev5 Bit_Shift_Right
    Abs_Current Diff_Abs_Values Min_Seen Max_Seen Majority_0_1 Evens_Detector Bit_Palindrome Alternating_Last4
    Div_3 Add_Mod_3 Dithering
"""
_GPT_4_STRICTLY = """
    Bitwise_Xor Bitwise_Or Bitwise_Not Parity_Zeros Parity_Bits_Mod2 Sum_All Sum_Last5 Sum_Last6 Sum_Last7
    Current_Number Prev1 Prev2 Prev3 Prev4 Prev5 Abs_Current Diff_Abs_Values Min_Seen Max_Seen Evens_Detector
    Add_Mod_3
"""

RNN62: Mapping[str, frozenset[str]] = {
    "MIPS": frozenset(_MIPS.split()),
    "GPT-4": frozenset(_GPT_4.split()),
    "GPT-4, strictly": frozenset(_GPT_4_STRICTLY.split()),
}
"""The tasks solved, by system."""

PUBLISHED: Mapping[str, Mapping[str, frozenset[str]]] = {"rnn62": RNN62}
"""By suite."""
