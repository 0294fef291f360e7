"""What a model says at a commit: an answer, with the ids of the memories and edits behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from wisedb.memory.slots import BASE
from wisedb.serving.generate import Continuation

if TYPE_CHECKING:
    from wisedb.memory.hooks import AttachedMemories


class Span(NamedTuple):
    """A stretch of a reply in which a memory answered.

    Attributes:
        edit: the id of the edit that was meant.
        start: the stretch's first character.
        end: the one behind its last.
    """

    edit: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Generation:
    """What the model says at a commit.

    Attributes:
        prompt: the prompt.
        text: the continuation only.
        routed: whether a memory answered.
        memory: which one, ``None`` for the base.
        activation: what the router says of the answering memory (Δ_act, or the keys' log odds), or the largest of all
            where the base answered.
        threshold: what that was held against.
        always_on: the memories that answer every prompt; the base model with them is what answers where none is routed.
        spans: in a chat, the stretches of the text in which a memory answered; ``None`` elsewhere.
        facts: the ids of the edits whose facts were put into the context; ``None`` where none ever are.
    """

    prompt: str
    text: str
    routed: bool
    memory: str | None
    activation: float | None
    threshold: float | None
    always_on: tuple[str, ...] = ()
    spans: tuple[Span, ...] | None = None
    facts: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields; the spans in a chat, and the facts where some may be put into the context."""
        apart = ("spans", "facts")
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in apart}
        spans = {} if self.spans is None else {"spans": [span._asdict() for span in self.spans]}
        facts = {} if self.facts is None else {"facts": list(self.facts)}
        return {**fields, "always_on": list(self.always_on), **spans, **facts}


def generations(
    prompts: Sequence[str], answers: Sequence[Continuation], handle: AttachedMemories | None, *, chat: bool = False
) -> list[Generation]:
    """Join prompts and their continuations, and name the memories and edits by their ids."""
    edits = [] if handle is None else [edit for memory in handle.memories for edit in memory.edits]
    memories = () if handle is None else handle.memories
    thresholds = () if handle is None else handle.thresholds
    always_on = () if handle is None else tuple(memory.id for memory in handle.always_on)
    found = []
    for prompt, answer in zip(prompts, answers, strict=True):
        place = answer.route
        if place == BASE and answer.activations:
            place = max(range(len(answer.activations)), key=answer.activations.__getitem__)
        # A gate that isn't asked about a memory says −∞ of it, which is no JSON.
        shown = place != BASE and bool(memories) and isfinite(answer.activations[place] if answer.activations else 0)
        spans = tuple(Span(edits[edit], start, end) for edit, start, end in answer.said)
        found.append(
            Generation(
                prompt,
                answer.text,
                answer.route != BASE,
                memories[answer.route].id if answer.route != BASE else None,
                answer.activations[place] if shown and answer.activations else None,
                thresholds[place] if shown else None,
                always_on,
                spans if chat else None,
                tuple(edits[edit] for edit in answer.facts) if handle is not None and handle.puts_facts else None,
            )
        )
    return found
