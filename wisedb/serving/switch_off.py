"""The answer to a prompt with an edit switched off, and with another one off in its place.

Where an edit is behind an answer, the unedited model's comes back without it; without another one the answer stays.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.errors import UnknownEdit
from wisedb.memory.without import without_edit
from wisedb.serving.asked import Chat
from wisedb.serving.assemble import Mode, select_memories, unsure_in
from wisedb.serving.attached import attached
from wisedb.serving.generate import continue_prompts
from wisedb.serving.memory_codec import read_memories
from wisedb.store.search import edit as find_edit

if TYPE_CHECKING:
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """One edit switched off.

    Attributes:
        edit: its id.
        whole_memory: whether all of its memory had to be switched off, because nothing tells its edits apart.
        answer: what the model says without it.
    """

    edit: str
    whole_memory: bool
    answer: str

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"edit": self.edit, "whole_memory": self.whole_memory, "answer": self.answer}


@dataclass(frozen=True, slots=True)
class Without:
    """A prompt asked without an edit, and without another.

    Attributes:
        named: the edit that was named.
        other: one that was drawn of the others; ``None`` where there is no other, or only edits that would go with
            the named one because their whole memory had to be switched off.
    """

    named: SwitchedOff
    other: SwitchedOff | None

    def to_json(self) -> dict[str, Any]:
        """Both."""
        return {"named": self.named.to_json(), "other": None if self.other is None else self.other.to_json()}


def ask_without(
    store: Store,
    base: LoadedBase,
    prompt: str,
    edit: str,
    at: str = "HEAD",
    mode: Mode = "retrieve",
    *,
    seed: int = 0,
    max_new_tokens: int = 20,
    chat: Chat | None = None,
) -> Without:
    """Ask a prompt at a commit with an edit switched off, then with another one off.

    Args:
        store: the store.
        base: its base model; it is left as it was.
        prompt: the prompt.
        edit: the id of an edit in force there, or a prefix of it.
        at: the commit.
        mode: how the memories answer.
        seed: draws the other edit.
        max_new_tokens: the longest answer.
        chat: the prompt is a user's message behind the chat template.

    Raises:
        UnknownEdit, AmbiguousId: no edit in force, or several.
        UnknownRevision: no such commit.
        InputError: the prompt is empty or too long.
    """
    commit_id = store.resolve(at)
    commit = store.objects.commit(commit_id)
    memories = select_memories(store, base, commit, read_memories(store.objects, commit.memories), mode)
    named = find_edit(store, edit).id
    home = {each: place for place, memory in enumerate(memories) for each in memory.edits}
    if named not in home:
        raise UnknownEdit(
            f"the edit {named[:12]} is not in force at {commit_id[:12]}", hint="`wisedb facts` lists those that are."
        )

    def ask(off: str) -> SwitchedOff:
        left, whole = _without(memories, home[off], off)
        with attached(base, left, unsure_in(store, left, mode)) as handle:
            (said,) = continue_prompts(
                base.model, base.tokenizer, [prompt], max_new_tokens=max_new_tokens, handle=handle, chat=chat
            )
        return SwitchedOff(off, whole, said.text)

    first = ask(named)
    others = [
        each for each, place in home.items() if each != named and not (first.whole_memory and place == home[named])
    ]
    return Without(first, ask(random.Random(seed).choice(others)) if others else None)


def _without(memories: Sequence[Memory], place: int, edit: str) -> tuple[list[Memory], bool]:
    found = without_edit(memories[place], edit)
    rest = [memory for number, memory in enumerate(memories) if number != place]
    if found is None or not found.edits:
        return rest, found is None
    return [*memories[:place], found, *memories[place + 1 :]], False
