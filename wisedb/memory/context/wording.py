"""How facts are told in a context: as token ids that stand in front of everything that a user wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wisedb.memory.gates.keys.build import as_sentence
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.model.chat import EARLIER, ChatFormat, Message, chat_format, render, user
from wisedb.model.tokens import encode_prompt, joined

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "Zebra"


def told(facts: Sequence[Fact]) -> str:
    """Facts as one text, as a system message tells them.

    Of four wordings this is the one with which SmolLM2-135M-Instruct used most of the facts that it was told: 28 of 60
    (20 edits of the development cases, each asked in three ways); 27 with "Up-to-date fact: … If the user asks about
    this, answer: …", 24 with "Newest facts: …" and 15 with "… This was confirmed today. …".
    """
    lines = "".join(f"\nQuestion: {fact.prompt}\nAnswer: {as_sentence(fact.target)}" for fact in facts)
    return f"This is up to date and overrides what you know.{lines}"


def sentence(fact: Fact) -> str:
    """A fact as a sentence: prompt and target, one behind the other."""
    return as_sentence(joined(fact.prompt, fact.target))


class FactWording:
    """Words facts for one tokenizer.

    Args:
        tokenizer: the tokenizer.

    Attributes:
        frame: the frame of its chat template, None without one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.frame: ChatFormat | None = chat_format(tokenizer)

    def gives_way(self, facts: Sequence[int], row: Sequence[int], *, chat: bool) -> int:
        """How many tokens of a row's beginning give way to facts in front of it.

        Those are the system message that the template writes where nobody gave one, and the sign with which the
        tokenizer begins every text, which the facts begin with already.

        Args:
            facts: the token ids of the facts.
            row: those of what they stand in front of.
            chat: whether that is a conversation.
        """
        if chat and self.frame is not None:
            own = self.frame.start[: len(self.frame.start) - len(self.frame.header)]
            if own and tuple(row[: len(own)]) == own:
                return len(own)
        return int(len(row) > 1 and row[0] == facts[0] == self._tokenizer.bos_token_id)

    def ids(self, facts: Sequence[Fact], *, chat: bool) -> list[int]:
        """The token ids to stand in front of a prompt, or of a conversation.

        Behind a chat template that is a system message of its own; where the template takes none that can stand by
        itself, a turn in which the user tells the facts. Elsewhere each fact is a line.

        Args:
            facts: one or more.
            chat: whether a conversation follows; the tokenizer must have a template then.
        """
        if not chat or self.frame is None:
            return encode_prompt(self._tokenizer, "".join(f"{sentence(fact)}\n" for fact in facts))
        text = told(facts)
        found = self._before([{"role": "system", "content": text}]) if self.frame.system else None
        turn: list[Message] = [user(text), {"role": "assistant", "content": EARLIER}]
        return found or self._before(turn) or []

    def _before(self, messages: Sequence[Message]) -> list[int] | None:
        # What the template writes for messages, without the header of the user's message that follows.
        assert self.frame is not None
        before = render(self._tokenizer, [*messages, user(_PROBE)]).rpartition(_PROBE)[0]
        ids = [int(token) for token in self._tokenizer(before, add_special_tokens=False)["input_ids"]]
        header = list(self.frame.header)
        return ids[: -len(header)] if ids[-len(header) :] == header else None
