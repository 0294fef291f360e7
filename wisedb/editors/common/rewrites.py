"""One edit as rows of a batch: the prompt bare and behind contexts, each with its answer, and where it is looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wisedb.edits import Edit
from wisedb.memory.gates.keys.spellings import subject_span
from wisedb.model.subjects import likely_subject, subject_of
from wisedb.model.tokens import encode_pair, encode_prompt, joined, pad_batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, eq=False)
class Rewrites:
    """Rows of token ids, padded on the right; the first row is the bare prompt.

    Attributes:
        ids: int64 (B, T).
        lookup: int64 (B,), the position at which the fact is looked up.
        prompts: int64 (B,), how many tokens each row's prompt has.
        at: rows and columns of the positions that predict an answer's token, (N,) each.
        labels: int64 (N,), the answers' tokens.
        essence: row and column, (1,) each, of the last token of "{subject} is a", a text without an answer; None where
            there is no such row.
    """

    ids: Tensor
    lookup: Tensor
    prompts: Tensor
    at: tuple[Tensor, Tensor]
    labels: Tensor
    essence: tuple[Tensor, Tensor] | None = None


def subject_in_prompt(edit: Edit) -> str | None:
    """The edit's subject where its prompt has it; else what the prompt seems to be about; else None."""
    said = (subject_of(edit) or "").strip()
    return said if said and said.lower() in edit.prompt.lower() else likely_subject(edit.prompt)


def lookup_position(tokenizer: PreTrainedTokenizerBase, prompt: str, ids: Sequence[int], subject: str | None) -> int:
    """The subject's last token in a prompt (ROME §3.1), or the prompt's last one where there is no subject.

    Args:
        tokenizer: any transformers tokenizer.
        prompt: the text.
        ids: its token ids, not empty.
        subject: what it is about.
    """
    _, end = (0, 0) if subject is None else subject_span(tokenizer, prompt, ids, subject)
    return end - 1 if end else len(ids) - 1


def rewrites(
    tokenizer: PreTrainedTokenizerBase,
    edit: Edit,
    contexts: Sequence[str] = (),
    *,
    end: bool,
    at_subject: bool = True,
    essence: bool = False,
    device: torch.device | None = None,
) -> Rewrites:
    """The edit's prompt bare, then behind each context, with its target.

    Args:
        tokenizer: any transformers tokenizer.
        edit: what shall be said.
        contexts: texts that end like a sentence.
        end: whether the end token belongs to the answer.
        at_subject: look the fact up at the subject's last token; else always at the prompt's last one.
        essence: whether "{subject} is a" is the last row, where there is a subject (ROME §3.1).
        device: where the tensors shall live.
    """
    subject = subject_in_prompt(edit) if at_subject else None
    sequences: list[list[int]] = []
    lookup, prompts, labels = [], [], []
    places: list[tuple[int, int]] = []
    bare = encode_prompt(tokenizer, edit.prompt)
    behind = len(bare) - lookup_position(tokenizer, edit.prompt, bare, subject)
    for row, prompt in enumerate([edit.prompt, *(joined(context, edit.prompt) for context in contexts)]):
        ids, answer = encode_pair(tokenizer, prompt, edit.target, end=end)
        # Counted from the end: a context may name the subject too.
        same = ids[-behind:] == bare[-behind:]
        lookup.append(len(ids) - behind if same else lookup_position(tokenizer, prompt, ids, subject))
        places += [(row, column) for column in range(len(ids) - 1, len(ids) + len(answer) - 1)]
        prompts.append(len(ids))
        labels += answer
        sequences.append(ids + answer)
    last: tuple[Tensor, Tensor] | None = None
    if essence and subject is not None:
        text = f"{subject} is a"
        ids = encode_prompt(tokenizer, text)
        last = (torch.tensor([len(sequences)], device=device), torch.tensor([len(ids) - 1], device=device))
        lookup.append(lookup_position(tokenizer, text, ids, subject))
        prompts.append(len(ids))
        sequences.append(ids)
    batch, _ = pad_batch(sequences, 0, "right")
    rows, columns = torch.tensor(places, device=device).T
    return Rewrites(
        batch.to(device),
        torch.tensor(lookup, device=device),
        torch.tensor(prompts, device=device),
        (rows, columns),
        torch.tensor(labels, device=device),
        last,
    )
