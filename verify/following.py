"""What sets of zonotopes lead to, word by word. Part of the checker of layered certificates (`verify.layers`).

A zonotope has as many terms as the state has coordinates. For a step, the sides of its box are among the terms, where
they keep their signs; of the terms there are after it, those that lose least by it go back into the box (Girard 2005,
reachability using zonotopes, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from verify.differences import SMALL, effects, leading, moved, small
from verify.enclosures import Enclosure, Network
from verify.hulls import around, halved, stacked, trimmed
from verify.nodes import Nodes
from verify.numbered import Numbered
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
        """After one input: enclosures of so many terms, program states, and per row what `read` says of the enclosure
        and the program's outputs; whether they are what is read out, if nothing else is given."""
        read = read or self.network.reads
        reached, parted = self.program.answers(states, position)
        x = x.opened(self.network.mixed) if x.terms.shape[1] else x
        after = self.network.step(x, self.network.symbols[position], cuts=0)[0]
        said = np.zeros(len(states))
        for of, outputs in parted:
            said[of] = read(after if of.all() else after.rows(of), outputs)
        return trimmed(after, self.unit, len(self.unit)), reached, said

    def sought(self, x: Enclosure, states: Any, nodes: Nodes, depth: int, taken: Taken, held: bool) -> Images:
        """What is taken of the words that are pending in nodes of these zonotopes and states, by node and word; without
        the zonotopes where they need not be held."""
        found = self._nodes(x, states, nodes, depth, taken)
        return found if held else found._replace(zonotopes=found.zonotopes.rows(slice(0)))

    def named(self, x: Enclosure, states: Any, nodes: Nodes, depth: int, space: Enclosure | None) -> Any:
        """The program states after all words that are pending, by node and word; the zonotopes are put into a space for
        them, where there is one. Raises `Fails` where a read-out is not certain."""
        found = self._nodes(x, states, nodes, depth, lambda image, unit, reached, certain, single: certain)
        if missed := int(nodes.pending.sum()) - len(found.rows):
            raise Fails(f"the read-outs after {missed:,} words of nodes are not certain")
        if space is not None:
            image = found.zonotopes
            space.centre[:], space.terms[:], space.box[:] = image.centre, image.terms, image.box
        return found.states

    def _nodes(self, x: Enclosure, states: Any, nodes: Nodes, depth: int, taken: Taken) -> Images:
        np.empty(FREED, np.uint8)
        numbers = np.arange(len(nodes))
        with np.errstate(all="ignore"):  # enclosures of everything are no failure of arithmetic
            begun = Images(self.around(x, nodes), states[nodes.rows[nodes.starts]], numbers, np.zeros_like(numbers))
            return self._images(begun, nodes, depth, taken)

    def _images(self, x: Images, nodes: Nodes, depth: int, taken: Taken) -> Images:
        """The same from what is around them: many words at a time that end alike."""
        alphabet, single = len(self.network.symbols), nodes.counts == 1
        for rest in reversed(range(depth)):
            found = list[Images]()
            begun = nodes.pending.reshape(len(nodes), -1, alphabet**rest).any(axis=2)
            for position in range(alphabet):
                begins = np.nonzero(begun[x.rows, x.words * alphabet + position])[0]
                for part in self._parts(begins):
                    before = x.some(part)
                    image, reached, certain = self.image(before.zonotopes, before.states, position)
                    good = certain > 0
                    if not rest:
                        good &= taken(image, self.unit, reached, good, single[before.rows])
                    after = Images(image, reached, before.rows, before.words * alphabet + position)
                    found.append(after if good.all() else after.some(good))
            x = Images.of(found) if found else x.some(slice(0))
        return x.some(np.lexsort((x.words, x.rows)))

    def around(self, zonotopes: Enclosure, nodes: Nodes) -> Enclosure:
        """Parallelotopes around nodes of zonotopes; what is single is what it is."""
        x = zonotopes.rows(nodes.rows[nodes.starts])
        x = x if x.terms.shape[1] else x.opened()
        several = np.argsort(nodes.counts, kind="stable")[(nodes.counts <= 1).sum() :]
        if not len(several):
            return x
        squares, counts = self._effects(nodes.middles[several] * self.unit), nodes.counts[several]
        for at in np.split(np.arange(len(several)), np.nonzero(np.diff(np.cumsum(counts) // GROUP))[0] + 1):
            rows = np.concatenate([nodes.at(number) for number in several[at].tolist()])
            found = around(zonotopes.rows(rows), np.cumsum(counts[at]) - counts[at], self.unit, squares[at])
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
