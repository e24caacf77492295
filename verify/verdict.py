"""Verdicts: how sure we are of a claim, ordered Refuted < Unknown < Proved.

A verdict is about one claim over one domain by one method. Sampling never yields `Proved`. Claims about the mechanism
behind the outputs have verdicts of their own: `Supported`, `NotSupported`, `Undecided`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counterexample:
    """An input on which the claim fails, as both sides answered: `inputs[t]`, `expected[t]`, `actual[t]` are tuples."""

    inputs: tuple[tuple[int, ...], ...]
    expected: tuple[tuple[int, ...], ...]
    actual: tuple[tuple[int, ...], ...]

    @property
    def length(self) -> int:
        """Number of steps of the input."""
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
class Proved:
    """The claim holds on every input of `domain`, a phrase such as "all inputs of length up to 10 (2,046 checked)"."""

    domain: str


@dataclass(frozen=True, slots=True)
class Refuted:
    """The claim fails on `counterexample`, which was replayed; `shortest` says that no shorter input fails."""

    counterexample: Counterexample
    shortest: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither: `reason` names the obstacle, or what was sampled without finding a failure."""

    reason: str


@dataclass(frozen=True, slots=True)
class Supported:
    """The causal evidence is as strong as that of mechanisms known to be true; `reason` has the numbers."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSupported:
    """The causal evidence is that of a decoy."""

    reason: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """The causal evidence does not tell."""

    reason: str


MechanismVerdict = Supported | NotSupported | Undecided
"""Of a claim about how a network computes, which only experiments can speak to: never proved, never about outputs."""

Verdict = Proved | Refuted | Unknown | MechanismVerdict


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of evidence: a verdict on `claim` by `method` over `domain`, with its cost and any measured numbers."""

    claim: str
    method: str
    verdict: Verdict
    domain: str
    seconds: float
    measured: tuple[tuple[str, Any], ...] = ()
