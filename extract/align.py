"""The alignment of a lifted program with its network, and the mechanism verdict on the two."""

from __future__ import annotations

import numpy as np

from dsl.programs import Machine
from extract.das import learn
from extract.extraction import VariableAlignment
from extract.networks.decoy import random_twin
from extract.restate import restated
from verify.budget import Deadline
from verify.causal.alignment import SITE, Alignment, Coded
from verify.causal.mechanism import THRESHOLD, Mechanism, claimed, judge
from verify.causal.smallest import size, smallest
from verify.subject import RecurrentSubject
from verify.verdict import Finding, Supported


def align(
    network: RecurrentSubject, machine: Machine, deadline: Deadline, *, rng: np.random.Generator
) -> tuple[Machine, tuple[VariableAlignment, ...], list[Finding]]:
    """Where each state variable lives, and whether the network uses it as the program does, beside decoys; of a
    program that is not the network's own, one with the same outputs that is, if there is one."""
    if deadline.passed:
        return machine, (), []
    mechanism = judged(network, machine, deadline, rng=rng)
    if not isinstance(mechanism.verdict, Supported):
        for other in restated(machine, network.domain, deadline):
            if claimed(network, other, rng=rng, refine=learn, deadline=deadline)[3].score < THRESHOLD:
                continue
            theirs = judged(network, other, deadline, rng=rng)
            if isinstance(theirs.verdict, Supported):
                machine, mechanism = other, theirs
                break
    return machine, described(mechanism, rng=rng), [mechanism.finding()]


def judged(network: RecurrentSubject, machine: Machine, deadline: Deadline, *, rng: np.random.Generator) -> Mechanism:
    """The mechanism verdict, with learned rotations as a fallback and a random network of the same make as a decoy."""
    twin = random_twin(network, rng=rng)
    return judge(network, machine, rng=rng, twin=twin, refine=learn, deadline=deadline)


def described(mechanism: Mechanism, *, rng: np.random.Generator) -> tuple[VariableAlignment, ...]:
    """The alignment as it is reported; score is the share of held-out states whose value is read right."""
    alignment = mechanism.assessment.alignment
    least = smallest(mechanism.fitted_on, alignment, rng=rng)
    return tuple(
        VariableAlignment(
            variable=v.name, site=SITE, decoder=tuple(map(tuple, alignment.decoder[v.span].tolist())),
            offset=tuple(alignment.offset[v.span].tolist()), score=exact, note=_note(alignment, least, v),
        )
        for v, exact in zip(alignment.variables, alignment.exact, strict=True)
    )  # fmt: skip


def _note(alignment: Alignment, least: Alignment, v: Coded) -> str:
    dimensions, enough = size(alignment, v), size(least, v)
    where = f"{dimensions} direction{'s' if dimensions > 1 else ''}"
    if enough < dimensions:
        where += f" ({enough} would do for it alone)"
    if alignment.raw:
        return f"{where} of a learned rotation"
    how = "read as a number" if v.values is None else f"an indicator of each of {len(v.values)} values"
    return f"{where}; {how}{', read together with the others' if alignment.joint is not None else ''}"
