"""Drawings: the labels of arrows that cross do not lie on one another."""

from __future__ import annotations

import itertools

from extract.report.svg import Box, Drawing


def test_labels_of_crossing_arrows_lie_apart() -> None:
    left = [Box((0.0, 66.0 * k), ("from",)) for k in range(4)]
    right = [Box((330.0, 66.0 * k), ("to",)) for k in range(3)]
    drawing = Drawing()
    for source, target in itertools.product(left, right):
        drawing.arrow(source, target, ["100%"], 0.0)
    assert len(drawing.taken) == 12
    for (left0, top0, right0, bottom0), (left1, top1, right1, bottom1) in itertools.combinations(drawing.taken, 2):
        assert right0 <= left1 or right1 <= left0 or bottom0 <= top1 or bottom1 <= top0
