"""The read-out of a network over bits as And/Or interactions: exact, and how few of them say nearly all of it."""

from __future__ import annotations

import time

import numpy as np

from extract.distil.moebius import AndOr, and_or
from verify.domain import Domain
from verify.subject import Subject
from verify.verdict import Finding, Proved, Unknown, Verdict

MOST_INPUTS = 16
MOST_COLUMNS = 4
SHOWN = 6
METHOD = "Moebius transform"


def over_bits(domain: Domain) -> bool:
    """Whether inputs are at most 16 bits."""
    return set(domain.ranges) == {(0, 1)} and domain.arity <= MOST_INPUTS


def interactions(network: Subject) -> list[Finding]:
    """For each column of the read-out (the first few): its interactions give it back on all inputs."""
    inputs = network.domain.symbols()
    logits = network.trace(inputs[:, None]).activations["logits"][:, 0]
    findings = []
    for column in range(min(logits.shape[1], MOST_COLUMNS)):
        began = time.monotonic()
        values = logits[:, column].reshape((2,) * network.domain.arity)
        found = and_or(values)
        same = bool((found.reconstructed().astype(np.float32) == values).all())
        salient = found.salient()
        phrase = f"all {len(inputs):,} inputs ({'exactly' if found.exact else f'within {found.error:.1e}'})"
        verdict: Verdict = (
            Proved(phrase) if same else Unknown(f"not the same float32 numbers: off by {found.error:.1e}")
        )
        measured = (("kind", found.kind), ("interactions", int(np.count_nonzero(found.interactions))),
                    ("salient", len(salient)), ("error", found.error), ("strongest", _shown(found)))  # fmt: skip
        claim = f"read-out {column} is the sum of its {found.kind.capitalize()} interactions"
        findings.append(Finding(claim, METHOD, verdict, phrase, time.monotonic() - began, measured))
    return findings


def _shown(found: AndOr) -> str:
    parts = []
    for chosen, size in found.salient()[:SHOWN]:
        name = f" {found.kind} ".join(f"x{k}" for k in chosen) or "always"
        parts.append(f"{name} {size:+.3g}")
    return "; ".join(parts)
