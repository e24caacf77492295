"""The independent checker of layered certificates: what a network may hold after so many inputs, in many zonotopes.

A *layer* is a list of zonotopes, each tied to a program state, that together hold every state the network can be in
after as many inputs. The next layer follows either from each on its own, one input further (`Layers.step`), or from
*nodes* (`Layers.follow`), one or more inputs further: sets of zonotopes of one program state, halved across the
coordinate in which their centres are widest until they are one each (`verify.nodes`). A certificate names, per node,
the words that are followed from it as a whole, by a parallelotope around its zonotopes (`verify.hulls`); what is not
named is left to both halves. So a word in which much is forgotten is followed from a few large nodes, one in which
little is forgotten from many small ones. All is computed here but the words: what is followed holds every run whatever
they are, and they are good as long as every read-out is certain.

A zonotope has as many terms as the state has coordinates, twice as many on the way: of those there are after a step and
of the sides of its box the longest, the rest becomes its box (Girard 2005, reachability using zonotopes, section 3.2).
While all inputs are followed one by one, there are no terms: points, and what rounding makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dsl.programs import Machine
from dsl.semantics import initial_state, step
from dsl.types import BoolType
from verify.enclosures import Enclosure, Network, Zonotope
from verify.hulls import around, as_terms, sizes_of, stacked, trimmed, unit_of
from verify.nodes import Choice, Nodes
from verify.tube import Fails

ROWS, STEPPED = 4_096, 256  # zonotopes around which nodes are put together, and that take a step together
MOST_ENTRIES = 600_000_000  # of the terms of a layer: 4.8 GB
MOST_WORDS = 10_000  # that are followed from a node
MOST_IN_NODE = 200_000  # zonotopes, around which a parallelotope is put
SMALL = 1e-5  # units, of differences that are followed by one step
INPUTS = 4  # of a large alphabet that this is done for

Image = tuple[Enclosure, Any, Any, int]  # enclosures, program states, rows, and the word


class Layers:
    """Followed from the initial state; `length` inputs have been read, their outputs are as the program says.

    `zonotopes` of the present layer belong to `states`, numbers of program states in the order in which they were met.
    """

    def __init__(self, machine: Machine, network: Network) -> None:
        self.machine, self.network, self.length, self.followed = machine, network, 0, 0
        begin = network.start()
        self.zonotopes: Enclosure = Zonotope(begin[None], np.zeros((1, 0, len(begin))), np.zeros((1, len(begin))))
        self.states, self.unit = np.zeros(1, dtype=np.int64), np.ones_like(begin)
        self._known = [initial_state(machine)]
        self._numbers = {self._known[0]: 0}
        kinds = [isinstance(variable.type, BoolType) for variable in machine.inputs]
        self._symbols = [tuple(bool(v) if k else v for k, v in zip(kinds, symbol)) for symbol in network.symbols]
        self._steps: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}

    def places(self) -> Any:
        """Where the zonotopes of the present layer are, in units."""
        return self.zonotopes.centre / self.unit

    def by_state(self) -> list[Any]:
        """The zonotopes of each program state."""
        return [np.nonzero(self.states == state)[0] for state in np.unique(self.states)]

    def step(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """One more input, from each zonotope on its own. Raises `Fails` where its output is not certain, or when it was
        stopped."""
        found, count = list[tuple[Enclosure, Any]](), len(self.states) * len(self._symbols)
        keep = self.zonotopes.terms.shape[1] and self.zonotopes.centre.shape[1]
        self._room(count, keep)
        for first in range(0, len(self.states), ROWS):
            rows = np.arange(first, min(first + ROWS, len(self.states)))
            for position in range(len(self._symbols)):
                image, states, certain = self._image(self.zonotopes.rows(rows), self.states[rows], position)
                if not certain.all():
                    symbol = self.network.symbols[position]
                    raise Fails(f"the read-out after input {symbol} is not certain")
                found.append((trimmed(image, self.unit, keep), states))
            if stopped():
                raise Fails("the time was up")
        self._take(found, 1, count)

    def follow(
        self,
        depth: int,
        choice: Choice,
        stopped: Callable[[], bool] = lambda: False,
        *,
        last: bool = False,
        roots: Sequence[Any] | None = None,
    ) -> None:
        """As many more inputs as `depth`, from nodes. Raises `Fails` where a word is left, or when it was stopped.

        The first nodes are all zonotopes of one program state each, or those of `roots`, rows of the present layer.
        Where it is the `last` time, the images are not held.
        """
        if len(self._symbols) ** depth > MOST_WORDS:
            raise Fails(f"expected at most {MOST_WORDS:,} words from a node, got {len(self._symbols):,}^{depth:,}")
        places, found, followed = self.places(), list[tuple[Enclosure, Any]](), 0
        nodes = Nodes.roots(self.by_state() if roots is None else roots, len(self._symbols) ** depth, places)
        while len(nodes):
            asked = choice.asked(nodes) & nodes.pending
            whole = np.nonzero(asked.any(axis=1))[0]
            states, single = self.states[nodes.rows[nodes.starts[whole]]], nodes.counts[whole] == 1
            around = self._around(nodes, whole)
            for image, reached, rows, word in self._images(around, states, asked[whole], single, depth, choice):
                nodes.pending[whole[rows], word] = False
                followed += len(rows)
                if not last:
                    self._room(followed, len(self.unit))
                    found.append((image, reached))
                if stopped():
                    raise Fails("the time was up")
            choice.missed(int((asked & nodes.pending).sum()))
            nodes = nodes.halves(places)
        self._take(found, depth, followed)

    def _take(self, found: list[tuple[Enclosure, Any]], inputs: int, followed: int) -> None:
        """The next layer."""
        if found:
            self.zonotopes = stacked([each for each, _ in found])
            self.states = np.concatenate([states for _, states in found])
            self.unit = unit_of(self.zonotopes.centre)
        self.length += inputs
        self.followed += followed

    def _room(self, count: int, terms: int) -> None:
        if count * max(terms, 1) * len(self.unit) > MOST_ENTRIES:
            raise Fails(f"a layer of {count:,} zonotopes of {terms} terms is more than can be held")

    def _image(self, x: Enclosure, states: Any, position: int) -> tuple[Enclosure, Any, Any]:
        """After one input: the enclosures, program states, and whether what is read is as the program says."""
        symbol, parts = self.network.symbols[position], range(0, len(states), STEPPED)
        image = stacked([self.network.step(x.rows(slice(k, k + STEPPED)), symbol, cuts=0)[0] for k in parts])
        numbers, at = np.unique(states, return_inverse=True)
        steps = [self._step(number, position) for number in numbers.tolist()]
        certain = np.zeros(len(states), dtype=bool)
        for outputs in sorted({outputs for _, outputs in steps}):
            rows = np.nonzero(np.array([each == outputs for _, each in steps])[at])[0]
            certain[rows] = self.network.reads(image.rows(rows), outputs)
        return image, np.array([number for number, _ in steps])[at], certain

    def _images(
        self, x: Enclosure, states: Any, asked: Any, single: Any, depth: int, choice: Choice, word: int = 0
    ) -> Iterator[Image]:
        """What is taken after as many inputs of the words asked for."""
        rest = len(self._symbols) ** (depth - 1)
        for position in range(len(self._symbols)):
            part = slice(position * rest, (position + 1) * rest)
            rows = np.nonzero(asked[:, part].any(axis=1))[0]
            if not len(rows):
                continue
            image, reached, certain = self._image(x.rows(rows), states[rows], position)
            if depth == 1:
                kept = choice.taken(sizes_of(image, self.unit), certain, single[rows]) & certain
                image = trimmed(image.rows(kept), self.unit, len(self.unit))
                yield image, reached[kept], rows[kept], word + position
                continue
            rows = rows[certain]
            image = trimmed(image.rows(certain), self.unit, 2 * len(self.unit))
            further = self._images(
                image, reached[certain], asked[rows, part], single[rows], depth - 1, choice, word + position * rest
            )
            for found, ended, some, last in further:
                yield found, ended, rows[some], last

    def _around(self, nodes: Nodes, which: Any) -> Enclosure:
        """Parallelotopes around some of the nodes; what is single is what it is."""
        counts, first = nodes.counts[which], 0
        if counts.max(initial=0) > MOST_IN_NODE:
            raise Fails(f"expected nodes of at most {MOST_IN_NODE:,} zonotopes, got {counts.max():,}")
        x, several = as_terms(self.zonotopes.rows(nodes.rows[nodes.starts[which]])), np.nonzero(counts > 1)[0]
        effects = self._effects(nodes.middles[which[several]] * self.unit)
        while first < len(several):
            total = np.cumsum(counts[several[first : first + ROWS]])
            part = several[first : first + max(1, int(np.searchsorted(total, ROWS, side="right")))]
            rows = np.concatenate([nodes.at(number) for number in which[part].tolist()])
            starts = np.cumsum(counts[part]) - counts[part]
            found = around(self.zonotopes.rows(rows), starts, self.unit, effects[first : first + len(part)])
            x.centre[part], x.terms[part], x.box[part] = found.centre, found.terms, found.box
            first += len(part)
        return x

    def _effects(self, centres: Any) -> Any:
        """Per centre (count width width) the squares of a small difference, in units, and of its images together."""
        width = len(self.unit)
        squares = np.tile(np.eye(width), (len(centres), 1, 1))
        for first in range(0, len(centres), STEPPED):
            some = centres[first : first + STEPPED]
            small = Zonotope(some, np.tile(SMALL * np.diag(self.unit), (len(some), 1, 1)), np.zeros_like(some))
            for symbol in self.network.symbols[:: -(-len(self._symbols) // INPUTS)]:
                moved = self.network.step(small, symbol, cuts=0)[0].terms / (SMALL * self.unit)
                squares[first : first + STEPPED] += moved @ moved.transpose(0, 2, 1)
        return squares

    def _step(self, number: int, position: int) -> tuple[int, tuple[int, ...]]:
        """The program's next state, by number, and its outputs."""
        if (number, position) not in self._steps:
            after, outputs = step(self.machine, self._known[number], self._symbols[position])
            if after not in self._numbers:
                self._numbers[after] = len(self._known)
                self._known.append(after)
            self._steps[number, position] = self._numbers[after], tuple(int(v) for v in outputs)  # type: ignore[arg-type]
        return self._steps[number, position]
