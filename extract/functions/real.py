"""A network over single inputs with real outputs: the piecewise-linear function near it, and how near it is, proved."""

from __future__ import annotations

import numpy as np

from dsl.cost import cost_bits
from dsl.programs import Function
from dsl.rewrites import normalise
from extract.distil.pieces import nearest_form
from extract.functions.lift import Lifted
from extract.functions.table import tabulate
from extract.record import Recorder
from extract.search.assemble import output_types
from extract.seeds import child
from verify.budget import Deadline
from verify.near import check_near
from verify.subject import Subject

SEARCH_SHARE = 0.5
MOST_ROWS = 20_000


def lift_real(network: Subject, recorder: Recorder, deadline: Deadline, rng_seed: int) -> None:
    """Fill the record with a function near the network, and the distance that no input exceeds."""
    with recorder.timed("trace"):
        table = tabulate(network, rng=child("trace", rng_seed))
        rng = child("search", rng_seed)
        kept = rng.permutation(len(table.inputs))[:MOST_ROWS]
        recorder.note(f"{len(kept):,} inputs")
    with recorder.timed("search"):
        count, part, terms, farthest = table.outputs.shape[1], deadline.share(SEARCH_SHARE), [], []
        for k in range(count):
            share = part.share(1 / (count - k))
            form = nearest_form(table.variables, table.inputs[kept], table.outputs[kept, k], share, rng=rng)
            terms.append(form.term())
            farthest.append(form.farthest)
        made = normalise(Function("lifted", table.variables, output_types(network.output_ranges), (), tuple(terms)))
        assert isinstance(made, Function)
        right = float((np.array(farthest) == 0).all())
        recorder.lifted = Lifted(made, cost_bits(made), right, "found as the nearest piecewise-linear form", 1)
        recorder.best(made, right)
    with recorder.timed("verify"):
        recorder.findings = [check_near(network, made, rng_seed=rng_seed, deadline=deadline)]
