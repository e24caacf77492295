"""The term synthesis engine: from a table of examples to the cheapest term of the language that fits it."""

from __future__ import annotations

from extract.search.engine.lowering import DEFAULT
from extract.search.engine.problem import Limits, Problem, SearchResult, StopReason
from extract.search.engine.synthesis import synthesise

__all__ = ["DEFAULT", "Limits", "Problem", "SearchResult", "StopReason", "synthesise"]
