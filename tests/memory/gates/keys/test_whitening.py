"""Maps after which a cosine means something."""

from __future__ import annotations

import torch

from wisedb.memory.gates.keys.whitening import main_directions, white


def test_whitened_vectors_are_white() -> None:
    generator = torch.Generator().manual_seed(0)
    skewed = torch.randn(4000, 6, generator=generator) @ torch.diag(torch.tensor([10.0, 3.0, 1.0, 1.0, 0.5, 0.2]))
    skewed = skewed @ torch.linalg.qr(torch.randn(6, 6, generator=generator))[0]
    found = skewed @ white(skewed, 1e-9)
    torch.testing.assert_close(found.T @ found / len(found), torch.eye(6), rtol=0, atol=1e-3)
    shrunk = skewed @ white(skewed, 0.5)
    assert (shrunk.std(dim=0) < 1).all()
    kept = main_directions(skewed, 2)
    assert kept.shape == (6, 2)
    assert ((skewed @ kept).square().sum() / skewed.square().sum()) > 0.97


def test_constant_and_too_few_values_are_no_harm() -> None:
    assert torch.isfinite(white(torch.zeros(3, 4), 0.1)).all()
    assert torch.isfinite(white(torch.randn(2, 9), 0.1)).all()
