"""The facts that a prompt or a conversation asks for, as a text to put in: for models that only an API reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.errors import InputError
from wisedb.memory.context.wording import told
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.model.chat import Message, chat_format
from wisedb.serving.asked import Chat, Prompt, encode_asked
from wisedb.serving.assemble import attached_at_commit
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store

_HINT = 'Give an OpenAI list of messages: [{"role": "user", "content": "…"}].'
_SPOKEN = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class FactsFor:
    """What is to be put into a context.

    Attributes:
        prompt: what was asked: the prompt, or the user's last message.
        facts: the edits that it asks for, in the order in which it does.
        text: their facts as a system message tells them; empty without one.
        messages: the messages that were given, with the facts as a system message behind those that begin the list;
            ``None`` where a prompt was given.
    """

    prompt: str
    facts: tuple[Edit, ...]
    text: str
    messages: tuple[Mapping[str, Any], ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb context --json`` prints it; ``messages`` where some were given."""
        messages = {} if self.messages is None else {"messages": [dict(message) for message in self.messages]}
        return {
            "prompt": self.prompt,
            "facts": [edit.to_json() for edit in self.facts],
            "text": self.text,
            **messages,
        }


def facts_for(store: Store, base: LoadedBase, asked: str | Sequence[Mapping[str, Any]], at: str = "HEAD") -> FactsFor:
    """Find the facts in force that a prompt or a conversation asks for; nothing is generated.

    A prompt is looked at as a user's message where the base model has a chat template, and as it stands.

    Args:
        store: the store.
        base: its base model, by whose keys facts are found; it is left as it was.
        asked: a prompt, or messages as OpenAI's API takes them.
        at: the commit.

    Raises:
        UnknownRevision: no such commit.
        InputError: the prompt is empty, or the messages are none or don't end with a user's.
    """
    said = _spoken(asked) if not isinstance(asked, str) else None
    prompt = asked if isinstance(asked, str) else str(_read(asked[-1], len(asked))["content"])
    if not prompt.strip():
        raise InputError("an empty prompt asks for nothing", hint="Give the prompt.")
    ways: list[tuple[Prompt, Chat | None]] = [(prompt, None)]
    if chat_format(base.tokenizer) is not None:
        ways.insert(0, (prompt if said is None else said, Chat()))
    commit = store.objects.commit(store.resolve(at))
    found: tuple[Edit, ...] = ()
    with attached_at_commit(store, base, commit, "context") as handle:
        for way, chat in ways:
            if handle is None or found:
                break
            (facts,) = handle.facts_of([encode_asked(base.tokenizer, way, chat)])
            listed = [edit for memory in handle.memories for edit in memory.edits]
            wanted = [listed[place] for place in facts]
            by_id = {edit.id: edit for edit in history.edits_of(store, wanted)}
            found = tuple(by_id[edit_id] for edit_id in wanted)
    text = told([Fact(edit.prompt, edit.target) for edit in found]) if found else ""
    return FactsFor(prompt, found, text, None if isinstance(asked, str) else _with_facts(asked, text))


def _with_facts(messages: Sequence[Mapping[str, Any]], text: str) -> tuple[Mapping[str, Any], ...]:
    if not text:
        return tuple(messages)
    instructions = ("system", "developer")
    first = next(place for place, message in enumerate(messages) if message.get("role") not in instructions)
    return (*messages[:first], {"role": "system", "content": text}, *messages[first:])


def _spoken(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """What is said in a conversation, as a chat template takes it; calls of tools and their answers are left out.

    Raises:
        InputError: there is no message, or the last one is not a user's.
    """
    if not messages:
        raise InputError("there is no message", hint=_HINT)
    found = [_read(message, number) for number, message in enumerate(messages, 1)]
    if found[-1]["role"] != "user":
        raise InputError("the last message is not the user's", hint=_HINT)
    return tuple(message for message in found if message["role"] in _SPOKEN and message["content"].strip())


def _read(message: Any, number: int) -> Message:
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(role, str):
        raise InputError(f"message {number} has no role", hint=_HINT)
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    # What is no text, such as an image, asks for nothing that keys could find.
    return {"role": role, "content": "".join(text for text in texts if isinstance(text, str))}
