"""Geometry of growing certificates: a tube around the program's state, sets of program states, linear maps of both.

A *tube* says where the network is when the program's state variables are v: at `centre + slope v + basis e`, for an
error e in blocks (`groups` of columns of the basis) whose lengths are told by `radii`. Part of the checker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.affine_reading import Reading

MOST_SPANS = 8_192  # of a zonotope
LARGEST = 2.0**40
ROUNDING = 1e-13  # of float64 sums of at most some hundred terms


class Fails(Exception):
    """The claim cannot be carried further; the message says why."""


class Tube:
    """The shape of a growing certificate; `groups` are sizes, 1 or 2, of consecutive blocks of columns of the basis."""

    def __init__(self, found: dict[str, Any], width: int, variables: int) -> None:
        self.centre = np.array(found["centre"], dtype=np.float64).reshape(width)
        self.slope = np.array(found["slope"], dtype=np.float64).reshape(width, variables)
        self.basis = np.array(found["basis"], dtype=np.float64).reshape(width, width)
        sizes = [int(size) for size in found["groups"]]
        if not set(sizes) <= {1, 2} or sum(sizes) != width:
            raise Fails("the groups do not make up the basis")
        if not all(np.isfinite(each).all() for each in (self.centre, self.slope, self.basis)):
            raise Fails("the tube is not finite")
        self.sizes = np.array(sizes)
        self.starts = np.cumsum(self.sizes) - self.sizes
        try:
            self.inverse = np.linalg.inv(self.basis)
        except np.linalg.LinAlgError:
            raise Fails("the basis is flat") from None
        doubt = np.abs(self.inverse @ self.basis - np.eye(width)).sum()
        self.doubt = float(doubt + ROUNDING * (np.abs(self.inverse) @ np.abs(self.basis)).sum())
        if not self.doubt < 1e-3:
            raise Fails("the basis is too flat to invert")

    def lengths(self, errors: Any) -> Any:
        """The Euclidean length of each group of coordinates: (..., width) to (..., groups)."""
        return np.sqrt(np.add.reduceat(errors**2, self.starts, axis=-1))

    def stretched(self, maps: Any, radii: Any) -> Any:
        """At least the lengths (batch groups) of `maps @ e` (batch width width), for errors e within the radii."""
        width = maps.shape[2]
        padded = np.pad(maps, ((0, 0), (0, 1), (0, 1)))
        at = np.stack([self.starts, np.where(self.sizes == 2, self.starts + 1, width)], axis=1)
        a, b, c, d = (padded[:, at[:, None, row], at[None, :, column]] for row in (0, 1) for column in (0, 1))
        total, area = a**2 + b**2 + c**2 + d**2, a * d - b * c
        # the larger singular value of a matrix of two rows and columns
        norms = np.sqrt((total + np.sqrt(np.maximum(total**2 - 4 * area**2, 0.0))) / 2)
        return (1 + 1e-7) * norms @ radii

    def leaked(self, radii: Any, lengths: Any) -> Any:
        """These radii with what leaks of all errors into each group, as the inverse of the basis is off by `doubt`.

        With inverse @ basis = 1 + E, the coordinates found are e + E e, and |E e| is at most |E| times their length.
        """
        total = (radii + lengths).sum(axis=-1, keepdims=True)
        return (1 + 1e-12) * radii + (2 * self.doubt * np.sqrt(len(self.inverse)) + ROUNDING) * total


@dataclass(frozen=True)
class Bundle:
    """Program states and errors, affine in common coefficients within [-1, 1]: `states` and `errors` are the centres.

    `state_spans` (spans, variables) and `error_spans` (spans, width) belong to the same coefficients; `radii` (groups)
    are lengths of errors that are not followed. Program states are halves of whole numbers, exact in float64.
    """

    states: Any
    errors: Any
    state_spans: Any
    error_spans: Any
    radii: Any

    def __post_init__(self) -> None:
        if len(self.state_spans) > MOST_SPANS or not np.abs(np.concatenate(self.ends)).max(initial=0.0) < LARGEST:
            raise Fails("the program's numbers are too large to follow")

    @property
    def ends(self) -> tuple[Any, Any]:
        """The box of the program states."""
        reach = np.abs(self.state_spans).sum(axis=0)
        return self.states - reach, self.states + reach

    def lengths(self, tube: Tube) -> Any:
        """How far errors can be from their centre in each group."""
        return tube.lengths(self.error_spans).sum(axis=0) + self.radii

    def without_old(self, tube: Tube, kept: int) -> Bundle:
        """With all but the last spans, where the program's state does not depend on them, taken up by the radii."""
        old = np.arange(len(self.state_spans)) < len(self.state_spans) - kept
        old &= ~self.state_spans.any(axis=1)
        radii = (1 + ROUNDING) * (self.radii + tube.lengths(self.error_spans[old]).sum(axis=0))
        return Bundle(self.states, self.errors, self.state_spans[~old], self.error_spans[~old], radii)

    def radii_within(self, other: Bundle, tube: Tube) -> Any:
        """Radii with which the other bundle holds this one; None where their program states differ."""
        if self.state_spans.shape != other.state_spans.shape or (self.state_spans != other.state_spans).any():
            return None
        if (self.states != other.states).any():
            return None
        off = tube.lengths(self.errors - other.errors) + tube.lengths(self.error_spans - other.error_spans).sum(axis=0)
        return (1 + ROUNDING) * (self.radii + off)


def box_of(low: Any, high: Any, radii: Any, width: int) -> Bundle:
    """All program states of a box, with any errors within the radii."""
    spans = np.diag((high - low) / 2)
    return Bundle((low + high) / 2, np.zeros(width), spans, np.zeros((len(spans), width)), radii)


def states_after(bundle: Bundle, readings: list[Reading], radii: Any) -> Bundle:
    """Program states after one step of several readings, the errors within radii.

    A zonotope where the states go through the same linear map everywhere, else a box.
    """
    count, width = len(bundle.states), len(bundle.errors)
    linear = readings[0].update[:, :count]
    if all((r.update[:, :count] == linear).all() for r in readings):
        low, high = _hull([_image(r.update[:, count:], r.low[count:], r.high[count:], r.shift) for r in readings])
        spans = np.concatenate([bundle.state_spans @ linear.T, np.diag((high - low) / 2)])
        spans = spans[np.abs(spans).sum(axis=1) > 0]
        centre = linear @ bundle.states + (low + high) / 2
        return Bundle(centre, np.zeros(width), spans, np.zeros((len(spans), width)), radii)
    return box_of(*_hull([_image(r.update, r.low, r.high, r.shift) for r in readings]), radii, width)


def _image(update: Any, low: Any, high: Any, shift: Any) -> tuple[Any, Any]:
    up, down = np.maximum(update, 0), np.minimum(update, 0)
    return up @ low + down @ high + shift, up @ high + down @ low + shift


def _hull(boxes: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


@dataclass(frozen=True)
class Linear:
    """What pieces make of differences from the middle of their cell: `centre + states v + inputs x + errors e`, off by
    at most `box`. Shapes (piece, result) and (piece, result, variable).
    """

    centre: Any
    states: Any
    inputs: Any
    errors: Any
    box: Any

    def rows(self, which: Any) -> Linear:
        """Some of the pieces."""
        parts = (self.centre, self.states, self.inputs, self.errors, self.box)
        return Linear(*(part[which] for part in parts))
