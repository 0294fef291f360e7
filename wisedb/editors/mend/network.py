"""The editor network g, which turns the factors of a gradient into those of an edit (Mitchell et al. 2022, §3.2).

    z̄ = ((u, δ) − μ_ℓ) / σ_ℓ
    h = z̄ + max(0, s¹_ℓ ⊙ (U₁V₁z̄ + b₁) + o¹_ℓ)
    g = h + s²_ℓ ⊙ (U₂V₂h + b₂) + o²_ℓ                                  (eq. 3)
    (ũ, δ̃) = μ_ℓ + σ_ℓ ⊙ g
    ΔW_ℓ = −α_ℓ Σ_i ũ_i δ̃_iᵀ                                            (eq. 4)

One network serves all matrices of a shape; the scales s_ℓ, the offsets o_ℓ and the step α_ℓ are each matrix's own.
U is zero at the beginning, so that g is the identity and ΔW a step of plain gradient descent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import torch
from torch import Tensor, nn

from wisedb.errors import CorruptObject
from wisedb.memory.kinds.low_rank_delta import letters

_HINT: Final = "Run `wisedb fsck`."
_SMALLEST: Final = 1e-8


class EditorNetwork(nn.Module):
    """g for the matrices of one shape.

    Args:
        shape: (d_ff, d_model) of these matrices.
        layers: how many there are.
        rank: of both low-rank layers.
        seed: where V comes from.
    """

    def __init__(self, shape: tuple[int, int], layers: int, rank: int, seed: int) -> None:
        super().__init__()
        self.d_ff, self.d_model = shape
        width = sum(shape)
        generator = torch.Generator().manual_seed(seed)
        self.up_first = nn.Parameter(torch.zeros(rank, width))
        self.up_second = nn.Parameter(torch.zeros(rank, width))
        # V·z̄ has about the size of one entry of z̄.
        self.down_first = nn.Parameter(torch.randn(width, rank, generator=generator) / width**0.5)
        self.down_second = nn.Parameter(torch.randn(width, rank, generator=generator) / width**0.5)
        self.bias_first = nn.Parameter(torch.zeros(width))
        self.bias_second = nn.Parameter(torch.zeros(width))
        self.scale_first = nn.Parameter(torch.ones(layers, width))
        self.scale_second = nn.Parameter(torch.ones(layers, width))
        self.offset_first = nn.Parameter(torch.zeros(layers, width))
        self.offset_second = nn.Parameter(torch.zeros(layers, width))
        self.log_rate = nn.Parameter(torch.zeros(layers))
        self.register_buffer("mean", torch.zeros(layers, width))
        self.register_buffer("deviation", torch.ones(layers, width))

    @torch.no_grad()
    def measure(self, layer: int, u: Tensor, delta: Tensor) -> None:
        """Take μ and σ of one matrix from factors (n, d_ff) and (n, d_model) of its gradients."""
        both = torch.cat([u, delta], dim=-1)
        mean, deviation = self.get_buffer("mean"), self.get_buffer("deviation")
        mean[layer] = both.mean(dim=0)
        deviation[layer] = both.std(dim=0).clamp(min=_SMALLEST)

    def forward(self, layer: int, u: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
        """(u, δ) → (ũ, δ̃) of one matrix: (..., d_ff) and (..., d_model) in and out."""
        mean, deviation = self.get_buffer("mean")[layer], self.get_buffer("deviation")[layer]
        whole = torch.cat([u, delta], dim=-1)
        z = (whole - mean) / deviation
        first = (z @ self.down_first) @ self.up_first + self.bias_first
        # Clamped: a rectifier has no gradient at zero, where all of them begin.
        more = (self.scale_first[layer] * first + self.offset_first[layer]).clamp(min=0)
        h = z + more
        second = (h @ self.down_second) @ self.up_second + self.bias_second
        more = more + self.scale_second[layer] * second + self.offset_second[layer]
        # What the network adds is brought back to the factors' own units: so nothing of the identity is rounded away.
        changed = whole + deviation * more
        return changed[..., : self.d_ff], changed[..., self.d_ff :]

    def rate(self, layer: int) -> Tensor:
        """α of one matrix, a scalar above 0."""
        return self.log_rate[layer].exp()


@dataclass(frozen=True, slots=True, eq=False)
class EditorNetworks:
    """The networks of all edited matrices.

    Attributes:
        modules: the matrices' paths, lowest first.
        networks: one a shape.
        places: for each matrix which network is its own, and the matrix's number there.
    """

    modules: tuple[str, ...]
    networks: tuple[EditorNetwork, ...]
    places: tuple[tuple[int, int], ...]

    @classmethod
    def begun(cls, shapes: Mapping[str, tuple[int, int]], rank: int, seed: int) -> Self:
        """Networks that are the identity.

        Args:
            shapes: (d_ff, d_model) by matrix, lowest first.
            rank: of their low-rank layers; no more than the narrowest of what enters is wide.
            seed: where all random choices come from.
        """
        kinds = list(dict.fromkeys(shapes.values()))
        counts = [0] * len(kinds)
        places = []
        for shape in shapes.values():
            kind = kinds.index(shape)
            places.append((kind, counts[kind]))
            counts[kind] += 1
        networks = tuple(
            EditorNetwork(shape, count, min(rank, *map(sum, kinds)), seed + kind)
            for kind, (shape, count) in enumerate(zip(kinds, counts, strict=True))
        )
        return cls(tuple(shapes), networks, tuple(places))

    def parameters(self) -> list[nn.Parameter]:
        """All that is trained."""
        return [parameter for network in self.networks for parameter in network.parameters()]

    def measure(self, number: int, u: Tensor, delta: Tensor) -> None:
        """See :meth:`EditorNetwork.measure`; ``number`` counts matrices, lowest first."""
        kind, layer = self.places[number]
        self.networks[kind].measure(layer, u, delta)

    def change(self, number: int, u: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
        """ΔW of one matrix as its factors: (..., n, d_ff) and (..., n, d_model) → (..., d_ff, n), (..., n, d_model)."""
        kind, layer = self.places[number]
        network = self.networks[kind]
        left, right = network(layer, u, delta)
        return left.transpose(-1, -2), -network.rate(layer) * right

    @torch.no_grad()
    def set_rates(self, rates: Sequence[float]) -> None:
        """α of each matrix."""
        for (kind, layer), rate in zip(self.places, rates, strict=True):
            self.networks[kind].log_rate[layer] = torch.tensor(rate).log()

    def to(self, device: torch.device) -> Self:
        """The same, on a device."""
        for network in self.networks:
            network.to(device)
        return self

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, float32 on the CPU, for a blob."""
        return {
            f"{name}_{letters(kind)}": tensor.detach().cpu().clone()
            for kind, network in enumerate(self.networks)
            for name, tensor in network.state_dict().items()
        }

    @classmethod
    def from_tensors(cls, shapes: Mapping[str, tuple[int, int]], tensors: Mapping[str, Tensor]) -> Self:
        """What :meth:`tensors` gave, for the same matrices.

        Raises:
            CorruptObject: something is missing, of another shape, or not a finite number.
        """
        first = tensors.get("up_first_a")
        made = cls.begun(shapes, 1 if first is None or first.ndim != 2 else len(first), 0)
        expected = made.tensors()
        same = tensors.keys() == expected.keys() and all(
            tensors[name].shape == tensor.shape and tensors[name].dtype == tensor.dtype
            for name, tensor in expected.items()
        )
        if not same or not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise CorruptObject("these are no editor networks for these matrices", hint=_HINT)
        for kind, network in enumerate(made.networks):
            network.load_state_dict({name: tensors[f"{name}_{letters(kind)}"] for name in network.state_dict()})
            network.requires_grad_(False)
        return made
