"""Muon in single precision.

The update is momentum orthogonalised by a Newton-Schulz iteration (Jordan et al., "Muon: an optimizer for
hidden layers in neural networks", 2024; the four coefficient triples are those of its tuned variant).
``torch.optim.Muon`` iterates in bfloat16, which a CPU without native bfloat16 emulates at a crawl.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

NEWTON_SCHULZ = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
)


class Muon(torch.optim.Optimizer):
    """Muon for matrices, and for convolutions as one row for each output; equal shapes are updated as one batch."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # closures are never used here
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[tuple(parameter.shape)].append(parameter)
            for parameters in by_shape.values():
                self._update(parameters, group)

    def _update(self, parameters: list[Tensor], group: dict[str, float]) -> None:
        gradient = torch.stack([p.grad for p in parameters if p.grad is not None])
        for parameter, part in zip(parameters, gradient, strict=True):
            state = self.state[parameter]
            previous = state.get("momentum")
            state["momentum"] = part.clone() if previous is None else previous.lerp_(part, 1 - group["momentum"])
        momentum = torch.stack([self.state[p]["momentum"] for p in parameters])
        update = gradient.lerp(momentum, group["momentum"]).flatten(2)
        rows, columns = update.shape[1:]
        rate = group["lr"] * max(1.0, rows / columns) ** 0.5
        for parameter, part in zip(parameters, orthogonalize(update), strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(part.view_as(parameter), alpha=-rate)


def orthogonalize(matrices: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly; ``[batch, rows, columns]`` in and out."""
    tall = matrices.shape[1] > matrices.shape[2]
    u = matrices.transpose(1, 2) if tall else matrices
    u = u / (u.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for a, b, c in NEWTON_SCHULZ:
        gram = u @ u.transpose(1, 2)
        u = a * u + (b * gram + c * (gram @ gram)) @ u
    return u.transpose(1, 2) if tall else u
