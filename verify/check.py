"""The standard battery: what is checked of a program against a network before it is reported.

Exhaustive first (with merging, which may close for every length), then random inputs at the training length and at
three times it, then, where time is set aside for it, a certificate for every length. `netlift verify` and the
extraction pipeline both call this, so that evidence means one thing. A network over single inputs is compared with a
function, on all inputs where they can be listed (`verify.functions`).
"""

from __future__ import annotations

from typing import cast

from dsl.errors import TypeMismatch, Unsupported
from dsl.programs import Function, Machine, Program
from verify.boxes import METHOD, check_boxes
from verify.budget import Deadline
from verify.certificate import certify
from verify.exhaustive import CLAIM, exhaustive
from verify.functions import MOST_INPUTS, check_function
from verify.graph import Graphed
from verify.near import check_near, units_of
from verify.sampling import sampled
from verify.subject import RecurrentSubject, Subject
from verify.verdict import Counterexample, Finding, Refuted, Unknown

EXHAUSTIVE_SHARE = 0.5
LENGTH_FACTORS = (1, 3)
SAMPLE_SHARE = 0.3


def check(
    network: Subject, program: Program, *, rng_seed: int, timeout_s: float, certify_s: float = 0.0
) -> list[Finding]:
    """Findings of the claim "program equals network" for a program of the shape that the network's domain asks for.

    Of the time, `certify_s` and what others leave may go to a certificate (machines only). Raises `TypeMismatch` for a
    program of another shape.
    """
    match program:
        case Machine() if network.domain.streams:
            return check_program(
                cast(RecurrentSubject, network), program, rng_seed=rng_seed, timeout_s=timeout_s, certify_s=certify_s
            )
        case Function() if not network.domain.streams:
            return check_single(network, program, rng_seed=rng_seed, deadline=Deadline.after(timeout_s))
    wanted = "machine" if network.domain.streams else "function"
    raise TypeMismatch(f"expected a {wanted}, got a {type(program).__name__.lower()}")


def check_single(network: Subject, function: Function, *, rng_seed: int, deadline: Deadline) -> list[Finding]:
    """Findings of the same claim over single inputs: all of them, or random ones and then branch and bound. Of real
    outputs the claim is a distance."""
    if units_of(network):
        return [check_near(network, function, rng_seed=rng_seed, deadline=deadline)]
    listed = network.domain.symbol_count <= MOST_INPUTS
    part = deadline if listed else deadline.share(SAMPLE_SHARE)
    findings = [check_function(network, function, rng_seed=rng_seed, deadline=part)]
    if listed or isinstance(findings[0].verdict, Refuted) or not isinstance(network, Graphed):
        return findings
    try:
        findings.append(check_boxes(network, function, deadline=deadline))
    except Unsupported as error:
        findings.append(Finding(CLAIM, METHOD, Unknown(str(error)), "all inputs", 0.0))
    return findings


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

    All stages share `timeout_s`; one that runs out of time says how far it came. If `certify_s` seconds of it are set
    aside, these and what is left go to a certificate when nothing failed and the exhaustive part did not close; the
    finding alone is kept here.
    """
    whole = Deadline.after(timeout_s)
    deadline = whole.within(max(timeout_s - certify_s, 0.0))
    findings = [exhaustive(network, machine, max_inputs=max_inputs, deadline=deadline.share(EXHAUSTIVE_SHARE))]
    if isinstance(findings[0].verdict, Refuted):
        return findings
    for k, factor in enumerate(LENGTH_FACTORS):
        part = deadline.share(1 / (len(LENGTH_FACTORS) - k))
        length = factor * network.domain.train_length
        findings.append(sampled(network, machine, count=samples, length=length, rng_seed=rng_seed + k, deadline=part))
    if certify_s > 0 and find_counterexample(findings) is None and "every length" not in findings[0].domain:
        findings.append(certify(network, machine, timeout_s=whole.left, rng_seed=rng_seed)[0])
    return findings


def find_counterexample(findings: list[Finding]) -> Counterexample | None:
    """The shortest counterexample among the findings, if any."""
    refuted = [f.verdict.counterexample for f in findings if isinstance(f.verdict, Refuted)]
    return min(refuted, key=lambda example: example.length, default=None)
