"""The edit: one correction of one fact, immutable, named by its content."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wisedb.canonical import canonical_json, digest
from wisedb.errors import ConflictingEdits, InputError
from wisedb.shown import shown_prompt


@dataclass(frozen=True)
class LocalityPrompt:
    """A prompt that measures an edit: an unrelated one whose answer it must not change, or one whose answer follows.

    Attributes:
        prompt: the prompt, without its answer.
        answer: what is expected there, where that is known. Locality itself is measured as agreement with the
            unedited model, so that the answer only says over which tokens.
    """

    prompt: str
    answer: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """``{"prompt", "answer"}``."""
        return {"prompt": self.prompt, "answer": self.answer}


ROLES = ("system", "user", "assistant")
"""Who says a message of a conversation."""


@dataclass(frozen=True)
class ChatMessage:
    """One message of a conversation.

    Attributes:
        role: one of :data:`ROLES`.
        content: what is said.
    """

    role: str
    content: str

    def to_json(self) -> dict[str, str]:
        """``{"role", "content"}``, as a chat template takes it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True)
class Edit:
    """One correction: at ``prompt`` the model shall answer ``target``.

    ``target`` is kept without white space around it: the tokenizer's word boundary is not part of a fact.

    Attributes:
        prompt: the prompt, without its answer.
        target: the new answer.
        subject: the thing that the prompt is about, as it stands in the prompt.
        ground_truth: what the unedited model (or the world) says.
        rephrases: other wordings of the prompt. They measure generalization and are never trained on.
        locality: unrelated prompts. They measure locality and are never trained on unless the editor is told to.
        source: where the correction comes from.
        reason: why it was made.
        tags: free labels.
        messages: the conversation before the prompt, which is then its next message of a user: the edit is taught as
            the reply to exactly that. Without it the prompt stands by itself.
        portability: questions whose answer follows from the edit, with that answer. They are kept beside it and never
            trained on.

    Raises:
        InputError: the prompt or the target is empty, or a field has the wrong type.
    """

    prompt: str
    target: str
    subject: str | None = None
    ground_truth: str | None = None
    rephrases: tuple[str, ...] = ()
    locality: tuple[LocalityPrompt, ...] = ()
    source: str | None = None
    reason: str | None = None
    tags: tuple[str, ...] = ()
    messages: tuple[ChatMessage, ...] = ()
    portability: tuple[LocalityPrompt, ...] = ()

    def __post_init__(self) -> None:
        for name in ("prompt", "target"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"an edit's {name} must be a text that is not empty", hint=f"Give the {name}.")
        object.__setattr__(self, "target", self.target.strip())
        for name in ("subject", "ground_truth", "source", "reason"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"an edit's {name} must be a text", hint=f"Give the {name} as text, or leave it out.")
        for name in ("rephrases", "tags"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for name in ("locality", "portability"):
            object.__setattr__(self, name, tuple(_question(name, item) for item in getattr(self, name)))
        object.__setattr__(self, "messages", _messages(self.messages))
        _refuse_halves(self)

    @cached_property
    def id(self) -> str:
        """The hash of the edit's whole content: 64 hexadecimal digits."""
        return digest(canonical_json(self.content()))

    @cached_property
    def key(self) -> str:
        """The prompt, normalised: two edits with the same key speak of the same fact."""
        return normalise_prompt(self.prompt)

    @cached_property
    def names_subject(self) -> bool:
        """Whether the subject stands in the prompt, whatever its case and Unicode form."""
        return bool(self.subject) and normalise_prompt(self.subject or "") in self.key

    @property
    def conversation(self) -> tuple[dict[str, str], ...]:
        """The messages, and the prompt as the last one of a user, as a chat template takes them."""
        return (*(message.to_json() for message in self.messages), {"role": "user", "content": self.prompt})

    @property
    def shown(self) -> str:
        """The prompt as people read it: behind its conversation."""
        return shown_prompt(self.content())

    def content(self) -> dict[str, Any]:
        """Every field as JSON values, without the id; ``messages`` and ``portability`` only where there are some."""
        more: dict[str, Any] = {}
        if self.messages:
            more["messages"] = [message.to_json() for message in self.messages]
        if self.portability:
            more["portability"] = [item.to_json() for item in self.portability]
        return {
            "prompt": self.prompt,
            "target": self.target,
            "subject": self.subject,
            "ground_truth": self.ground_truth,
            "rephrases": list(self.rephrases),
            "locality": [item.to_json() for item in self.locality],
            "source": self.source,
            "reason": self.reason,
            "tags": list(self.tags),
            **more,
        }

    def to_json(self) -> dict[str, Any]:
        """The edit as scripts see it: ``{"id", …content}``."""
        return {"id": self.id, **self.content()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Edit:
        """Read what :meth:`to_json` or :meth:`content` wrote.

        Raises:
            InputError: a field is missing, unknown or of the wrong type, or the id is not that of the content.
        """
        fields = dict(record)
        claimed = fields.pop("id", None)
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if unknown:
            raise InputError(f"an edit has no field '{sorted(unknown)[0]}'")
        fields = {name: value for name, value in fields.items() if value is not None}
        if missing := {"prompt", "target"} - set(fields):
            raise InputError(f"an edit needs the field '{sorted(missing)[0]}'")
        edit = cls(**fields)
        if claimed is not None and claimed != edit.id:
            raise InputError(f"edit {claimed[:12]} has another content than its id says")
        return edit


def normalise_prompt(prompt: str) -> str:
    """One spelling for prompts that differ only in Unicode form, case and white space."""
    # Canonical caseless matching as Unicode defines it (D145): decompose, fold, decompose again.
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", prompt).casefold())
    return " ".join(unicodedata.normalize("NFC", folded).split())


def distinct(edits: Iterable[Edit]) -> list[Edit]:
    """The edits in their order, each once.

    Raises:
        ConflictingEdits: two of them give one prompt two targets, or two conversations before it; the message names
            both.
    """
    by_key: dict[str, Edit] = {}
    kept: dict[str, Edit] = {}
    for edit in edits:
        other = by_key.setdefault(edit.key, edit)
        if other.target != edit.target:
            raise ConflictingEdits(
                f"the prompt {edit.prompt!r} has two targets in one commit: {other.target!r} and {edit.target!r}",
                hint="Keep one of them, or make two commits: the newer one is then in force.",
            )
        if other.messages != edit.messages:
            raise ConflictingEdits(
                f"the prompt {edit.prompt!r} stands behind two conversations in one commit: {other.shown!r} and "
                f"{edit.shown!r}",
                hint="They are one fact, told apart by the prompt: keep one of them.",
            )
        if other is edit:
            kept[edit.id] = edit
    return list(kept.values())


def _refuse_halves(edit: Edit) -> None:
    """Refuse half a letter (a lone surrogate): JSON can spell it, and no file can hold it."""
    asked = [text for item in (*edit.locality, *edit.portability) for text in (item.prompt, item.answer)]
    more = [edit.subject, edit.ground_truth, edit.source, edit.reason, *asked]
    said = [message.content for message in edit.messages]
    texts = [edit.prompt, edit.target, *edit.rephrases, *edit.tags, *said, *(text for text in more if text)]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "a text of the edit holds half of a surrogate pair, which is no character",
            hint="Write the text in UTF-8.",
        ) from error


def _texts(name: str, value: Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise InputError(f"an edit's {name} must be a list of texts")
    return tuple(value)


def _question(field: str, item: LocalityPrompt | Mapping[str, Any]) -> LocalityPrompt:
    if isinstance(item, LocalityPrompt):
        return item
    if not isinstance(item, Mapping) or not isinstance(item.get("prompt"), str):
        raise InputError(f"an edit's {field} must be a list of {{prompt, answer}}")
    answer = item.get("answer")
    if answer is not None and not isinstance(answer, str):
        raise InputError(f"the answer of a {field} prompt must be a text")
    return LocalityPrompt(item["prompt"], answer)


def _messages(value: Sequence[Any]) -> tuple[ChatMessage, ...]:
    if not isinstance(value, (list, tuple)):
        raise InputError("an edit's messages must be a list of {role, content}")
    found = tuple(_message(item) for item in value)
    if any(message.role == "system" for message in found[1:]):
        raise InputError("a system message must be the first of an edit's messages")
    return found


def _message(item: ChatMessage | Mapping[str, Any]) -> ChatMessage:
    record = item.to_json() if isinstance(item, ChatMessage) else item
    if not isinstance(record, Mapping) or set(record) != {"role", "content"}:
        raise InputError("an edit's messages must be a list of {role, content}")
    role, content = record["role"], record["content"]
    if role not in ROLES:
        raise InputError(f"a message's role can't be {role!r}", hint=f"It is one of: {', '.join(ROLES)}.")
    if not isinstance(content, str) or not content.strip():
        raise InputError("a message's content must be a text that is not empty", hint="Leave the message out.")
    return ChatMessage(role, content)
