"""What multiplies, as one matrix or as two factors: the same products, and sums of factors."""

from __future__ import annotations

import pytest
import torch

from wisedb.memory.kinds.additive import DenseDelta, FactoredDelta, stacked

IN, OUT = 6, 4


def factored(rank: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> FactoredDelta:
    generator = torch.Generator().manual_seed(seed)
    left, right = torch.randn(IN, rank, generator=generator), torch.randn(rank, OUT, generator=generator)
    return FactoredDelta(left.to(dtype), right.to(dtype))


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_factors_say_what_their_product_says(rank: int) -> None:
    factors = factored(rank)
    dense = DenseDelta(factors.dense())
    assert (factors.rank, factors.size, dense.size) == (rank, 4 * rank * (IN + OUT), 4 * IN * OUT)
    inputs, output = torch.randn(2, 3, IN), torch.randn(2, 3, OUT)
    entry = torch.zeros(2, 3, dtype=torch.int64)
    torch.testing.assert_close(factors.product(inputs), inputs @ factors.left @ factors.right)
    torch.testing.assert_close(factors.apply(inputs, output, entry), dense.apply(inputs, output, entry))
    torch.testing.assert_close(dense.apply(inputs, output, entry), output + dense.product(inputs))


def test_what_is_added_has_the_dtype_of_the_output() -> None:
    factors = factored(2)
    inputs, output = torch.randn(1, 2, IN).bfloat16(), torch.randn(1, 2, OUT).bfloat16()
    entry = torch.zeros(1, 2, dtype=torch.int64)
    assert factors.product(inputs).dtype == torch.bfloat16
    assert factors.apply(inputs, output, entry).dtype == torch.bfloat16
    wide = DenseDelta(factors.dense())
    assert wide.apply(inputs.float(), output, entry).dtype == torch.bfloat16


def test_several_are_one_of_their_ranks_together() -> None:
    changes = [factored(rank, seed) for seed, rank in enumerate((1, 0, 2))]
    whole = stacked(changes)
    assert whole is not None and whole.rank == 3
    torch.testing.assert_close(whole.dense(), changes[0].dense() + changes[2].dense())
    assert stacked([]) is None
