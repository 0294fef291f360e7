"""The margin of an answer, by hand."""

from __future__ import annotations

import pytest
import torch

from wisedb.editors.keyed.losses import logit_margin


def test_the_margin_is_negative_where_another_token_leads() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert logit_margin(logits, torch.tensor([1, 0])).tolist() == [1.0, -2.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_margin_leaves_the_logits_as_they_were(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1.0, 5.0, 3.0], [2.0, 2.0, -1.0]], dtype=dtype)
    before = logits.clone()
    assert logit_margin(logits, torch.tensor([1, 2])).tolist() == [2.0, -3.0]
    assert torch.equal(logits, before)
