"""Recurrent cells for many networks at once: every parameter has a leading axis `member`.

Parameters carry torch's own names, so that one member's slice is a `state_dict` of `.rnn` (`nn.RNN`, `nn.GRU`,
`nn.LSTM`) and `.readout`, or of the two stacks `hidden` and `readout` of the cell `mlp`. Array axes are
`member batch time feature`.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from benchmarks.zoo.recipe import Recipe

Parameters = dict[str, Tensor]
Memory = list[tuple[Tensor, Tensor]]
"""Per layer the state and, for an LSTM, the cell state, of shape `(member, batch, hidden)`."""
Shape = tuple[int, ...]

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}


def shapes(recipe: Recipe, features: int, outputs: int) -> dict[str, Shape]:
    """The shape of every parameter of one network, without the member axis."""
    size = recipe.hidden
    if recipe.cell == "mlp":
        return {
            **_stack("hidden", [size + features, *[recipe.width] * (recipe.hidden_depth - 1), size]),
            **_stack("readout", [size, *[recipe.width] * (recipe.readout_depth - 1), outputs]),
        }
    rows = GATES[recipe.cell] * size
    table: dict[str, Shape] = {}
    for layer in range(recipe.layers):
        table[f"rnn.weight_ih_l{layer}"] = (rows, size if layer else features)
        table[f"rnn.weight_hh_l{layer}"] = (rows, size)
        table[f"rnn.bias_ih_l{layer}"] = (rows,)
        table[f"rnn.bias_hh_l{layer}"] = (rows,)
    return {**table, "readout.weight": (outputs, size), "readout.bias": (outputs,)}


def _stack(name: str, sizes: list[int]) -> dict[str, Shape]:
    table: dict[str, Shape] = {}
    for index, (before, after) in enumerate(pairwise(sizes)):
        table[f"{name}.{2 * index}.weight"] = (after, before)
        table[f"{name}.{2 * index}.bias"] = (after,)
    return table


def initial(table: dict[str, Shape], recipe: Recipe, *, generator: torch.Generator) -> Parameters:
    """Uniform within one over the square root of the fan-in, as torch does; wider for stacks with a ReLU."""
    parameters: Parameters = {}
    for name, shape in table.items():
        weight = table[name.removesuffix("bias") + "weight"] if name.endswith("bias") else shape
        fan_in = recipe.hidden if name.startswith("rnn.") else weight[1]
        deep = recipe.cell == "mlp" and len(shape) == 2 and max(recipe.hidden_depth, recipe.readout_depth) > 1
        bound = math.sqrt((3.0 if deep else 1.0) / fan_in)
        drawn = torch.rand((recipe.members, *shape), generator=generator)
        parameters[name] = ((2 * drawn - 1) * bound).requires_grad_()
    return parameters


def run(parameters: Parameters, recipe: Recipe, inputs: Tensor, *, noise: float, generator: torch.Generator) -> Tensor:
    """Outputs of shape `(member, batch, time, out)` for encoded inputs of shape `(batch, time, feature)`."""
    members = parameters[next(iter(parameters))].shape[0]
    start = blank(recipe, members, len(inputs))
    return resume(parameters, recipe, inputs, start, noise=noise, generator=generator)[0]


def blank(recipe: Recipe, members: int, batch: int) -> Memory:
    """The memory before the first step."""
    zero = torch.zeros(members, batch, recipe.hidden)
    return [(zero, zero)] * recipe.layers


def resume(
    parameters: Parameters, recipe: Recipe, inputs: Tensor, memory: Memory, *, noise: float, generator: torch.Generator
) -> tuple[Tensor, Memory]:
    """As `run`, from a memory on; with the memory after the last step. Inputs may have an axis `member` in front."""
    members = parameters[next(iter(parameters))].shape[0]
    signal = inputs if inputs.dim() == 4 else inputs.expand(members, *inputs.shape)
    if recipe.cell == "mlp":
        states = _mlp_states(parameters, recipe, signal, memory[0][0], noise, generator)
        after: Memory = [(states[:, :, -1], memory[0][1])]
        return _apply_stack(parameters, "readout", recipe.readout_depth, states), after
    after = []
    for layer, kept in enumerate(memory):
        signal, last = _rnn_states(parameters, recipe, layer, signal, kept, noise, generator)
        after.append(last)
    return _linear(signal, parameters["readout.weight"], parameters["readout.bias"]), after


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    flat = torch.baddbmm(bias.unsqueeze(1), x.reshape(x.shape[0], -1, x.shape[-1]), weight.transpose(1, 2))
    return flat.reshape(*x.shape[:-1], weight.shape[1])


def _apply_stack(parameters: Parameters, name: str, depth: int, x: Tensor) -> Tensor:
    for index in range(depth):
        if index > 0:
            x = torch.relu(x)
        x = _linear(x, parameters[f"{name}.{2 * index}.weight"], parameters[f"{name}.{2 * index}.bias"])
    return x


def _disturbed(h: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    return h + noise * torch.randn(h.shape, generator=generator) if noise > 0 else h


def _mlp_states(
    parameters: Parameters, recipe: Recipe, x: Tensor, h: Tensor, noise: float, generator: torch.Generator
) -> Tensor:
    weight, bias = parameters["hidden.0.weight"], parameters["hidden.0.bias"]
    from_state = weight[:, :, : recipe.hidden].transpose(1, 2)
    from_input = _linear(x, weight[:, :, recipe.hidden :], bias)
    rest = [
        (parameters[f"hidden.{2 * i}.weight"].transpose(1, 2), parameters[f"hidden.{2 * i}.bias"].unsqueeze(1))
        for i in range(1, recipe.hidden_depth)
    ]
    states = []
    for now in from_input.unbind(2):
        h = torch.baddbmm(now, h, from_state)
        for matrix, offset in rest:
            h = torch.baddbmm(offset, torch.relu(h), matrix)
        h = _disturbed(h, noise, generator)
        states.append(h)
    return torch.stack(states, dim=2)


def _rnn_states(
    parameters: Parameters,
    recipe: Recipe,
    layer: int,
    x: Tensor,
    kept: tuple[Tensor, Tensor],
    noise: float,
    generator: torch.Generator,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    from_input = _linear(x, parameters[f"rnn.weight_ih_l{layer}"], parameters[f"rnn.bias_ih_l{layer}"])
    weight = parameters[f"rnn.weight_hh_l{layer}"].transpose(1, 2)
    bias = parameters[f"rnn.bias_hh_l{layer}"].unsqueeze(1)
    h, c = kept
    states = []
    for now in from_input.unbind(2):
        recurrent = torch.baddbmm(bias, h, weight)
        match recipe.cell:
            case "rnn_tanh":
                h = torch.tanh(now + recurrent)
            case "rnn_relu":
                h = torch.relu(now + recurrent)
            case "gru":
                h = _gru(now, recurrent, h)
            case "lstm":
                h, c = _lstm(now + recurrent, c)
        h = _disturbed(h, noise, generator)
        states.append(h)
    return torch.stack(states, dim=2), (h, c)


def _gru(now: Tensor, recurrent: Tensor, h: Tensor) -> Tensor:
    size = h.shape[-1]
    gates = torch.sigmoid(now[..., : 2 * size] + recurrent[..., : 2 * size])
    reset, keep = gates[..., :size], gates[..., size:]
    candidate = torch.tanh(now[..., 2 * size :] + reset * recurrent[..., 2 * size :])
    return candidate + keep * (h - candidate)


def _lstm(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    size = c.shape[-1]
    enter, keep = torch.sigmoid(gates[..., : 2 * size]).chunk(2, dim=-1)
    leave = torch.sigmoid(gates[..., 3 * size :])
    c = keep * c + enter * torch.tanh(gates[..., 2 * size : 3 * size])
    return leave * torch.tanh(c), c
