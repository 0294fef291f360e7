"""Why the model answers a prompt as it does at a commit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.memory.slots import BASE
from wisedb.model.chat import template_digest
from wisedb.serving.asked import Chat
from wisedb.serving.assemble import attached_at_commit, check_mode
from wisedb.serving.generate import continue_prompts
from wisedb.serving.switch_off import Without, ask_without
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.progress import Listener
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class MemoryScore:
    """One memory's say in an answer.

    Attributes:
        id: the memory.
        activation: what the router that decides says of it: Δ_act, or the log odds that the prompt means one of its
            edits.
        threshold: what that must reach for it to answer.
        scores: what each router says of it, by the router's name.
    """

    id: str
    activation: float
    threshold: float
    scores: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "id": self.id,
            "activation": self.activation,
            "threshold": self.threshold,
            "scores": dict(self.scores),
        }


@dataclass(frozen=True, slots=True)
class HeardSentence:
    """A sentence of a user's message that asks for an edit.

    Attributes:
        text: as it was read: a pronoun is its subject there.
        edit: the edit's id.
    """

    text: str
    edit: str

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"text": self.text, "edit": self.edit}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the model answers so.

    Attributes:
        prompt: the prompt.
        routed: whether a memory answered.
        memory: which one, ``None`` for the base.
        router: who decides: ``keys``, ``activation`` or ``both``; ``None`` where there is no memory.
        meant: the edit that the prompt means most by the keys, whether or not its memory answers.
        memories: all memories, the most activated first.
        nearest: (edit, score) of edits in force whose wording is nearest, best first; score 0 to 1.
        answer: what the model says at the commit.
        base_answer: what the unedited model says.
        always_on: the memories that answer every prompt.
        heard: in a chat, the sentences of the message that ask for edits, in their order; ``None`` elsewhere.
        facts: the edits whose facts were put into the context; ``None`` where none ever are.
        without: what is said with an edit switched off, ``None`` where none was named.
    """

    prompt: str
    routed: bool
    memory: str | None
    router: str | None
    meant: str | None
    memories: tuple[MemoryScore, ...]
    nearest: tuple[tuple[Edit, float], ...]
    answer: str
    base_answer: str
    always_on: tuple[str, ...] = ()
    heard: tuple[HeardSentence, ...] | None = None
    facts: tuple[Edit, ...] | None = None
    without: Without | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb explain --json`` prints it.

        ``heard`` in a chat, ``facts`` where some may go into the context, ``without`` where an edit was switched off.
        """
        facts = {} if self.facts is None else {"facts": [edit.to_json() for edit in self.facts]}
        without = {} if self.without is None else {"without": self.without.to_json()}
        heard = {} if self.heard is None else {"heard": [sentence.to_json() for sentence in self.heard]}
        return {
            "prompt": self.prompt,
            "routed": self.routed,
            "memory": self.memory,
            "router": self.router,
            "meant": self.meant,
            "memories": [memory.to_json() for memory in self.memories],
            "nearest": [{"edit": edit.to_json(), "score": score} for edit, score in self.nearest],
            "answer": self.answer,
            "base_answer": self.base_answer,
            "always_on": list(self.always_on),
            **heard,
            **facts,
            **without,
        }


def explain(
    store: Store,
    base: LoadedBase,
    prompt: str,
    at: str = "HEAD",
    mode: str = "retrieve",
    *,
    max_new_tokens: int = 20,
    chat: Chat | None = None,
    progress: Listener | None = None,
    without: str | None = None,
) -> Explanation:
    """Answer a prompt at a commit, and say which memory did, against what threshold.

    Args:
        store: the store.
        base: its base model, verified; it is left as it was.
        prompt: the prompt.
        at: the commit.
        mode: how the memories answer.
        max_new_tokens: the longest answer.
        chat: the prompt is a user's message behind the chat template; ``None`` to continue it as it is.
        progress: is told how far a merge is that must be fitted first.
        without: the id of an edit, or a prefix of it: also ask with that edit switched off, and with another one.

    Raises:
        UnknownRevision: no such commit.
        UnknownEdit, AmbiguousId: ``without`` names no edit in force, or several.
        InputError: the prompt is empty or too long.
        UsageError: no such mode, or a chat or a system message that the tokenizer has no template for.
    """
    chosen = check_mode(mode)
    commit_id = store.resolve(at)
    off = None
    if without is not None:
        off = ask_without(store, base, prompt, without, commit_id, chosen, max_new_tokens=max_new_tokens, chat=chat)
    (plain,) = continue_prompts(base.model, base.tokenizer, [prompt], max_new_tokens=max_new_tokens, chat=chat)
    with attached_at_commit(store, base, store.objects.commit(commit_id), chosen, progress=progress) as handle:
        with nullcontext() if handle is None or not handle.memories else handle.record(every=True) as record:
            (said,) = continue_prompts(
                base.model, base.tokenizer, [prompt], max_new_tokens=max_new_tokens, handle=handle, chat=chat
            )
        memories = () if handle is None else tuple(handle.memories)
        thresholds = () if handle is None else handle.thresholds
        router = None if handle is None else handle.router
        always = () if handle is None else tuple(memory.id for memory in handle.always_on)
    scores = {} if record is None else {name: values[0].tolist() for name, values in record.scores.items()}
    firings = [
        MemoryScore(memory.id, activation, threshold, _finite({name: values[place] for name, values in scores.items()}))
        for place, (memory, activation, threshold) in enumerate(
            zip(memories, said.activations, thresholds, strict=True)
        )
    ]
    listed = [edit_id for memory in memories for edit_id in memory.edits]
    meant = None if record is None or record.best is None else listed[int(record.best[0])]
    asked = () if record is None else record.meant[0]
    heard = tuple(HeardSentence(base.tokenizer.decode(one.heard).strip(), listed[one.edit]) for one in asked)
    told = None
    if handle is not None and handle.puts_facts:
        wanted = [listed[edit] for edit in said.facts]
        told = tuple(history.edits_of(store, wanted))
    found = history.blame(store, prompt, commit_id)
    nearest = {edit.id: (edit, float(score)) for edit, _, score in found.candidates}
    if found.edit is not None:
        # The edit of this very prompt is nearest of all, whatever the text search thinks of it.
        nearest = {
            found.edit.id: (found.edit, 1.0),
            **{key: value for key, value in nearest.items() if key != found.edit.id},
        }
    return Explanation(
        prompt,
        said.route != BASE,
        memories[said.route].id if said.route != BASE else None,
        router,
        meant,
        tuple(sorted(firings, key=lambda firing: -firing.activation)),
        tuple(sorted(nearest.values(), key=lambda pair: -pair[1])),
        said.text,
        plain.text,
        always,
        None if chat is None else heard,
        told,
        off,
    )


def answering_edit(store: Store, base: LoadedBase, prompt: str, at: str = "HEAD") -> str | None:
    """The id of the edit that answers ``prompt`` at a commit, ``None`` where the base model does.

    A prompt that no memory answers as it stands is asked in a chat too, where the model has a chat template.

    Raises:
        UnknownRevision: no such commit.
        InputError: the prompt is empty or too long.
    """
    ways = [None] if template_digest(base.tokenizer) is None else [None, Chat(None)]
    for chat in ways:
        found = explain(store, base, prompt, at, max_new_tokens=1, chat=chat)
        if found.heard:
            return found.heard[0].edit
        if found.routed and found.meant is not None:
            return found.meant
    return None


def _finite(scores: Mapping[str, float]) -> dict[str, float]:
    # A gate that isn't asked about a memory says −∞ of it, which is no JSON.
    return {name: value for name, value in scores.items() if isfinite(value)}
