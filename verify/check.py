"""The standard battery: what is checked of a program against a recurrent network before it is reported.

Exhaustive first (with merging, which may close for every length), then random inputs at the training length and at
three times it, then, where time is set aside for it, a certificate for every length. `netlift verify` and the
extraction pipeline both call this, so that evidence means one thing.
"""

from __future__ import annotations

from dsl.programs import Machine
from verify.budget import Deadline
from verify.certificate import certify
from verify.exhaustive import exhaustive
from verify.sampling import sampled
from verify.subject import RecurrentSubject
from verify.verdict import Counterexample, Finding, Refuted

EXHAUSTIVE_SHARE = 0.5
LENGTH_FACTORS = (1, 3)


def check_program(
    network: RecurrentSubject,
    machine: Machine,
    *,
    rng_seed: int,
    timeout_s: float,
    max_inputs: int = 200_000,
    samples: int = 100_000,
    certify_s: float = 0.0,
) -> list[Finding]:
    """Findings of the claim "program equals network", the exhaustive one first; ends early on a shortest difference.

    All stages share `timeout_s`; one that runs out of time says how far it came. Up to `certify_s` seconds of it go to
    a certificate when nothing failed and the exhaustive part did not close; the finding alone is kept here.
    """
    deadline = Deadline.after(max(timeout_s - certify_s, 0.0))
    findings = [exhaustive(network, machine, max_inputs=max_inputs, deadline=deadline.share(EXHAUSTIVE_SHARE))]
    if isinstance(findings[0].verdict, Refuted):
        return findings
    for k, factor in enumerate(LENGTH_FACTORS):
        part = deadline.share(1 / (len(LENGTH_FACTORS) - k))
        length = factor * network.domain.train_length
        findings.append(sampled(network, machine, count=samples, length=length, rng_seed=rng_seed + k, deadline=part))
    if certify_s > 0 and find_counterexample(findings) is None and "every length" not in findings[0].domain:
        findings.append(certify(network, machine, timeout_s=min(certify_s, timeout_s), rng_seed=rng_seed)[0])
    return findings


def find_counterexample(findings: list[Finding]) -> Counterexample | None:
    """The shortest counterexample among the findings, if any."""
    refuted = [f.verdict.counterexample for f in findings if isinstance(f.verdict, Refuted)]
    return min(refuted, key=lambda example: example.length, default=None)
