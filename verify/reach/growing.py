"""Finding a growing certificate: tubes guessed from sampled runs, each followed as far as it goes (`verify.growth`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.programs import Machine
from verify.budget import Deadline
from verify.enclosures import Network
from verify.growth import Growth
from verify.reach.tubes import guesses
from verify.subject import RecurrentSubject
from verify.tube import Fails
from verify.weights import WithWeights, weights_of
from verify.words import draw_mixed

SAMPLED, LONGEST_SAMPLE = 48, 400
TIMES, MOST_TIMES = 10, 100  # of the training length: runs from which a tube is guessed, and how far it is followed
TRY_EVERY = 8  # steps, after which it is seen whether the tube closes
FOLLOW_SHARE = 0.5  # the checker follows the whole tube again


@dataclass(frozen=True)
class Grown:
    """A tube and how far it goes: up to `length`, for every length if `closed`; and what ended it."""

    tube: dict[str, Any]
    length: int
    closed: bool
    obstacle: str


def grown(network: RecurrentSubject, machine: Machine, deadline: Deadline, rng_seed: int) -> Grown:
    """The first guess that closes, else the one that goes farthest."""
    if not isinstance(network, WithWeights):
        return Grown({}, 0, False, "expected a network that shows its weights, got one that only runs")
    enclosed = Network(dict(network.description), dict(network.tensors))
    best = Grown({}, 0, False, "no tube was found")
    times, train = deadline.share(FOLLOW_SHARE), network.domain.train_length
    words = draw_mixed(
        network.domain, SAMPLED, min(TIMES * train, LONGEST_SAMPLE), rng=np.random.default_rng(rng_seed)
    )
    try:
        weights = weights_of(network, network.initial_state(1)[0])
        tubes = guesses(network, machine, weights, words)
    except (Unsupported, np.linalg.LinAlgError) as error:
        return Grown({}, 0, False, str(error))
    for k, tube in enumerate(tubes):
        part = times.share(1 / (len(tubes) - k))
        found = _followed(tube, machine, enclosed, MOST_TIMES * train, part)
        best = max(found, best, key=lambda each: (each.closed, each.length))
        if best.closed:
            break
    return best


def _followed(tube: dict[str, Any], machine: Machine, network: Network, most: int, deadline: Deadline) -> Grown:
    length, closed, obstacle = 0, False, f"{most:,} steps were followed"
    try:
        growth = Growth(tube, machine, network)
        while not closed and length < most:
            growth.step()
            length = growth.length
            closed = length % TRY_EVERY == 0 and growth.closes()
            if deadline.passed:
                obstacle = "the time was up"
                break
    except (Fails, Unsupported) as error:
        obstacle = str(error)
    return Grown(tube, length, closed, obstacle)
