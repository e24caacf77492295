"""Confirming a lifted program: the standard battery, and one more search when it finds a difference in reach.

Where network and program part beyond what the search can learn, the claim shrinks: proved for all shorter inputs,
refuted from there on, with the shortest counterexample.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extract.search.lift import Lifter
from verify.budget import Deadline
from verify.certificate import certify, certify_growing
from verify.check import check_program, find_counterexample
from verify.domain import Domain
from verify.subject import RecurrentSubject
from verify.verdict import Finding, Proved, Refuted

FEEDBACK_ROUNDS = 2


def confirm(network: RecurrentSubject, lifter: Lifter, deadline: Deadline, *, rng_seed: int) -> list[Finding]:
    """Findings on the lifter's best machine, which is searched for anew while counterexamples within the training
    length improve it."""
    findings: list[Finding] = []
    for round_ in range(FEEDBACK_ROUNDS + 1):
        machine = lifter.best.machine
        if machine is None or deadline.passed:
            break
        findings = check_program(network, machine, rng_seed=rng_seed, timeout_s=deadline.left)
        found = find_counterexample(findings)
        if found is None or found.length > network.domain.train_length or round_ == FEEDBACK_ROUNDS:
            break
        if not lifter.again([found], deadline.share(0.5)):
            break
    return with_proved_prefix(findings, network.domain)


def prove(
    network: RecurrentSubject, lifter: Lifter, findings: list[Finding], deadline: Deadline, *, rng_seed: int
) -> tuple[list[Finding], dict[str, Any] | None]:
    """A certificate and its finding: for every length where no counterexample is known, else up to some length."""
    machine = lifter.best.machine
    if machine is None or not findings or deadline.passed:
        return [], None
    known = find_counterexample(findings)
    if known is not None and known.length <= network.domain.train_length:
        return [], None
    if known is not None:
        finding, certificate = certify_growing(network, machine, timeout_s=deadline.left, rng_seed=rng_seed)
        return ([finding], certificate) if certificate is not None else ([], None)
    finding, certificate = certify(network, machine, timeout_s=deadline.left, rng_seed=rng_seed)
    return [finding], certificate


def with_proved_prefix(findings: list[Finding], domain: Domain) -> list[Finding]:
    """The findings, with what a shortest counterexample proves: equality on all shorter inputs."""
    result: list[Finding] = []
    for finding in findings:
        match finding.verdict:
            case Refuted(example, True) if example.length > 1:
                length = example.length - 1
                phrase = f"all inputs of length up to {length} ({domain.word_count(length):,} checked)"
                result.append(replace(finding, verdict=Proved(phrase), domain=phrase))
        result.append(finding)
    return result
