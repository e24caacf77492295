"""Planted networks: the ladder gives each program its turn, and what is written is a job for the runner."""

import json
from pathlib import Path

from benchmarks.entry import copy_blind
from benchmarks.jobs import OURS
from benchmarks.run import jobs_of, networks
from benchmarks.suites.planted import planted as programs
from benchmarks.zoo.planted import CELLS, NOISES, SUPERPOSITIONS, ladder, planted, write
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


def test_a_program_is_planted_with_as_much_noise_and_superposition_as_it_bears() -> None:
    cells, noises = len(CELLS), len(NOISES)
    hardest = cells * (noises * len(SUPERPOSITIONS) - 1)
    for item in programs(2, seed=0):
        asked = [planted(item, CELLS.index("mlp") + cells * rest, 0) for rest in (0, 1)]
        assert [made is not None and made.options.noise for made in asked] == [NOISES[0], NOISES[1]]
        made = planted(item, hardest + CELLS.index("rnn_relu"), 0)
        assert made is not None
        assert made.wrong == 0
        assert (made.options.noise, made.options.superposition) < (NOISES[-1], SUPERPOSITIONS[-1])
