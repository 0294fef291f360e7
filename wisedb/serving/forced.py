"""What becomes of the unedited model's own text about other things.

Locality compares the first words of an answer. This compares whole texts: the unedited model's own continuations of
unrelated prompts, read by the edited model as it routes them (its general ability), and with each forced to a memory
(the price of a wrong fire).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.serving.asked import Chat
from wisedb.serving.generate import continue_prompts
from wisedb.serving.score import Scored, agreement, pairs_of, score

if TYPE_CHECKING:
    from wisedb.memory.hooks import AttachedMemories
    from wisedb.model.base import LoadedBase
    from wisedb.serving.score import Pair

TOKENS = 24
"""How many tokens of each of the unedited model's continuations are read."""
PROMPTS = 50
"""How many unrelated prompts are continued, at most."""


@dataclass(frozen=True, slots=True)
class KeptText:
    """What is left of the unedited model's own text.

    Attributes:
        agreement: mean over the prompts of the share of tokens that are still the argmax, 0 to 1.
        perplexity: of all tokens together, to the edited model.
        base_perplexity: the same of the unedited model.
    """

    agreement: float
    perplexity: float
    base_perplexity: float

    def to_json(self) -> dict[str, float]:
        """All fields."""
        return {
            "agreement": self.agreement,
            "perplexity": self.perplexity,
            "base_perplexity": self.base_perplexity,
        }


@dataclass(frozen=True, slots=True)
class OwnText:
    """What the unedited model says behind unrelated prompts.

    Attributes:
        pairs: the prompts and what it says.
        plain: how it scores that itself.
    """

    pairs: tuple[Pair, ...]
    plain: tuple[Scored, ...]


def own_text(base: LoadedBase, prompts: Sequence[str], *, chat: bool = False) -> OwnText:
    """The unedited model's own continuations of the first prompts; prompts that have none are left out.

    Args:
        base: the model, plain.
        prompts: unrelated prompts.
        chat: each is a user's message behind the chat template.
    """
    some = list(prompts)[:PROMPTS]
    told = Chat() if chat else None
    said = continue_prompts(base.model, base.tokenizer, some, max_new_tokens=TOKENS, one_line=False, chat=told)
    texts = [(prompt, each.text) for prompt, each in zip(some, said, strict=True)]
    pairs = [pair for pair in pairs_of(base.tokenizer, texts, chat=chat) if pair.answer]
    return OwnText(tuple(pairs), tuple(score(base.model, pairs, base.tokenizer.pad_token_id or 0)))


def read(base: LoadedBase, text: OwnText, handle: AttachedMemories) -> KeptText | None:
    """Read the unedited model's text as the memories' gates route it, ``None`` without a text.

    Args:
        base: the model, with memories attached.
        text: what :func:`own_text` gave.
        handle: the attached memories.
    """
    return _read(base, text, handle, None, None)


def force(base: LoadedBase, text: OwnText, handle: AttachedMemories) -> KeptText | None:
    """Read the unedited model's text with memories forced on.

    Args:
        base: the model, with memories attached.
        text: what :func:`own_text` gave.
        handle: the attached memories. The gated ones take turns, prompt by prompt, and the edits of one with a part for
            each; always-on ones answer as they do.

    Returns:
        ``None`` without a text.
    """
    turns = meant = None
    if memories := len(handle.memories):
        sizes = [max(1, len(memory.edits)) for memory in handle.memories]
        turns = [place % memories for place in range(len(text.pairs))]
        meant = [place // memories % sizes[turn] for place, turn in enumerate(turns)]
    return _read(base, text, handle, turns, meant)


def _read(
    base: LoadedBase,
    text: OwnText,
    handle: AttachedMemories,
    routes: Sequence[int] | None,
    meant: Sequence[int] | None,
) -> KeptText | None:
    if not text.pairs:
        return None
    pad = base.tokenizer.pad_token_id or 0
    edited = score(base.model, text.pairs, pad, handle=handle, routes=routes, meant=meant)
    same = [agreement(one.predicted, other.predicted) for one, other in zip(edited, text.plain, strict=True)]
    return KeptText(sum(same) / len(same), _perplexity(edited), _perplexity(text.plain))


def _perplexity(scored: Sequence[Scored]) -> float:
    tokens = sum(len(each.expected) for each in scored)
    return math.exp(sum(each.loss * len(each.expected) for each in scored) / tokens)
