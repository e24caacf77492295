"""The independent checker of layered certificates: what a network may hold after so many inputs, in many zonotopes.

A *layer* is a list of zonotopes, each tied to a program state, that together hold every state the network can be in
after as many inputs. The next layer follows either from each on its own, one input further (`Layers.step`), or from
*nodes* (`Layers.follow`), one or more inputs further: sets of zonotopes of one program state, cut in two across the
axis along which their centres are longest until they are one each (`verify.nodes`). A certificate names, per node, the
words that are followed from it as a whole, by a parallelotope around its zonotopes (`verify.hulls`); what is not named
is left to both halves; what is left of single zonotopes, to their halves across the term that makes most of a
difference, again and again. So a word in which much is forgotten is followed from a few large nodes, one in which
little is forgotten from many small ones. All is computed here but the words: what is followed holds every run whatever
they are, and they are good as long as every read-out is certain.

While all inputs are followed one by one, there are no terms: points, and what rounding makes of them. Large layers are
followed by several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dsl.programs import Machine
from verify.enclosures import NARROW, Enclosure, Network, Zonotope
from verify.following import Follower
from verify.hulls import principal, stacked, unit_of
from verify.nodes import Choice, Named, Nodes
from verify.numbered import Numbered
from verify.processes import Processes
from verify.spaces import Space
from verify.tube import Fails

POINTS = 1_024  # that take a step together
PLACED = 12  # principal axes along which nodes are cut
TOGETHER = 16_384  # words of nodes that are followed together
AROUND = 8  # zonotopes that take as long to be put into one as a word to be followed
ROUND = 16  # times as many, after which a search looks at what it found
LARGE = 50_000  # zonotopes of a layer that several processes follow
MOST_ENTRIES = 1_200_000_000  # of the terms of a layer: 4.8 GB
MOST_WORDS = 10_000  # that are followed from a node
MOST_IN_NODE = 200_000  # zonotopes, around which a parallelotope is put
MOST_CUT, FEW, CUTS = 0.1, 256, 20  # of the zonotopes of a layer, or so many, are cut in halves, and how often

Layer = tuple[Enclosure, Any]  # zonotopes, and numbers of program states


class TooMany(Fails):
    """More zonotopes than were allowed."""


class Front:
    """Zonotopes, tied to program states, and nodes of them with words to be followed, level by level of halves."""

    def __init__(self, held: Space, states: Any, nodes: Nodes, places: Any) -> None:
        self.held, self.states, self.nodes, self._places = held, states, nodes, places
        self._alone = list[tuple[Any, Any]]()

    def descend(self) -> None:
        """On to halves, but of what is a single zonotope."""
        self._alone.append(self.nodes.alone())
        self.nodes = self.nodes.halves(self._places)

    def alone(self) -> tuple[Any, Any]:
        """The rows of single zonotopes of which words are pending, and these."""
        rows, pending = (np.concatenate(each) for each in zip(*self._alone))
        return rows, pending

    def parts(self, asked: Any) -> list[Any]:
        """Numbers of the nodes of which words are asked for, as many as are followed together."""
        some = np.nonzero(asked.any(axis=1))[0]
        if not len(some):
            return []
        if (most := self.nodes.counts[some].max()) > MOST_IN_NODE:
            raise Fails(f"expected nodes of at most {MOST_IN_NODE:,} zonotopes, got {most:,}")
        ends = np.cumsum(asked[some].sum(axis=1) + self.nodes.counts[some] // AROUND) // TOGETHER
        return np.split(some, np.nonzero(np.diff(ends))[0] + 1)

    def task(self, part: Any, asked: Any) -> tuple[Space, Any, Nodes]:
        """What has to be known to follow the words asked for of these nodes."""
        return self.held, self.states, self.nodes.some(part, asked[part])


class Layers:
    """Followed from the initial state; `length` inputs have been read, their outputs are as the program says.

    `zonotopes` of the present layer belong to `states`, numbers of states of the `program`. Large layers are followed
    by as many `processes`, or as there are processors.
    """

    def __init__(self, machine: Machine, network: Network) -> None:
        self.network, self.length, self.followed = network, 0, 0
        begin = network.start()
        terms = np.zeros((1, 0, len(begin)), NARROW)
        self._held, self._spare = Space(Zonotope(begin[None], terms, np.zeros((1, len(begin))))), list[Space]()
        self.states, self.unit = np.zeros(1, dtype=np.int64), np.ones_like(begin)
        self._axes = np.eye(len(begin))
        self.program, self.processes = Numbered(machine, network.symbols), 0

    @property
    def zonotopes(self) -> Enclosure:
        """Of the present layer."""
        return self._held.zonotopes.rows(slice(len(self.states)))

    @property
    def follower(self) -> Follower:
        """What follows the present layer."""
        return Follower(self.network, self.program, self.unit)

    def places(self, x: Enclosure) -> Any:
        """Where zonotopes are, in units, along the principal axes of the present layer."""
        return np.einsum("ij,jk->ik", x.centre / self.unit, self._axes)

    def by_state(self) -> list[Any]:
        """The zonotopes of each program state, the state of the first zonotope first."""
        numbers, first = np.unique(self.states, return_index=True)
        return [np.nonzero(self.states == number)[0] for number in numbers[np.argsort(first)].tolist()]

    def step(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """One more input, from each zonotope on its own. Raises `Fails` where its output is not certain, or when it was
        stopped."""
        count = len(self.states) * len(self.network.symbols)
        self._room(count, self.zonotopes.terms.shape[1])
        found = list[Layer]()
        for first in range(0, len(self.states), POINTS):
            part = slice(first, first + POINTS)
            for position, symbol in enumerate(self.network.symbols):
                with np.errstate(all="ignore"):
                    image, states, certain = self.follower.image(self.zonotopes.rows(part), self.states[part], position)
                if not certain.all():
                    raise Fails(f"the read-out after input {symbol} is not certain")
                found.append((self.follower.kept(image), states))
            if stopped():
                raise Fails("the time was up")
        self._take(found, 1, count)

    def follow(
        self,
        depth: int,
        choice: Choice | Named,
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
        alphabet = len(self.network.symbols)
        if alphabet**depth > MOST_WORDS:
            raise Fails(f"expected at most {MOST_WORDS:,} words from a node, got {alphabet:,}^{depth:,}")
        states, places, found, followed = self.states, self.places(self.zonotopes), list[Layer](), 0
        nodes = Nodes.roots(self.by_state() if roots is None else roots, alphabet**depth, places)
        with self.begun(len(nodes.rows)) as processes:
            shared = processes.count > 1
            held = self._held = self._held.shared() if shared else self._held
            if shared:
                self.program.find(np.unique(states).tolist(), depth)  # all of them number states alike
            into = None
            if isinstance(choice, Named) and not last:
                into = self._space(choice.most(max(len(nodes.rows), 2 * FEW) * alphabet**depth), shared)
            for _ in range(CUTS + 1):
                front = Front(held, states, nodes, places)
                if isinstance(choice, Named):
                    images = self._named(front, depth, choice, processes, into, followed)
                else:
                    images = self._sought(front, depth, choice, processes, last)
                for image, reached in images:
                    followed += len(reached)
                    if followed > most:
                        raise TooMany(f"more than {int(most):,} zonotopes are needed")
                    if not last:
                        self._room(followed, len(self.unit))
                        found.append((image, reached))
                    if stopped():
                        raise Fails("the time was up")
                left, pending = front.alone()
                if not len(left):
                    return self._take(found, depth, followed, into)
                if len(left) > max(MOST_CUT * len(self.states), FEW):
                    raise Fails(f"words of {len(left):,} single zonotopes are not certain, or not followed")
                alone = held.zonotopes.rows(left)
                held = Space(self.follower.halved(alone, states[left], pending.argmax(axis=1), depth))
                states = np.repeat(states[left], 2)
                places = self.places(held.zonotopes)
                nodes = Nodes.singles(np.repeat(pending, 2, axis=0), places)
        raise Fails(f"words are not certain, or not followed, though they were cut {CUTS} times")

    def begun(self, count: int) -> Processes:
        """What follows so many zonotopes: several processes, where they are many."""
        return Processes(self.processes if count >= LARGE else 1)

    def _sought(self, front: Front, depth: int, choice: Choice, processes: Processes, last: bool) -> Iterator[Layer]:
        """What is taken, level by level, by node and word."""
        while len(nodes := front.nodes):
            asked = choice.asked(nodes) & nodes.pending
            parts = front.parts(asked)
            for first in range(0, len(parts), ROUND):
                some = parts[first : first + ROUND]
                tasks = [(*front.task(part, asked), depth, choice.taken, last) for part in some]
                for part, images in zip(some, list(processes.mapped(self.follower.sought, tasks))):
                    nodes.pending[part[images.rows], images.words] = False
                    yield images.zonotopes, images.states
            choice.followed(asked, asked & ~nodes.pending)
            front.descend()

    def _named(
        self, front: Front, depth: int, named: Named, processes: Processes, into: Space | None, first: int
    ) -> Iterator[Layer]:
        """What is named, in the same order: of all levels together, as it has to be taken."""
        end, failed = first, list[Exception]()

        def tasks() -> Iterator[tuple[Any, ...]]:
            nonlocal end
            try:
                while len(nodes := front.nodes):
                    asked = named.asked(nodes) & nodes.pending
                    for part in front.parts(asked):
                        yield (*front.task(part, asked), depth, into, end)
                        end += int(asked[part].sum())
                    nodes.pending[asked] = False
                    front.descend()
            except Exception as error:  # not for joblib, one of whose threads may ask for tasks
                failed.append(error)

        found = np.concatenate([self.states[:0], *processes.mapped(self.follower.named, tasks())])
        if failed:
            raise failed[0]
        yield (into or self._held).zonotopes.rows(slice(first, end)), found

    def _space(self, count: int, shared: bool) -> Space:
        """For so many zonotopes; what held an earlier layer, if it is large enough."""
        width = len(self.unit)
        self._room(count, width)
        spare = [space for space in self._spare if space.fits(count, width, shared=shared)]
        return spare[0] if spare else Space.of(count, width, width, shared=shared)

    def _take(self, found: list[Layer], inputs: int, followed: int, into: Space | None = None) -> None:
        """The next layer."""
        if found:
            self._spare, self._held = [self._held], into or Space(stacked([each for each, _ in found]))
            self.states = np.concatenate([states for _, states in found])
            self.unit = unit_of(self.zonotopes.centre)
            self._axes = principal(self.zonotopes.centre / self.unit)[:, :PLACED]
        self.length += inputs
        self.followed += followed

    def _room(self, count: int, terms: int) -> None:
        if count * max(terms, 1) * len(self.unit) > MOST_ENTRIES:
            raise Fails(f"a layer of {count:,} zonotopes of {terms} terms is more than can be held")
