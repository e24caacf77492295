"""The structure of a network beside its program: what each unit carries, what carries nothing, how parts talk to parts.

All of it is measured on runs: a unit *carries* a variable as far as the variable's own moves make up the unit's
variance;
one part talks to another when exchanging the first between runs changes what is read of the second after one step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from scipy.linalg import subspace_angles
from sklearn.metrics import adjusted_mutual_info_score

from dsl.batch import step_batch
from extract.networks.recurrent import RecurrentNetwork
from extract.observed import gradients_between, observed
from verify.causal.alignment import Alignment, Coded, fit
from verify.causal.interventions import values_from
from verify.causal.mechanism import Mechanism
from verify.causal.runs import Matrix, Runs
from verify.domain import IntArray

CARRIES = 0.1
"""Share of a unit's variance from which on it is said to carry a variable."""
FAINT = 0.02
"""Below this share of its variance, or with this little of it looked at later, a unit is called idle."""
PAIRS = 400
REST, OUTPUT, INPUT = "rest", "output", "input"
FORMAT = "netlift-structure/1"


@dataclass(frozen=True, eq=False)
class Structure:
    """`carried` (unit, variable) and `unexplained` (unit) are shares of each unit's variance; `read` (unit) is how
    much of
    a unit later steps look at. `shared` holds the cosine of the smallest angle between two variables' subspaces.
    `talks` is the graph of parts: inputs, variables, the rest of the state, outputs."""

    variables: tuple[str, ...]
    carried: Matrix
    unexplained: Matrix
    spread: Matrix
    read: Matrix
    shared: Mapping[tuple[str, str], float]
    modules: tuple[tuple[int, ...], ...]
    agreement: float | None
    talks: nx.DiGraph

    @property
    def idle(self) -> tuple[int, ...]:
        """Units that carry no variable, or that nothing looks at."""
        least = FAINT * max(float(self.spread.max(initial=0.0)), 1e-12)
        nothing = (self.carried.sum(axis=1) < FAINT) | (self.read < FAINT) | (self.spread < least)
        return tuple(np.flatnonzero(nothing).tolist())

    @property
    def mixed(self) -> tuple[int, ...]:
        """Units that carry several variables."""
        return tuple(np.flatnonzero((self.carried >= CARRIES).sum(axis=1) > 1).tolist())

    @property
    def left_over(self) -> float:
        """Share of the variance of the whole state that no variable accounts for."""
        total = float((self.spread**2).sum())
        return float((self.unexplained * self.spread**2).sum() / total) if total else 0.0

    def to_json(self) -> dict[str, Any]:
        """As one JSON object; the graph in networkx's node-link form."""
        return {
            "format": FORMAT, "variables": list(self.variables), "carried": self.carried.round(4).tolist(),
            "unexplained": self.unexplained.round(4).tolist(), "read": self.read.round(4).tolist(),
            "idle units": list(self.idle), "mixed units": list(self.mixed), "left over": self.left_over,
            "shared directions": {" and ".join(pair): cosine for pair, cosine in self.shared.items()},
            "modules": [list(m) for m in self.modules], "modules against variables": self.agreement,
            "graph": nx.node_link_data(self.talks, edges="edges"),
        }  # fmt: skip

    def to_dot(self) -> str:
        """The graph of parts in Graphviz's language."""
        lines = ["digraph network {", "  rankdir=LR;"]
        for name, about in self.talks.nodes(data=True):
            lines.append(f"  {json.dumps(name)} [shape=box, label={json.dumps(about['label'])}];")
        for source, target, about in self.talks.edges(data=True):
            width = 0.5 + 3 * about["share"]
            style = "" if about["in_program"] else ", style=dashed"
            lines.append(f"  {json.dumps(source)} -> {json.dumps(target)} "
                         f"[label={json.dumps(about['label'])}, penwidth={width:.1f}{style}];")  # fmt: skip
        return "\n".join([*lines, "}", ""])


def structure(mechanism: Mechanism, *, rng: np.random.Generator) -> Structure:
    """The structure of the network that a verdict is about."""
    runs = mechanism.fitted_on
    alignment = mechanism.assessment.alignment
    plain = fit(runs, runs) if alignment.raw else alignment
    hidden = runs.hidden.reshape(-1, runs.hidden.shape[-1]).astype(np.float64)
    variance = hidden.var(axis=0)
    numbers = plain.numbers({n: v.reshape(len(hidden), -1) for n, v in runs.values.items()})
    safe = np.maximum(variance, 1e-12)
    parts = [(numbers[:, v.span] @ plain.encoder[v.span]).var(axis=0) / safe for v in plain.variables]
    carried = np.stack(parts, axis=1) if parts else np.zeros((len(variance), 0))
    left = (hidden - numbers @ plain.encoder).var(axis=0) / safe if parts else np.ones(len(variance))
    seen = observed(runs, rng=rng)
    modules, agreement = _modules(runs, carried, rng)
    return Structure(
        tuple(v.name for v in plain.variables), np.minimum(carried, 1.0), np.minimum(left, 1.0), np.sqrt(variance),
        np.linalg.norm(seen, axis=0), _shared(alignment), modules, agreement, _talks(runs, alignment, seen, rng),
    )  # fmt: skip


def _shared(alignment: Alignment) -> dict[tuple[str, str], float]:
    """The largest cosine between directions of two variables, for each two."""
    found = {}
    for k, v in enumerate(alignment.variables):
        for other in alignment.variables[k + 1 :]:
            first, second = (_basis(alignment, x) for x in (v, other))
            if len(first) and len(second):
                found[v.name, other.name] = float(np.cos(subspace_angles(first.T, second.T).min()))
    return found


def _basis(alignment: Alignment, v: Coded) -> Matrix:
    _, sizes, directions = np.linalg.svd(alignment.move(v.name), full_matrices=False)
    return directions[sizes > 1e-6 * max(float(sizes.max(initial=0.0)), 1e-12)]


def _modules(runs: Runs, carried: Matrix, rng: np.random.Generator) -> tuple[tuple[tuple[int, ...], ...], float | None]:
    """Units clustered by how strongly they drive one another, and how well that agrees with which variable each carries
    most of (mutual information, 0 by chance and 1 at best)."""
    if not isinstance(runs.network, RecurrentNetwork) or runs.hidden.shape[-1] > 512:
        return (), None
    spread = runs.hidden.reshape(-1, runs.hidden.shape[-1]).std(axis=0)
    drive = np.abs(gradients_between(runs, rng=rng)).mean(axis=0) * spread  # to, from
    drive = (drive + drive.T) / 2
    graph = nx.from_numpy_array(np.where(drive > 1e-3 * max(drive.max(initial=0.0), 1e-12), drive, 0.0))
    found = nx.community.louvain_communities(graph, weight="weight", seed=int(rng.integers(1 << 31)))
    modules = tuple(tuple(sorted(m)) for m in sorted(found, key=min))
    if carried.shape[1] < 2:
        return modules, None
    busy = np.flatnonzero(carried.max(axis=1) >= CARRIES)
    module_of = {unit: k for k, m in enumerate(modules) for unit in m}
    if len(busy) < 2:
        return modules, None
    return modules, float(
        adjusted_mutual_info_score(carried[busy].argmax(axis=1), [module_of[u] for u in busy.tolist()])
    )


def _talks(runs: Runs, alignment: Alignment, seen: Matrix, rng: np.random.Generator) -> nx.DiGraph:
    """Parts and the share of exchanges of one that change another after one step, by input symbol; beside it whether
    the
    program says so."""
    graph = nx.DiGraph()
    names = [v.name for v in alignment.variables]
    used = sum(len(_basis(alignment, v)) for v in alignment.variables)
    graph.add_node(INPUT, label="input", dimensions=runs.inputs.shape[-1])
    for v in alignment.variables:
        dimensions = len(_basis(alignment, v))
        graph.add_node(v.name, label=f"{v.name} ({dimensions}d)", dimensions=dimensions)
    graph.add_node(REST, label=f"rest ({max(len(seen) - used, 0)}d looked at)", dimensions=max(len(seen) - used, 0))
    graph.add_node(OUTPUT, label="output", dimensions=runs.outputs.shape[-1])
    t = runs.time // 2
    base, other = rng.integers(0, runs.words, (2, PAIRS))
    symbols = runs.inputs[base, t + 1]
    plain = runs.network.step(runs.hidden[base, t], symbols)
    for source in [INPUT, *names, REST]:
        state, theirs, program = runs.hidden[base, t], symbols, dict(runs.states[t])
        program = {n: values_from(c, base) for n, c in program.items()}
        if source == INPUT:
            theirs = runs.inputs[other, t + 1]
        else:
            chosen = names if source == REST else [source]
            change = alignment.read(runs.hidden[other, t]) - alignment.read(state)
            kept = np.zeros_like(change)
            for v in alignment.variables:
                if v.name in chosen:
                    kept[:, v.span] = change[:, v.span]
            state = alignment.moved(runs.hidden[other, t], -kept) if source == REST else alignment.moved(state, kept)
            if source != REST:
                program[source] = values_from(runs.states[t][source], other)
        moved = runs.network.step(state, theirs)
        foretold = step_batch(runs.machine, program, theirs)
        usual = step_batch(runs.machine, {n: values_from(c, base) for n, c in runs.states[t].items()}, symbols)
        _edges(graph, source, alignment, (plain, moved), (usual, foretold), symbols)
    return graph


def _edges(graph: nx.DiGraph, source: str, alignment: Alignment, network: Any, program: Any, symbols: IntArray) -> None:
    (before, said), (after, says) = network
    (usual, usually), (foretold, then) = program
    read = np.abs(alignment.read(after) - alignment.read(before)) if alignment.variables else np.zeros((len(said), 0))
    size = np.abs(alignment.decoder @ alignment.encoder.T).max(initial=1.0)
    targets = {v.name: (read[:, v.span] > 0.25 * size).any(axis=1) for v in alignment.variables}
    targets[OUTPUT] = (says != said).any(axis=1)
    expected = {n: _differ(usual[n], foretold[n]) for n in foretold} | {OUTPUT: (then != usually).any(axis=1)}
    for target, changed in targets.items():
        share = float(changed.mean())
        if share >= FAINT:
            by_symbol = {
                _symbol(s): float(changed[(symbols == s).all(axis=1)].mean()) for s in np.unique(symbols, axis=0)
            }
            graph.add_edge(source, target, share=share, label=f"{share:.0%}", by_input=by_symbol,
                           program=float(expected[target].mean()), in_program=bool(expected[target].any()))  # fmt: skip


def _differ(first: Any, second: Any) -> np.ndarray:
    if isinstance(first, tuple):
        return np.any([_differ(a, b) for a, b in zip(first, second, strict=True)], axis=0)
    return np.asarray(first != second, dtype=bool)


def _symbol(values: IntArray) -> str:
    return ",".join(map(str, values.tolist()))
