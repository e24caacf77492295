"""What sets of states lead to, for the search for layered certificates (`verify.reach.layered`): how doubtful read-outs
become along the inputs that make them so."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.enclosures import Enclosure, Network
from verify.layers import Layers


def doubtful(layers: Layers, x: Enclosure, states: Any, inputs: int, most: Any) -> Any:
    """Per zonotope, whether the doubt of a read-out is more than this part (count) of its lead.

    On the way that doubts most: so many inputs, each time the one after which doubt is the largest part.
    """
    network, found, rows = layers.network, np.zeros(len(states), dtype=bool), np.arange(len(states))

    def doubts_of(image: Enclosure, outputs: tuple[int, ...]) -> Any:
        return doubt(network, network.logits(image), outputs)

    for _ in range(inputs):
        worst, images, after = np.full(len(rows), -1.0), x, states
        for position in range(len(network.symbols)):
            image, reached, doubts = layers.image(x, states, position, len(layers.unit), doubts_of)
            if position == 0:
                worst, images, after = doubts, image, reached
                continue
            more = np.nonzero(doubts > worst)[0]
            worst[more], after[more] = doubts[more], reached[more]
            images.centre[more], images.terms[more], images.box[more] = (
                part[more] for part in (image.centre, image.terms, image.box)
            )
        far = ~(worst <= most[rows])
        found[rows[far]] = True
        x, states, rows = images.rows(~far), after[~far], rows[~far]
        if not len(rows):
            break
    return found


def doubt(network: Network, logits: Enclosure, outputs: tuple[int, ...]) -> Any:
    """Per row, the largest part that is in doubt of what outputs are decided by: a lead's reach, as a part of it."""
    worst, column, decoding = np.zeros(len(logits.centre)), 0, network.description["output"]["decoding"]
    for value, (low, high) in zip(outputs, network.outputs, strict=True):
        size = high - low + 1 if decoding == "argmax" else 1
        block, chosen = logits.pick(slice(column, column + size)), value - low
        column += size
        if decoding == "argmax":
            lead = block.centre[:, [chosen]] - block.centre
            reach = np.abs(block.terms[:, :, [chosen]] - block.terms).sum(axis=1) + block.box + block.box[:, [chosen]]
            lead[:, chosen], reach[:, chosen] = 1.0, 0.0
        else:
            lead, reach = block.centre, block.radius()
            lead = 0.5 - np.abs(lead - value) if decoding == "round" else (lead if value else -lead)
        worst = np.maximum(worst, np.where(lead > 0, reach / np.where(lead > 0, lead, 1.0), np.inf).max(axis=1))
    return worst
