"""Findings to JSON and back. The keys `claim method verdict domain seconds` are always there; others by verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from verify.verdict import (
    Counterexample,
    Finding,
    NotSupported,
    Proved,
    Refuted,
    Supported,
    Undecided,
    Unknown,
    Verdict,
)

BY_REASON = {"supported": Supported, "not supported": NotSupported, "undecided": Undecided}
READABLE = 10**18
"""Numbers of inputs grow without bound where prefixes are merged; from here on only their size is told."""


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """One finding as a JSON object."""
    content: dict[str, Any] = {
        "claim": finding.claim,
        "method": finding.method,
        "verdict": verdict_name(finding.verdict),
        "domain": finding.domain,
        "seconds": finding.seconds,
    }
    match finding.verdict:
        case Proved(domain):
            content["domain"] = domain
        case Refuted(counterexample, shortest):
            content["counterexample"] = counterexample_to_json(counterexample)
            content["shortest"] = shortest
        case Unknown(reason) | Supported(reason) | NotSupported(reason) | Undecided(reason):
            content["reason"] = reason
    if finding.measured:
        content["measured"] = {name: measurement(value) for name, value in finding.measured}
    return content


def finding_from_json(content: Mapping[str, Any]) -> Finding:
    """The finding that `finding_to_json` wrote."""
    verdict: Verdict
    match content["verdict"]:
        case "proved":
            verdict = Proved(content["domain"])
        case "refuted":
            verdict = Refuted(counterexample_from_json(content["counterexample"]), content["shortest"])
        case name:
            verdict = BY_REASON.get(name, Unknown)(content["reason"])
    measured = tuple(content.get("measured", {}).items())
    return Finding(content["claim"], content["method"], verdict, content["domain"], content["seconds"], measured)


def verdict_name(verdict: Verdict) -> str:
    """`proved`, `refuted` or `unknown`; of a mechanism `supported`, `not supported` or `undecided`."""
    return "not supported" if isinstance(verdict, NotSupported) else type(verdict).__name__.lower()


def counterexample_to_json(example: Counterexample) -> dict[str, Any]:
    """Inputs and both sides' answers, one list per step."""
    return {
        "inputs": plain(example.inputs),
        "expected": plain(example.expected),
        "actual": plain(example.actual),
    }


def counterexample_from_json(content: Mapping[str, Any]) -> Counterexample:
    """The counterexample that `counterexample_to_json` wrote."""
    inputs, expected, actual = (tuple(map(tuple, content[key])) for key in ("inputs", "expected", "actual"))
    return Counterexample(inputs, expected, actual)


def plain(value: Any) -> Any:
    """A value in JSON's own types: numpy's numbers become Python's, tuples become lists, the rest text."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def measurement(value: Any) -> Any:
    """A measured value in JSON's own types; of a very large number only the size, as text."""
    if isinstance(value, int) and abs(value) >= READABLE:
        return f"about 10^{math.floor(math.log10(2) * abs(value).bit_length())}"
    return plain(value)
