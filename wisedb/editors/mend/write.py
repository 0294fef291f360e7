"""Edits written by a trained editor network: one backward pass, no step of an optimiser (Mitchell et al. 2022, §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from wisedb.editors.mend.decompose import Answers, EditedModel, decompose
from wisedb.editors.mend.network import EditorNetworks
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.model.tokens import encode_pair, pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Rows of one backward pass: what is summed is the same however they are split.
_ROWS = 16


@torch.no_grad()
def write_edits(
    model: EditedModel,
    tokenizer: PreTrainedTokenizerBase,
    networks: EditorNetworks,
    edits: Sequence[Edit],
    change: LowRankDelta,
    *,
    end: bool,
) -> tuple[LowRankDelta, float]:
    """Add ΔW_ℓ = −α_ℓ Σ_i ũ_i δ̃_iᵀ over all tokens of all edits, each on the model with the earlier change.

    Args:
        model: the base model with its edited projections.
        tokenizer: its tokenizer.
        networks: of these projections.
        edits: what shall be said; they don't see each other.
        change: what was written before them.
        end: whether the answer's end is written too.

    Returns:
        the change with theirs, its factors no larger than the weights, and the edits' loss before it, in nats a token.

    Raises:
        TrainingFailed: a value is no longer a number.
    """
    device = model.projections[0].module.get_parameter("weight").device
    applied = [change.place(each.name, device, torch.float32) for each in model.projections]
    found, total = change, 0.0
    for first in range(0, len(edits), _ROWS):
        answers = answers_of(
            tokenizer, [(edit.prompt, edit.target) for edit in edits[first : first + _ROWS]], end, device
        )
        with torch.enable_grad():
            factors, losses = decompose(model, answers, applied)
        total += float(losses.sum())
        for number, (projection, each) in enumerate(zip(model.projections, factors, strict=True)):
            there = (each.delta != 0).any(dim=-1)
            left, right = networks.change(number, each.u[there], each.delta[there])
            if not bool(torch.isfinite(left).all() and torch.isfinite(right).all()):
                raise TrainingFailed(
                    "the change of an edit is no longer a number", hint="Take edits back, or begin a new memory."
                )
            found = found.plus(projection.name, left.cpu(), right.cpu())
    return found.compact(), total / len(edits)


def answers_of(
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[str, str]],
    end: bool,
    device: torch.device,
    others: Sequence[list[int]] = (),
) -> Answers:
    """Prompts with their answers as rows, and behind them other rows without one.

    Args:
        tokenizer: any transformers tokenizer.
        pairs: prompts and answers.
        end: whether the end token belongs to the answers.
        device: where the tensors shall live.
        others: token ids.
    """
    rows: list[list[int]] = []
    places: list[tuple[int, int]] = []
    labels: list[int] = []
    for row, (prompt, target) in enumerate(pairs):
        ids, answer = encode_pair(tokenizer, prompt, target, end=end)
        places += [(row, column) for column in range(len(ids) - 1, len(ids) + len(answer) - 1)]
        labels += answer
        rows.append(ids + answer)
    batch, _ = pad_batch([*rows, *others], 0, "right")
    at = torch.tensor(places, device=device).T
    return Answers(batch.to(device), (at[0], at[1]), torch.tensor(labels, device=device))
