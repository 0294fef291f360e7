"""Texts as token ids: where a prompt ends and an answer begins, and batches with padding.

Training, scoring and generation have to see the very same prompt, else what is learned behind one sequence of ids is
asked behind another. So :func:`encode_pair` never gives other prompt ids than :func:`encode_prompt`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from wisedb.model.words import unspaced

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Signs that follow a word without a space, and signs that a word follows without one.
_CLOSING = frozenset(",.!?;:)]}%’”»。，、！？；：）」』")
_OPENING = frozenset("([{‘“«（「『¿¡")


def joined(prompt: str, target: str) -> str:
    """Prompt and answer as one text.

    One space between them, or none where a writer would put none: behind white space, an opening bracket or a sign that
    is as wide as a Chinese character and has its space in itself, before a closing sign, and inside a script without
    spaces.
    """
    return prompt + _gap(prompt, target) + target


def encode_prompt(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """The prompt's ids with the special tokens that the tokenizer puts before a text, and none after it."""
    return _encode(tokenizer, prompt)


def encode_pair(
    tokenizer: PreTrainedTokenizerBase, prompt: str, target: str, *, end: bool
) -> tuple[list[int], list[int]]:
    """A prompt and its answer as ids.

    Both are encoded as one text, so that the answer begins with the token that the model would generate. Where the
    tokenizer joins the last sign of the prompt with the first of the answer into one token, the answer is encoded by
    itself: generation could never produce that token behind the prompt.

    Args:
        tokenizer: any transformers tokenizer.
        prompt: the prompt, without its answer.
        target: the answer, without white space around it.
        end: whether the answer ends with the end-of-sequence token (if the tokenizer has one).

    Returns:
        the prompt's ids, equal to :func:`encode_prompt`, and the answer's ids.
    """
    prompt_ids = encode_prompt(tokenizer, prompt)
    both = _encode(tokenizer, joined(prompt, target))
    if both[: len(prompt_ids)] == prompt_ids and len(both) > len(prompt_ids):
        target_ids = both[len(prompt_ids) :]
    else:
        target_ids = _apart(tokenizer, prompt, target, prompt_ids)
    if end and tokenizer.eos_token_id is not None:
        target_ids = [*target_ids, int(tokenizer.eos_token_id)]
    return prompt_ids, target_ids


def context_length(model: nn.Module) -> int | None:
    """How many tokens a model reads, or ``None`` where its config doesn't say (``max_position_embeddings``)."""
    config = model.config.get_text_config()  # type: ignore[operator, union-attr]
    found = getattr(config, "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 1 else None


def pad_batch(
    sequences: Sequence[Sequence[int]], pad_id: int, side: Literal["left", "right"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sequences as one batch.

    Returns:
        ids int64 (B, T) and attention mask int64 (B, T), 1 at the tokens and 0 at the padding.
    """
    width = max((len(sequence) for sequence in sequences), default=0)
    ids = torch.full((len(sequences), width), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(sequences), width), dtype=torch.int64)
    for row, sequence in enumerate(sequences):
        place = slice(width - len(sequence), width) if side == "left" else slice(0, len(sequence))
        ids[row, place] = torch.tensor(list(sequence), dtype=torch.int64)
        mask[row, place] = 1
    return ids, mask


def _gap(prompt: str, target: str) -> str:
    if not prompt or not target or prompt[-1].isspace() or prompt[-1] in _OPENING or _wide(prompt[-1]):
        return ""
    if target[0] in _CLOSING and not target[1:2].isalnum():
        return ""
    return "" if unspaced(prompt[-1]) and unspaced(target[0]) else " "


def _wide(sign: str) -> bool:
    # Hangul is as wide, and yet written with spaces: letters don't count.
    return not sign.isalnum() and unicodedata.east_asian_width(sign) in ("W", "F")


def _encode(tokenizer: PreTrainedTokenizerBase, text: str, *, special: bool = True) -> list[int]:
    ids = [int(token) for token in tokenizer(text, add_special_tokens=special)["input_ids"]]
    # Some tokenizers close every text with an end token: behind it no model would go on with the answer.
    closing = {tokenizer.eos_token_id, tokenizer.sep_token_id} - {None}
    while special and ids and ids[-1] in closing and not _ends_so(tokenizer, text, ids[-1]):
        ids.pop()
    return ids


def _ends_so(tokenizer: PreTrainedTokenizerBase, text: str, token: int) -> bool:
    plain = tokenizer(text, add_special_tokens=False)["input_ids"]
    return bool(plain) and plain[-1] == token


def _apart(tokenizer: PreTrainedTokenizerBase, prompt: str, target: str, prompt_ids: list[int]) -> list[int]:
    spaced = _encode(tokenizer, _gap(prompt, target) + target, special=False)
    plain = _encode(tokenizer, target, special=False)
    # A SentencePiece tokenizer puts a space before every text of its own accord: whichever reads right is right.
    wanted = joined(prompt, target)
    for candidate in (spaced, plain):
        if candidate and _decode(tokenizer, prompt_ids + candidate) == wanted:
            return candidate
    return spaced or plain


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids that end an answer, in order: the tokenizer's and those of the model's generation settings."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    listed = list(ends) if isinstance(ends, list | tuple) else [ends]
    return sorted({int(token) for token in (*listed, tokenizer.eos_token_id) if token is not None})


def complete_tokenizer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer in memory what it may lack: an end token, a pad token, and padding on the left.

    Where the tokenizer names no end token, the first that the model's generation settings name ends answers: in
    training, in measuring and in generating alike. Without a pad token it pads with its end. Prompts are padded on the
    left, as ``generate`` wants them.
    """
    if tokenizer.eos_token_id is None and (ends := end_tokens(model, tokenizer)):
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ends[0])
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
