"""The policies of the zoo: what is claimed of a box of states holds of the network in it, and fails outside."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from benchmarks.performance.control import ZOO, box, leaning_right, mirrored
from dsl.programs import Function
from dsl.syntax import parse
from extract import load_network
from extract.networks import FeedForwardNetwork
from verify.boxes import search_boxes, within
from verify.equivalence import as_machine
from verify.properties import check_property
from verify.verdict import Proved, Refuted

HEADER = "function policy(x0: -240..240, x1: -300..300, x2: -210..210, x3: -300..300) -> 0..1 ="


@pytest.mark.parametrize("name", ["cartpole_tanh_8", "cartpole_tanh_16"])
def test_pushes_right_where_the_pole_leans_and_turns_right(name: str) -> None:
    network = cast(FeedForwardNetwork, load_network(ZOO / name))
    lows, highs = box(network)
    broken, done, _ = search_boxes(network, within(((1, 1),)), lows, highs)
    assert broken is None
    assert done
    drawn = np.random.default_rng(0).integers(lows, highs + 1, size=(5_000, 4))
    assert (network.run(drawn[:, None]) == 1).all()
    broken, _, _ = search_boxes(network, within(((1, 1),)), -highs, highs)
    assert broken is not None
    assert network.run(broken[None, None]).item() == 0


def test_claims_about_programs() -> None:
    network = cast(FeedForwardNetwork, load_network(ZOO / "cartpole_tanh_8"))
    lows, highs = box(network)
    for text, safe, symmetric in (("int(x1 + x2 + 9 * x3 >= 0)", True, True), ("int(x3 > 100)", False, False)):
        machine = as_machine(cast(Function, parse(f"{HEADER} {text}")))
        verdict = check_property(machine, leaning_right(machine, lows, highs), timeout_s=20).verdict
        assert isinstance(verdict, Proved if safe else Refuted)
        verdict = check_property(mirrored(machine), "y", timeout_s=20).verdict
        assert isinstance(verdict, Proved if symmetric else Refuted)
