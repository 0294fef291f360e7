"""What a forward call says of its tokens: where each prompt ends, and which tokens are padding."""

from __future__ import annotations

import pytest
import torch

from wisedb.errors import UsageError
from wisedb.memory.forward_call import ForwardCall, causal, up_to_labels, up_to_lengths, up_to_position


def test_where_a_prompt_ends() -> None:
    valid = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 0]], dtype=torch.bool)
    begun = torch.tensor([False, False])
    labels = torch.tensor([[-100, -100, -100, 7], [-100, 5, 6, -100]])
    scope = up_to_labels(valid, labels, begun)
    assert scope.seen.int().tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]
    assert scope.held.tolist() == [True, True]
    assert torch.equal(up_to_lengths(valid, torch.tensor([2, 1]), begun).seen, scope.seen)
    assert up_to_position(valid, 2).seen.int().tolist() == [[0, 1, 0, 0], [1, 1, 0, 0]]
    assert causal(valid).held.tolist() == [False, False]


def test_without_a_prompt_or_an_answer() -> None:
    valid = torch.tensor([[0, 1, 1], [1, 1, 1]], dtype=torch.bool)
    labels = torch.tensor([[-100, 4, 5], [-100, -100, -100]])
    scope = up_to_labels(valid, labels, torch.tensor([False, False]))
    assert scope.held.tolist() == [False, True]
    assert torch.equal(scope.seen, valid)
    # The prompt may be in the cache: then the answer alone is here and must not be seen.
    scope = up_to_labels(valid, labels, torch.tensor([True, False]))
    assert scope.held.tolist() == [True, True]
    assert scope.seen.int().tolist() == [[0, 0, 0], [1, 1, 1]]


def test_masks_in_every_form() -> None:
    device = torch.device("cpu")
    wanted = torch.tensor([[0, 1, 1], [1, 1, 1]], dtype=torch.bool)
    flat = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    causal_mask = torch.ones(4, 4, dtype=torch.bool).tril()[1:]
    four = causal_mask[None, None] & flat.bool()[:, None, None, :]
    four = four & flat.bool()[:, None, 1:, None]
    additive = torch.zeros(four.shape).masked_fill(~four, torch.finfo(torch.float32).min)
    for mask in (flat, four, additive, {"full_attention": four, "sliding_attention": None}):
        assert torch.equal(ForwardCall(None, 2, 3, mask, past=1).valid(device), wanted)
    assert ForwardCall(None, 2, 3).valid(device).all()
    with pytest.raises(UsageError, match="padding"):
        ForwardCall(None, 2, 3, "mask").valid(device)
