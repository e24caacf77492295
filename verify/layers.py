"""The independent checker of layered certificates: what a network may hold after so many inputs, in many zonotopes.

A *layer* is a list of zonotopes, each tied to a program state, that together hold every state the network can be in
after as many inputs. The next layer follows either from each on its own, one input further (`Layers.step`), or from
*nodes* (`Layers.follow`), one or more inputs further: sets of zonotopes of one program state, halved across the
coordinate in which their centres are widest until they are one each (`verify.nodes`). A certificate names, per node,
the words that are followed from it as a whole, by a parallelotope around its zonotopes (`verify.hulls`); what is not
named is left to both halves; what is left of single zonotopes, to their halves across the term that makes most of a
difference, again and again. So a word in which much is forgotten is followed from a few large nodes, one in which
little is forgotten from many small ones. All is computed here but the words: what is followed holds every run whatever
they are, and they are good as long as every read-out is certain.

A zonotope has as many terms as the state has coordinates. For a step, the sides of its box are among the terms, where
they keep their signs; of the terms there are after it, those that lose least by it go back into the box (Girard 2005,
reachability using zonotopes, section 3.2). While all inputs are followed one by one, there are no terms: points, and
what rounding makes of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from dsl.programs import Machine
from dsl.semantics import initial_state, step
from dsl.types import BoolType
from verify.differences import SMALL, effects, leading, moved, small
from verify.enclosures import Enclosure, Network, Zonotope
from verify.hulls import around, halved, stacked, trimmed, unit_of
from verify.nodes import Choice, Nodes
from verify.tube import Fails

BLOCK, GROUP = 4_096, 1_024  # nodes that are followed together, and zonotopes, around which sets are put together
STEPPED, POINTS = 3_072, 1_024  # coordinates of zonotopes, and points, that take a step together
THREADS = 4  # at most
MOST_ENTRIES = 600_000_000  # of the terms of a layer: 4.8 GB
MOST_WORDS = 10_000  # that are followed from a node
MOST_IN_NODE = 200_000  # zonotopes, around which a parallelotope is put
MOST_CUT, FEW, CUTS = 0.1, 256, 20  # of the zonotopes of a layer, or so many, are cut in halves, and how often

Found = TypeVar("Found")
Read = Callable[[Enclosure, tuple[int, ...]], Any]
Image = tuple[Enclosure, Any, Any, Any]  # enclosures, program states, rows, and words


class TooMany(Fails):
    """More zonotopes than were allowed."""


class Layers:
    """Followed from the initial state; `length` inputs have been read, their outputs are as the program says.

    `zonotopes` of the present layer belong to `states`, numbers of program states.
    """

    def __init__(self, machine: Machine, network: Network) -> None:
        self.machine, self.network, self.length, self.followed = machine, network, 0, 0
        begin = network.start()
        self.zonotopes: Enclosure = Zonotope(begin[None], np.zeros((1, 0, len(begin))), np.zeros((1, len(begin))))
        self.states, self.unit = np.zeros(1, dtype=np.int64), np.ones_like(begin)
        self._stepped = max(STEPPED // len(begin), 16)
        self._known = [initial_state(machine)]
        self._numbers = {self._known[0]: 0}
        kinds = [isinstance(variable.type, BoolType) for variable in machine.inputs]
        self._symbols = [tuple(bool(v) if k else v for k, v in zip(kinds, symbol)) for symbol in network.symbols]
        self._lock, self._pool = Lock(), ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1))
        self._steps: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}

    def places(self, x: Enclosure) -> Any:
        """Where zonotopes are, in units."""
        return x.centre / self.unit

    def by_state(self) -> list[Any]:
        """The zonotopes of each program state, the state of the first zonotope first."""
        numbers, first = np.unique(self.states, return_index=True)
        return [np.nonzero(self.states == number)[0] for number in numbers[np.argsort(first)].tolist()]

    def step(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """One more input, from each zonotope on its own. Raises `Fails` where its output is not certain, or when it was
        stopped."""
        count = len(self.states) * len(self._symbols)
        self._room(count, self.zonotopes.terms.shape[1])
        found = list[tuple[Enclosure, Any]]()
        for first in range(0, len(self.states), BLOCK):
            part = slice(first, first + BLOCK)
            for position, symbol in enumerate(self.network.symbols):
                image, states, certain = self._image(self.zonotopes.rows(part), self.states[part], position)
                if not certain.all():
                    raise Fails(f"the read-out after input {symbol} is not certain")
                found.append((image, states))
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
        most: float = np.inf,
        roots: Sequence[Any] | None = None,
    ) -> None:
        """As many more inputs as `depth`, from nodes. Raises `Fails` where a word is left, or when it was stopped, and
        `TooMany` where there are more images than `most`.

        The first nodes are all zonotopes of one program state each, or those of `roots`, rows of the present layer.
        Where it is the `last` time, the images are not held.
        """
        if len(self._symbols) ** depth > MOST_WORDS:
            raise Fails(f"expected at most {MOST_WORDS:,} words from a node, got {len(self._symbols):,}^{depth:,}")
        x, states, found, followed = self.zonotopes, self.states, list[tuple[Enclosure, Any]](), 0
        roots = self.by_state() if roots is None else roots
        places = self.places(x)
        nodes = Nodes.roots(roots, len(self._symbols) ** depth, places)
        for _ in range(CUTS + 1):
            alone = list[tuple[Any, Any]]()
            while len(nodes):
                asked = choice.asked(nodes) & nodes.pending
                for image, reached, rows, words in self._level(x, states, nodes, asked, depth, choice):
                    nodes.pending[rows, words] = False
                    followed += len(rows)
                    if followed > most:
                        raise TooMany(f"more than {int(most):,} zonotopes are needed")
                    if not last:
                        self._room(followed, len(self.unit))
                        found.append((image, reached))
                    if stopped():
                        raise Fails("the time was up")
                choice.followed(asked, asked & ~nodes.pending)
                alone.append(nodes.alone())
                nodes = nodes.halves(places)
            left, pending = (np.concatenate(each) for each in zip(*alone))
            if not len(left):
                return self._take(found, depth, followed)
            if len(left) > max(MOST_CUT * len(self.states), FEW):
                raise Fails(f"words of {len(left):,} single zonotopes are not certain, or not followed")
            x = self._halved(x.rows(left), states[left], pending.argmax(axis=1), depth)
            states = np.repeat(states[left], 2)
            places = self.places(x)
            nodes = Nodes.singles(np.repeat(pending, 2, axis=0), places)
        raise Fails(f"words are not certain, or not followed, though they were cut {CUTS} times")

    def _level(
        self, x: Enclosure, states: Any, nodes: Nodes, asked: Any, depth: int, choice: Choice
    ) -> Iterator[Image]:
        """What is taken of the words asked for; its rows are numbers of nodes.

        It comes in an order that does not depend on what else was asked for: layers of a search are those of its
        certificate.
        """
        for first in range(0, len(nodes), BLOCK):
            some = first + np.nonzero(asked[first : first + BLOCK].any(axis=1))[0]
            if not len(some):
                continue
            begun = self._around(x, nodes, some), states[nodes.rows[nodes.starts[some]]], nodes.counts[some] == 1
            for image, reached, rows, words in self._images(*begun, asked[some], depth, choice):
                yield image, reached, some[rows], words

    def _halved(self, x: Enclosure, states: Any, words: Any, depth: int) -> Enclosure:
        """Both halves of each, across the term that makes most of a difference, after one input and to the read-outs
        of a word of `depth` inputs."""
        squares = self._effects(x.centre) + self._at_stake(x.centre, states, words, depth)
        return trimmed(halved(x.opened(), self.unit, squares), self.unit, len(self.unit))

    def _at_stake(self, centres: Any, states: Any, words: Any, depth: int) -> Any:
        """Per centre (count width width) the squares of what a small difference, in units, makes of the leads of the
        read-outs of a word, as parts of them, together."""
        x, states, squares = small(centres, self.unit), states.copy(), np.zeros((*centres.shape, len(self.unit)))
        for rest in reversed(range(depth)):
            symbols = words // len(self._symbols) ** rest % len(self._symbols)
            for position in np.unique(symbols).tolist():
                rows = np.nonzero(symbols == position)[0]
                for part in np.split(rows, range(self._stepped, len(rows), self._stepped)):
                    after, begun = moved(self.network, x.rows(part), position), states[part]
                    x.centre[part], x.terms[part] = after.centre, after.terms
                    states[part], parted = self.answers(begun, position)
                    for of, outputs in parted:
                        lead, slopes = leading(self.network, after.rows(of), outputs)
                        parts = slopes / np.maximum(np.abs(lead), SMALL)[:, :, None]
                        squares[part[of]] += parts.transpose(0, 2, 1) @ parts
        return squares

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

    def mapped(self, work: Callable[[slice], Found], count: int, size: int = 0) -> list[Found]:
        """What each part of so many rows comes to, some at a time: arrays are computed without Python's lock."""
        size = size or self._stepped

        def quiet(first: int) -> Found:
            with np.errstate(all="ignore"):  # enclosures of everything are no failure of arithmetic
                return work(slice(first, first + size))

        firsts = range(0, max(count, 1), size)
        return list(self._pool.map(quiet, firsts)) if len(firsts) > 1 else [quiet(0)]

    def _image(self, x: Enclosure, states: Any, position: int) -> tuple[Enclosure, Any, Any]:
        """After one input: enclosures of so many terms, program states, and whether what is read is as the program
        says."""
        image, reached, certain = self.image(x, states, position, self.network.reads)
        return image, reached, certain > 0

    def image(self, x: Enclosure, states: Any, position: int, read: Read) -> tuple[Enclosure, Any, Any]:
        """After one input: enclosures of so many terms, program states, and per row what `read` says, as a number, of
        the enclosure and the program's outputs."""
        count, width, mixed = len(states), len(self.unit), self.network.mixed
        reached, said = np.empty_like(states), np.zeros(count)
        held: Enclosure = Zonotope(
            np.empty((count, width)), np.empty((count, min(x.terms.shape[1], width), width)), np.empty((count, width))
        )

        def image(part: slice) -> None:
            before = x.rows(part)
            before = before.opened(mixed) if before.terms.shape[1] else before
            after = self.network.step(before, self.network.symbols[position], cuts=0)[0]
            reached[part], parted = self.answers(states[part], position)
            for of, outputs in parted:
                said[part][of] = read(after if of.all() else after.rows(of), outputs)
            after = trimmed(after, self.unit, width)
            held.centre[part], held.terms[part], held.box[part] = after.centre, after.terms, after.box

        self.mapped(image, count, 0 if x.terms.shape[1] else POINTS)
        return held, reached, said

    def _images(
        self, x: Enclosure, states: Any, single: Any, asked: Any, depth: int, choice: Choice
    ) -> Iterator[Image]:
        """What is taken after as many inputs of the words asked for: of many words at a time that end alike."""
        alphabet, rows, words = len(self._symbols), np.arange(len(states)), np.zeros(len(states), dtype=np.int64)
        for rest in reversed(range(depth)):
            found = list[Image]()
            begun = asked.reshape(len(asked), -1, alphabet**rest).any(axis=2)
            for position in range(alphabet):
                some = np.nonzero(begun[rows, words * alphabet + position])[0]
                if not len(some):
                    continue
                image, reached, taken = self._image(x.rows(some), states[some], position)
                if not rest:
                    taken &= choice.taken(self, image, reached, taken, single[rows[some]])
                image, some = (image, some) if taken.all() else (image.rows(taken), some[taken])
                found.append((image, reached[taken], rows[some], words[some] * alphabet + position))
            if not rest or not found:
                yield from found
                return
            x = stacked([image for image, _, _, _ in found])
            states, rows, words = (np.concatenate(each) for each in list(zip(*found))[1:])

    def _around(self, zonotopes: Enclosure, nodes: Nodes, which: Any) -> Enclosure:
        """Parallelotopes around some nodes of zonotopes; what is single is what it is."""
        counts = nodes.counts[which]
        if counts.max(initial=0) > MOST_IN_NODE:
            raise Fails(f"expected nodes of at most {MOST_IN_NODE:,} zonotopes, got {counts.max():,}")
        x = zonotopes.rows(nodes.rows[nodes.starts[which]])
        x = x if x.terms.shape[1] else x.opened()
        several = np.argsort(counts, kind="stable")[(counts <= 1).sum() :]
        if not len(several):
            return x
        squares, begin = self._effects(nodes.middles[which[several]] * self.unit), np.cumsum(counts[several]) // GROUP
        parts = np.split(np.arange(len(several)), np.nonzero(np.diff(begin))[0] + 1)

        def one(at: slice) -> None:
            part = several[parts[at.start]]
            rows = np.concatenate([nodes.at(number) for number in which[part].tolist()])
            starts = np.cumsum(counts[part]) - counts[part]
            found = around(zonotopes.rows(rows), starts, self.unit, squares[parts[at.start]])
            x.centre[part], x.terms[part], x.box[part] = found.centre, found.terms, found.box

        self.mapped(one, len(parts), 1)
        return x

    def _effects(self, centres: Any) -> Any:
        """Per centre (count width width) what differences count."""
        found = self.mapped(lambda part: effects(self.network, centres[part], self.unit), len(centres))
        return np.concatenate(found)

    def answers(self, states: Any, position: int) -> tuple[Any, list[tuple[Any, tuple[int, ...]]]]:
        """The program's next states, by number, and flags of the rows of each present one with its outputs."""
        reached, parted = np.empty_like(states), list[tuple[Any, tuple[int, ...]]]()
        for number in np.unique(states).tolist():
            of = states == number
            reached[of], outputs = self.leads_to(number, position)
            parted.append((of, outputs))
        return reached, parted

    def leads_to(self, number: int, position: int) -> tuple[int, tuple[int, ...]]:
        """The program's next state, by number, and its outputs."""
        if (number, position) not in self._steps:
            after, outputs = step(self.machine, self._known[number], self._symbols[position])
            with self._lock:
                if after not in self._numbers:
                    self._known.append(after)
                    self._numbers[after] = len(self._known) - 1
            self._steps[number, position] = self._numbers[after], tuple(int(v) for v in outputs)  # type: ignore[arg-type]
        return self._steps[number, position]
