"""The threshold of the mechanism verdict is the one that the kept scores of planted networks and decoys give."""

from __future__ import annotations

import json

from benchmarks.performance.mechanism import CALIBRATION, calibrated
from verify.causal.mechanism import THRESHOLD


def test_shipped_threshold_is_the_calibrated_one() -> None:
    kept = json.loads(CALIBRATION.read_text())
    assert len(kept["true"]) >= 30
    assert len(kept["decoys"]) >= 120
    assert calibrated(**kept) == THRESHOLD


def test_calibration_is_in_the_middle_of_what_separates() -> None:
    assert calibrated([0.9, 1.0], [0.1, 0.5]) == 0.7
    assert calibrated([0.2, 0.9, 1.0], [0.1, 0.5, 0.6]) == 0.75
