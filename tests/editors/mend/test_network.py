"""The editor network: the identity at its beginning, and its formula entry by entry afterwards."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.mend.network import EditorNetworks
from wisedb.errors import CorruptObject

SHAPES = {"blocks.0.down": (5, 3), "blocks.1.down": (5, 3), "blocks.2.down": (4, 3)}


def drawn(seed: int = 0) -> EditorNetworks:
    """Networks of which nothing is as it was at the beginning."""
    networks = EditorNetworks.begun(SHAPES, 2, 0)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for network in networks.networks:
            for tensor in network.state_dict().values():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
            network.get_buffer("deviation").add_(1.0)
    return networks


def test_at_its_beginning_it_is_a_plain_gradient_step() -> None:
    networks = EditorNetworks.begun(SHAPES, 2, 0)
    networks.set_rates([0.5, 0.25, 2.0])
    for number, (shape, rate) in enumerate(zip(SHAPES.values(), (0.5, 0.25, 2.0), strict=True)):
        u, delta = torch.randn(7, shape[0]), torch.randn(7, shape[1])
        # Whatever the factors are measured in.
        networks.measure(number, 3 * u + 1, 0.1 * delta)
        left, right = networks.change(number, u, delta)
        torch.testing.assert_close(left @ right, -rate * u.T @ delta)
        assert torch.equal(left, u.T)


def test_it_computes_its_formula() -> None:
    networks = drawn()
    for number, shape in enumerate(SHAPES.values()):
        kind, layer = networks.places[number]
        state = networks.networks[kind].state_dict()
        u, delta = torch.randn(2, shape[0]), torch.randn(2, shape[1])
        left, right = networks.change(number, u, delta)
        width = sum(shape)
        for row in range(2):
            whole = [*u[row].tolist(), *delta[row].tolist()]
            mean, deviation = state["mean"][layer].tolist(), state["deviation"][layer].tolist()
            z = [(whole[n] - mean[n]) / deviation[n] for n in range(width)]
            h = _layer(z, state, "first", layer, positive=True)
            g = _layer(h, state, "second", layer, positive=False)
            wanted = torch.tensor([mean[n] + deviation[n] * g[n] for n in range(width)])
            rate = float(state["log_rate"][layer].exp())
            torch.testing.assert_close(left[:, row].detach(), wanted[: shape[0]], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(right[row].detach(), -rate * wanted[shape[0] :], rtol=1e-4, atol=1e-5)


def _layer(
    values: list[float], state: dict[str, torch.Tensor], name: str, layer: int, *, positive: bool
) -> list[float]:
    down, up = state[f"down_{name}"].tolist(), state[f"up_{name}"].tolist()
    bias, scale, offset = (state[f"{part}_{name}"] for part in ("bias", "scale", "offset"))
    width = len(values)
    inner = [sum(values[n] * down[n][r] for n in range(width)) for r in range(len(up))]
    found = []
    for n in range(width):
        plain = sum(inner[r] * up[r][n] for r in range(len(up))) + float(bias[n])
        more = float(scale[layer][n]) * plain + float(offset[layer][n])
        found.append(values[n] + (max(0.0, more) if positive else more))
    return found


def test_matrices_of_a_shape_share_a_network() -> None:
    networks = EditorNetworks.begun(SHAPES, 2, 0)
    assert networks.places == ((0, 0), (0, 1), (1, 0)) and len(networks.networks) == 2
    # A low-rank layer that is wider than what enters says nothing more.
    assert EditorNetworks.begun(SHAPES, 100, 0).networks[0].up_first.shape == (7, 8)
    first, second = EditorNetworks.begun(SHAPES, 2, 0), EditorNetworks.begun(SHAPES, 2, 1)
    assert torch.equal(first.networks[0].down_first, networks.networks[0].down_first)
    assert not torch.equal(first.networks[0].down_first, second.networks[0].down_first)


def test_what_is_frozen_is_read_back() -> None:
    networks = drawn()
    again = EditorNetworks.from_tensors(SHAPES, networks.tensors())
    assert again.places == networks.places
    for number, shape in enumerate(SHAPES.values()):
        u, delta = torch.randn(2, shape[0]), torch.randn(2, shape[1])
        for one, other in zip(networks.change(number, u, delta), again.change(number, u, delta), strict=True):
            assert torch.equal(one, other) and not other.requires_grad


@pytest.mark.parametrize("damage", ["missing", "more", "shape", "dtype", "number", "empty"])
def test_damage_is_refused(damage: str) -> None:
    tensors = drawn().tensors()
    if damage == "missing":
        del tensors["log_rate_b"]
    elif damage == "empty":
        tensors = {}
    else:
        name, tensor = {
            "more": ("more", torch.zeros(1)),
            "shape": ("bias_first_a", torch.zeros(7)),
            "dtype": ("bias_first_a", torch.zeros(8, dtype=torch.float64)),
            "number": ("bias_first_a", torch.full((8,), float("nan"))),
        }[damage]
        tensors[name] = tensor
    with pytest.raises(CorruptObject):
        EditorNetworks.from_tensors(SHAPES, tensors)
