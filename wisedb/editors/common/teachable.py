"""Whether a model can be taught an edit as the end of its conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.chat import chat_format, takes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def ensure_teachable(tokenizer: PreTrainedTokenizerBase, format: str, edits: Sequence[Edit]) -> None:
    """Refuse edits whose conversation this model can't be taught as it stands.

    Args:
        tokenizer: the model's, with its chat template if it has one.
        format: how edits are learned; ``raw`` leaves conversations out.
        edits: those without messages before their prompt are passed over.

    Raises:
        TrainingFailed: there is no template, the settings leave it out, or it doesn't render the whole conversation.
    """
    for edit in edits:
        if edit.messages and (why := _why_not(tokenizer, format, edit)) is not None:
            problem, hint = why
            raise TrainingFailed(
                f"{edit.prompt!r} can't be taught as the end of its conversation: {problem}", hint=hint
            )


def _why_not(tokenizer: PreTrainedTokenizerBase, format: str, edit: Edit) -> tuple[str, str] | None:
    if format == "raw":
        return "format=raw leaves it out", "Give another format, or leave the messages before the prompt out."
    if chat_format(tokenizer) is None:
        return "this model has no chat template that can be read", "Leave the messages before the prompt out."
    if not takes(tokenizer, edit.conversation):
        hint = "Most templates want user and assistant by turns, and some take no system message."
        return "the chat template refuses it, or leaves a message of it out", hint
    return None
