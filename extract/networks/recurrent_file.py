"""A recurrent network read from its directory: cell and read-out with the tensors that were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from extract.networks.cells import CELLS
from extract.networks.cells.cell import Cell, Sizes, Transition
from extract.networks.coding import read_input, read_output
from extract.networks.disk import Stored, expect_shapes
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.stack import ReluStack, read_stack, stack_shapes
from verify.domain import Domain
from verify.weights import weights_hash

LONGEST = 100_000
WIDEST = 65_536


@dataclass(frozen=True, slots=True)
class CellAndReadout:
    """The body of a network on disk: a transition, and a stack over the columns it makes visible."""

    transition: Transition
    stack: ReluStack

    @property
    def initial(self) -> Tensor:
        return self.transition.initial

    @property
    def parts(self) -> Mapping[str, tuple[int, ...]]:
        return self.transition.parts

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        return self.transition.step(state, inputs)

    def readout(self, state: Tensor) -> Tensor:
        return self.stack(state[:, self.transition.visible])


def body_of(tensors: Mapping[str, Tensor], cell: Cell, sizes: Sizes) -> CellAndReadout:
    """The body with these weights, through which gradients flow where the weights ask for them."""
    return CellAndReadout(cell.build(tensors, sizes), read_stack(tensors, "readout"))


def rebuilt(network: RecurrentNetwork, tensors: Mapping[str, Tensor]) -> CellAndReadout:
    """The body of a network read from disk, with other weights of the same shapes."""
    description = network.description
    cell = next(cell for cell in CELLS if cell.name == description["cell"])
    sizes = Sizes(network.input_coding.width, int(description["hidden_size"]), int(description.get("layers", 1)))
    return body_of(tensors, cell, sizes)


def read_recurrent(stored: Stored) -> RecurrentNetwork:
    """The network that a directory describes. Raises `BadInput`."""
    fields = stored.fields
    name = fields.choice("cell", [cell.name for cell in CELLS])
    cell = next(cell for cell in CELLS if cell.name == name)
    reads, writes = read_input(fields.object("input")), read_output(fields.object("output"))
    sizes = Sizes(
        reads.width, fields.whole("hidden_size", 1, WIDEST), fields.whole("layers", 1, cell.most_layers, default=1)
    )
    domain = Domain(reads.ranges, fields.object("lengths").whole("train", 1, LONGEST))

    required, optional = cell.shapes(stored.shapes, sizes)
    head, head_optional = stack_shapes(stored.shapes, "readout", sizes.hidden, writes.width)
    expect_shapes(stored, {**required, **head}, {**optional, **head_optional})
    body = body_of(stored.tensors, cell, sizes)

    tensors = {key: tensor.numpy() for key, tensor in stored.tensors.items()}
    return RecurrentNetwork(
        name=stored.directory.resolve().name,
        domain=domain,
        input_coding=reads,
        output_coding=writes,
        body=body,
        weights_hash=weights_hash(tensors),
        description=MappingProxyType(stored.description),
        tensors=MappingProxyType(tensors),
    )
