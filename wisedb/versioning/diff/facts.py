"""What differs between two commits: facts always, tensors and answers where they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
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
    """

    from_: str
    to: str
    added: tuple[Edit, ...]
    removed: tuple[Edit, ...]
    changed: tuple[tuple[str, Edit, Edit], ...]
    tensors: TensorDiff | None = None
    behaviour: tuple[Answered, ...] | None = None

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


def with_tensors(found: Diff, tensors: TensorDiff) -> Diff:
    """The same, with the memories' difference."""
    return replace(found, tensors=tensors)


def with_answers(found: Diff, behaviour: tuple[Answered, ...]) -> Diff:
    """The same, with the answers."""
    return replace(found, behaviour=behaviour)
