"""What a loaded model says of a prompt."""

from __future__ import annotations

import torch


def logits_of(model: torch.nn.Module, tokenizer: object, prompt: str) -> torch.Tensor:
    """(1, T, V)."""
    ids = tokenizer(prompt, return_tensors="pt")  # type: ignore[operator]
    with torch.no_grad():
        logits: torch.Tensor = model(**ids).logits
    return logits
