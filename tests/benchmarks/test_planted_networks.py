"""Planted networks: the ladder gives each program its turn, and what is written is a job for the runner."""

import json
from pathlib import Path

from benchmarks.entry import copy_blind
from benchmarks.jobs import OURS
from benchmarks.run import jobs_of, networks
from benchmarks.zoo.planted import CELLS, ladder, write
from dsl.syntax import parse
from extract.networks import load_network


def test_the_ladder_plants_in_turn_and_writes_what_the_runner_takes(tmp_path: Path) -> None:
    made = [(item, network) for item, network in ladder(4, seed=0) if network is not None]
    assert len(made) == 4
    assert [network.options.cell for _, network in made] == list(CELLS[:4])
    assert all(network.wrong == 0 for _, network in made)
    for item, network in made:
        write(item, network, tmp_path / "suite" / item.name)
    assert len(jobs_of(str(tmp_path / "suite"), [], [OURS], 1.0, 0)) == 4
    item, network = made[0]
    written = json.loads((tmp_path / "suite" / item.name / "network.json").read_text())
    assert parse(written["reference"]) == item.program
    assert written["planted"]["operators"] == item.operators
    assert load_network(tmp_path / "suite" / item.name).domain == item.domain
    copy_blind(networks(str(tmp_path / "suite"))[0], tmp_path / "blind")
    assert {"reference", "planted", "task"}.isdisjoint(json.loads((tmp_path / "blind" / "network.json").read_text()))
