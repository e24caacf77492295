"""Three questions about a network, a program and a task, each with findings of its own (they are never merged).

Is the program the network? Does the network do its task? Does the program do the task? The first is asked of a program
from elsewhere with the same checks that netlift's own extractor ends with; the second puts the task's reference program
in the place of the found one; the third is decided between two programs, without the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from dsl.errors import NetliftError
from dsl.programs import Function, Machine, Program, terms_of
from dsl.syntax import parse
from dsl.terms import Const, subterms
from extract.abstract.minimal import mealy_of
from extract.align import judged
from extract.confirm import with_proved_prefix
from extract.seeds import child
from verify.budget import Deadline
from verify.certificate import certify
from verify.check import check, find_counterexample
from verify.diff import diff_programs
from verify.equivalence import as_machine
from verify.lockstep import first_failures
from verify.subject import RecurrentSubject, Subject
from verify.verdict import Finding, Unknown
from verify.words import draw_mixed

NETWORK_DOES_TASK = "network does its task"
CHECK, ALIGN, CERTIFY, TASK, DIFF = 0.5, 0.15, 0.05, 0.25, 0.15
"""What each part of judging a row may take at most, in budgets of the extractor, and outside of them."""
WORDS, LENGTHS = 2_000, 3
"""Agreement is measured on so many words, half uniform and half structured, of so many training lengths."""
MOST_STATES = 256


def program_is_network(network: Any, program: Program, *, budget_s: float, rng_seed: int) -> list[Finding]:
    """Findings on a program that some other extractor found: equality, a certificate, and whether it is the mechanism.

    Raises `TypeMismatch` for a program of another shape than the network's.
    """
    findings = _checked(network, program, rng_seed=rng_seed, timeout_s=CHECK * budget_s)
    if not isinstance(program, Machine):
        return findings
    recurrent = cast(RecurrentSubject, network)
    try:
        limit = Deadline.after(ALIGN * budget_s)
        findings.append(judged(recurrent, program, limit, rng=child("align", rng_seed)).finding())
        if find_counterexample(findings) is None and not any("every length" in f.domain for f in findings):
            findings.append(certify(recurrent, program, timeout_s=CERTIFY * budget_s, rng_seed=rng_seed)[0])
    except NetliftError as error:  # programs of any size come here, also ones that nothing can be aligned with
        findings.append(Finding("program is the mechanism", "alignment", Unknown(str(error)), "", 0.0))
    return findings


def network_does_task(network: Subject, reference: str, *, budget_s: float, rng_seed: int) -> list[Finding]:
    """Findings on the network, measured against the task's reference program."""
    findings = _checked(network, parse(reference), rng_seed=rng_seed, timeout_s=TASK * budget_s)
    return [replace(finding, claim=NETWORK_DOES_TASK) for finding in findings]


def program_does_task(program: Program, reference: str, *, budget_s: float) -> Finding:
    """The finding on two programs."""
    return diff_programs(program, parse(reference), timeout_s=DIFF * budget_s)


def agreement(network: Any, program: Program, *, rng_seed: int) -> float:
    """The share of words (or single inputs) that network and program answer alike at every step."""
    machine = as_machine(program) if isinstance(program, Function) else cast(Machine, program)
    domain, rng = network.domain, child("agreement", rng_seed)
    length = LENGTHS * domain.train_length
    words = draw_mixed(domain, WORDS, length, rng=rng) if domain.streams else domain.draw((WORDS, 1), rng=rng)
    return float((first_failures(network, machine, words) < 0).mean())


def states_of(network: Subject, program: Program) -> int | None:
    """The states of the minimal machine of a program; None where they are many, or the program is a function."""
    if not isinstance(program, Machine):
        return None
    found = mealy_of(program, network.domain, max_states=MOST_STATES)
    return None if found is None else found.size


def table_rows(program: Program) -> int:
    """The rows of the largest table in a program, 0 if there is none; a table of tables counts the inner rows."""
    constants = [t.value for term in terms_of(program) for t in subterms(term) if isinstance(t, Const)]
    return max(map(_rows, constants), default=0)


def _rows(value: Any) -> int:
    if not isinstance(value, tuple):
        return 0
    return sum(map(_rows, value)) if any(isinstance(v, tuple) for v in value) else len(value)


def _checked(network: Subject, program: Program, *, rng_seed: int, timeout_s: float) -> list[Finding]:
    findings: Sequence[Finding] = check(network, program, rng_seed=rng_seed, timeout_s=timeout_s)
    return with_proved_prefix(list(findings), network.domain) if network.domain.streams else list(findings)
