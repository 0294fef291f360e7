"""Δ_act of prompts under one memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.base import Change
from wisedb.memory.memory import Memory
from wisedb.model.tokens import encode_prompt, pad_batch
from wisedb.serving.attached import attached

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase


@torch.no_grad()
def prompt_activations(base: LoadedBase, change: Change, prompts: Sequence[str], *, batch: int = 32) -> list[float]:
    """Δ_act of each prompt under one change (WISE §2.3.1)."""
    found: list[float] = []
    memory = Memory("measured", change, Gate("activation"))
    with attached(base, [memory]) as handle:
        assert handle is not None
        for start in range(0, len(prompts), batch):
            ids = [encode_prompt(base.tokenizer, prompt) for prompt in prompts[start : start + batch]]
            padded, mask = pad_batch(ids, base.tokenizer.pad_token_id or 0, "right")
            with handle.boundary([len(row) for row in ids]), handle.record() as record:
                device = base.model.device
                base.model(input_ids=padded.to(device), attention_mask=mask.to(device), use_cache=False)
            found.extend(record.activations[:, 0].tolist())
    return found
