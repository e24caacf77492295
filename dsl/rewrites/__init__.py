"""Rewriting to a normal form, so that equal programs print equal as far as the rules reach.

`normal_form` rewrites a term, `normalise` a program. Both preserve meaning exactly and never raise the cost in bits
(`dsl.cost`); where two ways of writing cost the same, a fixed order decides.
"""

from dsl.rewrites.programs import normalise
from dsl.rewrites.rules import RULES, Rule
from dsl.rewrites.terms import normal_form

__all__ = ["RULES", "Rule", "normal_form", "normalise"]
