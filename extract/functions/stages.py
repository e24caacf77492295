"""The stages for a network over single inputs: trace, search, verify, align. Counterexamples go back to the search."""

from __future__ import annotations

import numpy as np

from dsl.printers import print_term
from extract.functions.lift import FunctionLifter
from extract.functions.mechanism import mechanism
from extract.functions.real import lift_real
from extract.functions.table import tabulate
from extract.record import Recorder
from extract.seeds import child
from verify.budget import Deadline
from verify.check import check_single, find_counterexample
from verify.functions import COMPUTES, check_function
from verify.near import units_of
from verify.subject import Subject
from verify.verdict import Finding

SEARCH_SHARE = 0.6
VERIFY_SHARE = 0.6
FEEDBACK_ROUNDS = 6


def lift_function(network: Subject, recorder: Recorder, deadline: Deadline, rng_seed: int) -> None:
    """Fill the record with the function that a network implements, its evidence and what its layers are made of."""
    if units_of(network):
        return lift_real(network, recorder, deadline, rng_seed)
    with recorder.timed("trace"):
        table = tabulate(network, rng=child("trace", rng_seed))
        recorder.note(f"{'all' if table.complete else 'a sample of'} {len(table.inputs):,} inputs")
    with recorder.timed("search"):
        rng = child("search", rng_seed)
        lifter = FunctionLifter(network, table, deadline.share(SEARCH_SHARE), recorder, rng=rng)
        recorder.lifted = lifter.best
        recorder.lifted = lifter.search()
    with recorder.timed("verify"):
        recorder.findings = _confirmed(network, lifter, deadline.share(VERIFY_SHARE), rng_seed, recorder)
    with recorder.timed("align"):
        recorder.alignment, found = mechanism(network, lifter.best.program, deadline, rng=child("align", rng_seed))
        recorder.findings += found


def _confirmed(
    network: Subject, lifter: FunctionLifter, deadline: Deadline, rng_seed: int, recorder: Recorder
) -> list[Finding]:
    """The finding on the best function, searched for anew while counterexamples improve it; then on the nearest."""
    findings: list[Finding] = []
    for round_ in range(FEEDBACK_ROUNDS):
        if lifter.best.program is None or deadline.passed:
            break
        part = deadline.share(0.5)
        findings = check_single(network, lifter.best.program, rng_seed=rng_seed + round_, deadline=part)
        example = find_counterexample(findings)
        if example is None or lifter.best.agreement < 1:  # known to be near and no more
            break
        recorder.lifted = lifter.again(np.array(example.inputs), deadline.share(0.5))
    nearest = lifter.best.nearest
    if nearest is not None:
        claim = f"{COMPUTES} {', '.join(map(print_term, nearest.outputs))}"
        findings.append(check_function(network, nearest, rng_seed=rng_seed, deadline=deadline, claim=claim))
    return findings
