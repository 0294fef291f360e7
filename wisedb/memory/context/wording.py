"""How facts are told in a context: as token ids that stand in front of everything that a user wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from wisedb.memory.gates.keys.build import as_sentence
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.model.chat import EARLIER, ChatFormat, Message, chat_format, encode_said, render, user
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


class Told(NamedTuple):
    """Facts in front of a row.

    Attributes:
        ids: their token ids; not empty.
        hidden: how many tokens of the row's beginning give way to them.
    """

    ids: tuple[int, ...]
    hidden: int


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

    def ids(self, facts: Sequence[Fact], row: Sequence[int], *, chat: bool) -> Told:
        """Facts in front of a prompt, or of a conversation.

        In a conversation that is a system message, in the place of the one that the template writes where nobody gave
        one, and else in front of all; where the template takes none, a turn in which the user tells the facts.
        Elsewhere each fact is a line. With the sign with which the tokenizer begins a text, a text begins once.

        Args:
            facts: one or more.
            row: the token ids of what they stand in front of.
            chat: whether that is a conversation; the tokenizer must have a template then.
        """
        if not chat or self.frame is None:
            return self._begun(encode_prompt(self._tokenizer, "".join(f"{sentence(fact)}\n" for fact in facts)), row)
        text = told(facts)
        ways: list[list[Message]] = [[user(text), {"role": "assistant", "content": EARLIER}]]
        if self.frame.system:
            ways.insert(0, [{"role": "system", "content": text}])
        start, header = self.frame.start, self.frame.header
        if tuple(row[: len(start)]) == start:
            for way in ways:
                before = render(self._tokenizer, [*way, user(_PROBE)]).rpartition(_PROBE)[0]
                ids = [int(token) for token in self._tokenizer(before, add_special_tokens=False)["input_ids"]]
                if tuple(ids[-len(header) :]) == header:
                    return Told(tuple(ids[: -len(header)]), len(start) - len(header))
        said = (encode_said(self._tokenizer, way) for way in ways)
        found = next((ids for ids in said if ids), None)
        return self._begun(found or encode_prompt(self._tokenizer, f"{text}\n"), row)

    def _begun(self, ids: Sequence[int], row: Sequence[int]) -> Told:
        begins = self._tokenizer.bos_token_id
        return Told(tuple(ids), int(begins is not None and len(row) > 1 and ids[0] == row[0] == begins))
