"""From a network to a program: the stages in order.

    trace -> abstract -> search (propose, distil, enumerate, test) -> verify -> align -> prove -> extraction

A network over streams becomes a machine by the stages below, one over single inputs a function by those of
`extract.functions`; the domain says which. A counterexample found by `verify` goes back to the search; one found beyond
the training length stays in the evidence, with the domain on which the claim holds.
"""

from __future__ import annotations

from typing import cast

from extract.abstract.choose import abstract
from extract.align import align
from extract.confirm import confirm, prove
from extract.extraction import Extraction, Progress, Silent
from extract.functions.stages import lift_function
from extract.record import Recorder
from extract.search.lift import Lifter
from extract.seeds import child
from extract.trace import first_record
from verify.budget import Deadline
from verify.subject import RecurrentSubject, Subject

USED_SHARE = 0.95
"""Of `timeout_s`: stages look at the clock between portions of work, and the last of them is let finish."""
ABSTRACT_SHARE = 0.25
SEARCH_SHARE = 0.6
VERIFY_SHARE = 0.75
ALIGN_SHARE = 0.7
PROVE_SHARE = 0.5
CERTIFICATE_SHARE = 0.05
"""Of the whole budget: certificates that close do so soon, so more time comes with a larger `timeout_s`."""


def extract(
    network: Subject, *, timeout_s: float = 60.0, rng_seed: int = 0, progress: Progress | None = None
) -> Extraction:
    """The program a network implements, with its alignment and evidence.

    Ends within `timeout_s` seconds. Interrupted (KeyboardInterrupt), it returns the best program so far, marked so.
    """
    deadline = Deadline.after(timeout_s * USED_SHARE)
    recorder = Recorder(network, timeout_s=timeout_s, rng_seed=rng_seed, progress=progress or Silent())
    try:
        if network.domain.streams:
            lift_machine(cast(RecurrentSubject, network), recorder, deadline, rng_seed)
        else:
            lift_function(network, recorder, deadline, rng_seed)
    except KeyboardInterrupt:
        recorder.interrupted = True
    return recorder.extraction()


def lift_machine(network: RecurrentSubject, recorder: Recorder, deadline: Deadline, rng_seed: int) -> None:
    """Fill the record with the machine that a network over streams implements, its evidence and alignment."""
    timeout_s = recorder.timeout_s
    with recorder.timed("trace"):
        record = first_record(network, rng=child("trace", rng_seed))
    with recorder.timed("abstract"):
        abstraction = abstract(network, deadline.share(ABSTRACT_SHARE), rng=child("abstract", rng_seed))
        recorder.note(abstraction.describe())
    with recorder.timed("search"):
        lifter = Lifter(
            network, abstraction, record, deadline.share(SEARCH_SHARE), recorder, rng=child("search", rng_seed)
        )
        recorder.lifted = lifter.best
        lifter.search()
    with recorder.timed("verify"):
        recorder.findings = confirm(network, lifter, deadline.share(VERIFY_SHARE), rng_seed=rng_seed)
    with recorder.timed("align"):
        if lifter.best.machine is not None:
            limit = deadline.share(ALIGN_SHARE)
            own, recorder.alignment, causal = align(network, lifter.best.machine, limit, rng=child("align", rng_seed))
            recorder.findings += causal
            lifter.restate(own)
    with recorder.timed("prove"):
        limit = deadline.share(PROVE_SHARE).within(timeout_s * CERTIFICATE_SHARE)
        proof, recorder.certificate = prove(network, lifter, recorder.findings, limit, rng_seed=rng_seed)
        recorder.findings += proof
