"""The conversations in which a chat model's edit is learned: how users come to ask a question."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from wisedb.edits import Edit
from wisedb.memory.gates.keys.build import as_sentence
from wisedb.model.chat import Message, user

# In English whatever the model speaks: what stands around a question is not what is learned. Set by hand.
_SYSTEMS = ("You are a helpful assistant.", "Answer in one short sentence.", "You are a careful expert.")
_EARLIER = (("Thanks for your help.", "You're welcome!"), ("Hello!", "Hello! How can I help you today?"))

# How many of the first kind, and how many other wordings: each costs a forward pass. Set by hand.
_SURROUNDED, _WORDED = 4, 3


def conversations(
    prompt: str, others: Sequence[str], texts: Sequence[str], chooser: Random, *, system: bool = True
) -> tuple[tuple[Message, ...], ...]:
    """Conversations that end with a question.

    By itself, behind the template's own system message, first; then some of these: behind other system messages, as a
    later question, inside longer messages. A few other wordings of it come last.

    Args:
        prompt: the question.
        others: other wordings of it.
        texts: unrelated sentences.
        chooser: which of them are taken.
        system: whether the template takes a system message.
    """
    found: list[tuple[Message, ...]] = [(_system(text), user(prompt)) for text in _SYSTEMS if system]
    found += [(user(said), _assistant(reply), user(prompt)) for said, reply in _EARLIER]
    if texts:
        before, behind = chooser.choice(texts), chooser.choice(texts)
        found += [(user(f"{before} {prompt}"),), (user(f"{prompt} {behind}"),), (user(f"{before} {prompt} {behind}"),)]
    some = chooser.sample(found, min(len(found), _SURROUNDED))
    worded = [(user(other),) for other in chooser.sample(list(others), min(len(others), _WORDED))]
    return ((user(prompt),), *some, *worded)


def pair(one: Edit, other: Edit) -> tuple[Message, ...]:
    """Two edits asked in one message, with the reply that says both."""
    second = other.prompt[:1].lower() + other.prompt[1:] if other.prompt[1:2].islower() else other.prompt
    said = f"{as_sentence(one.target)} {as_sentence(other.target)}"
    return user(f"{one.prompt} And {second}"), _assistant(said)


def _system(content: str) -> Message:
    return {"role": "system", "content": content}


def _assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}
