"""What sets of zonotopes lead to, word by word. Part of the checker of layered certificates (`verify.layers`).

A zonotope has as many terms as the state has coordinates. For a step, the sides of its box are among the terms, where
they keep their signs; of the terms there are after it, those that lose least by it go back into the box (Girard 2005,
reachability using zonotopes, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from verify.differences import SMALL, effects, leading, moved, small
from verify.enclosures import Enclosure, Network
from verify.hulls import around, halved, ranges, stacked, trimmed
from verify.nodes import Nodes
from verify.numbered import Numbered
from verify.spaces import Space
from verify.tube import Fails

STEPPED = 12_288  # coordinates of zonotopes that take a step together
GROUP = 1_024  # zonotopes, around which sets are put together
FREED = 31 << 20  # bytes: glibc, which was asked for so many, keeps what is freed, and need not ask for it again

Read = Callable[[Enclosure, tuple[int, ...]], Any]
Taken = Callable[[Enclosure, Any, Any, Any, Any], Any]  # see `verify.nodes.Choice`


class Images(NamedTuple):
    """What was followed: zonotopes and their program states, after which words from which rows."""

    zonotopes: Enclosure
    states: Any
    rows: Any
    words: Any

    def some(self, which: Any) -> Images:
        return Images(self.zonotopes.rows(which), self.states[which], self.rows[which], self.words[which])

    @staticmethod
    def of(found: list[Images]) -> Images:
        zonotopes, *rest = zip(*found, strict=True)
        return Images(stacked(list(zonotopes)), *map(np.concatenate, rest))


@dataclass(frozen=True)
class Follower:
    """Follows zonotopes, measured in a `unit`, tied to states of a program; it may do so in another process."""

    network: Network
    program: Numbered
    unit: Any

    @property
    def stepped(self) -> int:
        """So many zonotopes take a step together."""
        return max(STEPPED // len(self.unit), 16)

    def image(self, x: Enclosure, states: Any, position: int, read: Read | None = None) -> tuple[Enclosure, Any, Any]:
        """After one input: enclosures, program states, and per row what `read` says of the enclosure and the program's
        outputs; whether they are what is read out, if nothing else is given."""
        read = read or self.network.reads
        reached, parted = self.program.answers(states, position)
        x = x.opened(self.network.mixed) if x.terms.shape[1] else x
        after = self.network.step(x, self.network.symbols[position], cuts=0)[0]
        said = np.zeros(len(states))
        for of, outputs in parted:
            said[of] = read(after if of.all() else after.rows(of), outputs)
        return after, reached, said

    def kept(self, x: Enclosure) -> Enclosure:
        """With no more terms than coordinates."""
        return trimmed(x, self.unit, len(self.unit))

    def sought(self, held: Space, states: Any, nodes: Nodes, depth: int, taken: Taken, last: bool) -> Images:
        """What is taken of the words that are pending in nodes of what is held, by node and word; without the zonotopes
        where it is the `last` time."""
        found, single = list[Images](), nodes.counts == 1
        with np.errstate(all="ignore"):  # enclosures of everything are no failure of arithmetic
            for images, certain in self._followed(held, states, nodes, depth):
                good = certain & taken(images.zonotopes, self.unit, images.states, certain, single[images.rows])
                some = images.some(good)
                found.append(some._replace(zonotopes=some.zonotopes.rows(slice(0))) if last else some)
        images = Images.of(found)
        order = np.lexsort((images.words, images.rows))
        states, rows, words = (each[order] for each in images[1:])
        return Images(images.zonotopes if last else images.zonotopes.rows(order), states, rows, words)

    def named(self, held: Space, states: Any, nodes: Nodes, depth: int, into: Space | None, first: int) -> Any:
        """The program states after all words that are pending, by node and word; the zonotopes are put into a space,
        where there is one, from its `first` row on. Raises `Fails` where a read-out is not certain."""
        places = np.cumsum(nodes.pending).reshape(nodes.pending.shape) - 1
        reached = np.full(int(nodes.pending.sum()), -1)
        with np.errstate(all="ignore"):
            for images, certain in self._followed(held, states, nodes, depth, trim=into is not None):
                at = places[images.rows, images.words]
                reached[at] = np.where(certain, images.states, -1)
                if into is not None:
                    into.put(first + at, images.zonotopes)
        if missed := int((reached < 0).sum()):
            raise Fails(f"the read-outs after {missed:,} words of nodes are not certain")
        return reached

    def _followed(
        self, held: Space, states: Any, nodes: Nodes, depth: int, trim: bool = True
    ) -> Iterator[tuple[Images, Any]]:
        """What all words that are pending lead to, as long as read-outs are certain, many at a time that end alike; and
        whether the last of them is. First of all, nothing: something is found of every part."""
        np.empty(FREED, np.uint8)
        numbers, alphabet = np.arange(len(nodes)), len(self.network.symbols)
        around = self.around(held.zonotopes, nodes)
        x = Images(around, states[nodes.rows[nodes.starts]], numbers, np.zeros_like(numbers))
        yield x.some(slice(0)), np.zeros(0, dtype=bool)
        for rest in reversed(range(depth)):
            found = [x.some(slice(0))]
            begun = nodes.pending.reshape(len(nodes), -1, alphabet**rest).any(axis=2)
            for position in range(alphabet):
                for part in self._parts(np.nonzero(begun[x.rows, x.words * alphabet + position])[0]):
                    before = x.some(part)
                    image, reached, said = self.image(before.zonotopes, before.states, position)
                    image, certain = self.kept(image) if rest or trim else image, said > 0
                    after = Images(image, reached, before.rows, before.words * alphabet + position)
                    if rest:
                        found.append(after if certain.all() else after.some(certain))
                    else:
                        yield after, certain
            x = Images.of(found)

    def around(self, zonotopes: Enclosure, nodes: Nodes) -> Enclosure:
        """Parallelotopes around nodes of zonotopes; what is single is what it is."""
        x = zonotopes.rows(nodes.rows[nodes.starts])
        x = x if x.terms.shape[1] else x.opened()
        several = np.argsort(nodes.counts, kind="stable")[(nodes.counts <= 1).sum() :]
        if not len(several):
            return x
        rows, counts = np.concatenate([nodes.at(number) for number in several.tolist()]), nodes.counts[several]
        starts = np.cumsum(counts) - counts
        low, high = ranges(zonotopes.centre[rows], starts)
        squares = self._effects((low + high) / 2)
        for at in np.split(np.arange(len(several)), np.nonzero(np.diff(np.cumsum(counts) // GROUP))[0] + 1):
            part = slice(starts[at[0]], starts[at[-1]] + counts[at[-1]])
            found = around(zonotopes.rows(rows[part]), starts[at] - part.start, self.unit, squares[at])
            x.centre[several[at]], x.terms[several[at]], x.box[several[at]] = found.centre, found.terms, found.box
        return x

    def halved(self, x: Enclosure, states: Any, words: Any, depth: int) -> Enclosure:
        """Both halves of each, across the term that makes most of a difference, after one input and to the read-outs
        of a word of `depth` inputs."""
        squares = self._effects(x.centre) + self._at_stake(x.centre, states, words, depth)
        return trimmed(halved(x.opened(), self.unit, squares), self.unit, len(self.unit))

    def _at_stake(self, centres: Any, states: Any, words: Any, depth: int) -> Any:
        """Per centre (count width width) the squares of what a small difference, in units, makes of the leads of the
        read-outs of a word, as parts of them, together."""
        x, states, squares = small(centres, self.unit), states.copy(), np.zeros((*centres.shape, len(self.unit)))
        alphabet = len(self.network.symbols)
        for rest in reversed(range(depth)):
            symbols = words // alphabet**rest % alphabet
            for position in np.unique(symbols).tolist():
                for part in self._parts(np.nonzero(symbols == position)[0]):
                    after, begun = moved(self.network, x.rows(part), position), states[part]
                    x.centre[part], x.terms[part] = after.centre, after.terms
                    states[part], parted = self.program.answers(begun, position)
                    for of, outputs in parted:
                        lead, slopes = leading(self.network, after.rows(of), outputs)
                        parts = slopes / np.maximum(np.abs(lead), SMALL)[:, :, None]
                        squares[part[of]] += parts.transpose(0, 2, 1) @ parts
        return squares

    def _effects(self, centres: Any) -> Any:
        """Per centre (count width width) what differences count."""
        return np.concatenate([effects(self.network, part, self.unit) for part in self._parts(centres)])

    def _parts(self, rows: Any) -> list[Any]:
        return np.split(rows, range(self.stepped, len(rows), self.stepped)) if len(rows) else []
