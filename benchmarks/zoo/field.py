"""The members in training: parameters with a leading axis `member`, and the state of their optimiser."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.zoo.cells import Parameters

BETA_1, BETA_2, EPSILON = 0.9, 0.98, 1e-8


@dataclass
class Field:
    """The members still in training, with their optimiser state (Adam, one learning rate a member)."""

    parameters: Parameters
    rates: Tensor
    means: Parameters = field(default_factory=dict)
    squares: Parameters = field(default_factory=dict)
    count: int = 0

    def keep(self, members: Tensor) -> None:
        """Drop every member but these."""
        self.parameters = {n: p.detach()[members].requires_grad_() for n, p in self.parameters.items()}
        self.rates = self.rates[members]
        self.means = {n: m[members] for n, m in self.means.items()}
        self.squares = {n: s[members] for n, s in self.squares.items()}

    def step(self, schedule: float, weight_decay: float | Tensor) -> None:
        """One step of Adam with decoupled weight decay (for all, or one a member), each gradient clipped to norm 1."""
        gradients = {n: p.grad for n, p in self.parameters.items() if p.grad is not None}
        norm = torch.stack([g.flatten(1).square().sum(1) for g in gradients.values()]).sum(0).sqrt()
        clip = 1.0 / torch.clamp(norm, min=1.0)
        self.count += 1
        size = math.sqrt(1 - BETA_2**self.count) / (1 - BETA_1**self.count)
        with torch.no_grad():
            for name, gradient in gradients.items():
                parameter = self.parameters[name]
                axes = (-1, *[1] * (parameter.dim() - 1))
                gradient = torch.nan_to_num(gradient * clip.view(axes))
                mean = self.means.setdefault(name, torch.zeros_like(parameter))
                square = self.squares.setdefault(name, torch.zeros_like(parameter))
                mean.mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
                square.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
                rate = (self.rates * schedule).view(axes)
                if isinstance(weight_decay, Tensor):
                    parameter.mul_(1 - rate * weight_decay.view(axes))
                elif weight_decay > 0:
                    parameter.mul_(1 - rate * weight_decay)
                parameter.sub_(rate * size * mean / (square.sqrt() + EPSILON))
                parameter.grad = None
