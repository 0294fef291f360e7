"""What differs between two commits: facts always, tensors and answers where they are asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit, normalise_prompt
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.store.store import Store
    from wisedb.versioning.diff.answers import Answered
    from wisedb.versioning.diff.tensors import TensorDiff


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two commits.

    Attributes:
        from_: the commit looked from.
        to: the commit looked at.
        added: edits of prompts that have one only in ``to``.
        removed: edits of prompts that have one only in ``from_``.
        changed: (prompt, edit in ``from_``, edit in ``to``) where both have one and they differ.
        tensors: the memories' difference, if it was asked for.
        behaviour: what the model answers, if it was asked for.
        staged: whether ``to`` is meant with what is staged on top.
    """

    from_: str
    to: str
    added: tuple[Edit, ...]
    removed: tuple[Edit, ...]
    changed: tuple[tuple[str, Edit, Edit], ...]
    tensors: TensorDiff | None = None
    behaviour: tuple[Answered, ...] | None = None
    staged: bool = False

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts of all facts that differ."""
        edits = (*self.added, *self.removed, *(after for _, _, after in self.changed))
        return tuple(dict.fromkeys(edit.prompt for edit in edits))

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb diff --json`` prints it."""
        record: dict[str, Any] = {
            "from": self.from_,
            "to": self.to,
            "added": [edit.to_json() for edit in self.added],
            "removed": [edit.to_json() for edit in self.removed],
            "changed": [
                {"prompt": prompt, "from": before.to_json(), "to": after.to_json()}
                for prompt, before, after in self.changed
            ],
        }
        if self.staged:
            record["staged"] = True
        if self.tensors is not None:
            record["tensors"] = self.tensors.to_json()
        if self.behaviour is not None:
            record["behaviour"] = [answer.to_json() for answer in self.behaviour]
        return record


def diff(store: Store, a: str, b: str = "HEAD") -> Diff:
    """The facts that differ between two commits.

    Raises:
        UnknownRevision: one of them is none.
    """
    from_, to = store.resolve(a), store.resolve(b)
    found = history.diff(store, from_, to)
    return Diff(from_, to, tuple(found.added), tuple(found.removed), tuple(found.changed))


def diff_staged(store: Store, a: str = "HEAD") -> Diff:
    """The facts that would differ from ``a`` if what is staged were committed now.

    Raises:
        UnknownRevision: there is no such commit.
        CorruptObject: what is staged can't be read.
    """
    from_, to = store.resolve(a), store.resolve("HEAD")
    staged = {edit.key: edit for edit in store.staging.edits()}
    if not staged:
        return diff(store, from_, to)
    before = {edit.key: edit for edit in history.facts(store, from_)}
    now = before if from_ == to else {edit.key: edit for edit in history.facts(store, to)}
    after = {**now, **staged}
    return Diff(
        from_,
        to,
        added=tuple(edit for key, edit in after.items() if key not in before),
        removed=tuple(edit for key, edit in before.items() if key not in after),
        changed=tuple(
            (edit.prompt, before[key], edit) for key, edit in after.items() if key in before and before[key] != edit
        ),
        staged=True,
    )


def about(found: Diff, subjects: Sequence[str]) -> Diff:
    """Of a difference what concerns some things: facts whose subject is one, or whose prompt names one."""
    names = "|".join(re.escape(normalise_prompt(subject)) for subject in subjects)
    named = re.compile(rf"(?<!\w)({names})(?!\w)")

    def keep(edit: Edit) -> bool:
        return any(named.search(normalise_prompt(text)) for text in (edit.prompt, edit.subject or ""))

    return replace(
        found,
        added=tuple(edit for edit in found.added if keep(edit)),
        removed=tuple(edit for edit in found.removed if keep(edit)),
        changed=tuple(each for each in found.changed if keep(each[1]) or keep(each[2])),
    )


def with_tensors(found: Diff, tensors: TensorDiff) -> Diff:
    """The same, with the memories' difference."""
    return replace(found, tensors=tensors)


def with_answers(found: Diff, behaviour: tuple[Answered, ...]) -> Diff:
    """The same, with the answers."""
    return replace(found, behaviour=behaviour)
