"""Steps in white coordinates: where they lead, and where they don't."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.common.subspace import Subspace
from wisedb.editors.keyed import preconditioner as module
from wisedb.editors.keyed.preconditioner import PreconditionedDelta, Preconditioner


def coloured(count: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    scales = torch.logspace(-2, 1, width)
    turned, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
    return torch.mm(torch.randn(count, width, generator=generator) * scales, turned)


@pytest.mark.parametrize("count", [40, 8])
def test_it_is_the_root_of_the_inverse_covariance_with_its_ridge(count: int) -> None:
    features = coloured(count, 16)
    root = Preconditioner(features)(torch.eye(16)).double()
    ridge = max(module._LEAST, module._RIDGE * 16 / count)
    covariance = (features.T @ features / (count * features.square().mean())).double()
    wanted = torch.linalg.inv(covariance + ridge * torch.eye(16, dtype=torch.float64))
    torch.testing.assert_close(root @ root, wanted, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(root, root.T, rtol=1e-4, atol=1e-4)


def test_white_features_are_left_nearly_as_they_are() -> None:
    features = torch.randn(2000, 8, generator=torch.Generator().manual_seed(1)) * 7
    root = Preconditioner(features)(torch.eye(8))
    torch.testing.assert_close(root, torch.eye(8), rtol=0, atol=0.2)


def test_a_delta_stays_under_its_mask_and_within_its_bound() -> None:
    mask = torch.rand(16, 4, generator=torch.Generator().manual_seed(2)) < 0.5
    subspace = Subspace(mask, torch.device("cpu"))
    begin = torch.full((int(mask.sum()),), 0.1)
    change = PreconditionedDelta(subspace, begin, 0.5, coloured(40, 16))
    assert torch.equal(change.values(), begin)
    with torch.no_grad():
        change.parameter += torch.randn(change.parameter.shape, generator=torch.Generator().manual_seed(3))
    delta = change.matrix()
    assert not delta[~mask].any() and delta[mask].abs().max() == 0.5
    assert torch.equal(subspace.values(delta), change.values())
    delta.sum().backward()
    assert change.parameter.grad is not None and change.parameter.grad.any()
