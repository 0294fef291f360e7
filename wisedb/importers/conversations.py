"""A conversation as OpenAI's fine-tuning has it: its last question and answer are an edit, the rest stands before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wisedb.edits import ROLES
from wisedb.importers.fields import FieldProblem

_FIELD = "messages"


@dataclass(frozen=True, slots=True)
class Taught:
    """What a conversation teaches.

    Attributes:
        prompt: the last message of the user.
        target: the assistant's answer to it.
        before: the messages before both, as JSON records.
    """

    prompt: str
    target: str
    before: tuple[dict[str, str], ...]


def conversation(messages: Any) -> Taught:
    """Read the value of ``messages``.

    Raises:
        FieldProblem: it is no list of messages, or doesn't end with a user's message and the assistant's answer; a
            message has no text, another role, a tool call, or a field that an edit doesn't keep.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise FieldProblem(_FIELD, "must be a list of messages {role, content}")
    found = [_message(message, number) for number, message in enumerate(messages, 1)]
    roles = [message["role"] for message in found]
    if "user" not in roles:
        raise FieldProblem(_FIELD, "has no message of the user: what is asked is the edit's prompt")
    if roles[-1] != "assistant":
        raise FieldProblem(_FIELD, f"ends with the {roles[-1]}'s message, not with the assistant's answer")
    if roles[-2] != "user":
        raise FieldProblem(_FIELD, f"has the {roles[-2]}'s message, not the user's, before the last answer")
    if messages[-1].get("weight") == 0:
        raise FieldProblem(_FIELD, "gives the last answer the weight 0: there is nothing to teach")
    return Taught(found[-2]["content"], found[-1]["content"], tuple(found[:-2]))


def _message(message: Any, number: int) -> dict[str, str]:
    if not isinstance(message, Mapping):
        raise FieldProblem(_FIELD, f"message {number} is no object {{role, content}}")
    # Clients write down what isn't there as null.
    given = {name: value for name, value in message.items() if value is not None}
    role = given.get("role")
    if {"tool_calls", "function_call", "tool_call_id"} & given.keys() or role in ("tool", "function"):
        raise FieldProblem(_FIELD, f"message {number} calls a tool or is its answer, which can't be taught")
    if role not in ROLES:
        raise FieldProblem(_FIELD, f"message {number} has the role {role!r}, which is none of {', '.join(ROLES)}")
    # Whether earlier answers are trained too is another trainer's business: here only the last one is taught.
    if more := sorted(set(given) - {"role", "content", "weight"}):
        raise FieldProblem(_FIELD, f"message {number} has '{more[0]}', which an edit doesn't keep: leave it out")
    content = _text(given.get("content"), number)
    if not content.strip():
        raise FieldProblem(_FIELD, f"message {number} has no text: leave it out")
    return {"role": role, "content": content}


def _text(content: Any, number: int) -> str:
    """A message's text; a list of parts is joined as it stands."""
    if isinstance(content, Sequence) and not isinstance(content, str):
        texts = [part.get("text") if _is_text(part) else None for part in content]
    else:
        texts = ["" if content is None else content]
    if not all(isinstance(text, str) for text in texts):
        raise FieldProblem(_FIELD, f"message {number} has a part that is no text, such as an image or a sound")
    text = "".join(str(each) for each in texts)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FieldProblem(_FIELD, f"message {number} holds half of a surrogate pair, which is no character") from error
    return text


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type", "text") == "text"
