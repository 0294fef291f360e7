"""Which edit stands behind the answer to a prompt. No torch: ``blame`` answers at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.edits import Edit
from wisedb.store import history

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class BlameResult:
    """Which edit stands behind the answer to a prompt.

    Attributes:
        prompt: the prompt.
        edit: the edit in force for it, ``None`` where there is none.
        commit: the commit that brought it into force.
        author: who committed it.
        date: when.
        candidates: (edit, commit, score) of edits in force that look alike, best first; score 0 to 1.
        was: the edit that was in force for the prompt before that commit, ``None`` where there was none.
        asked: whether it was the model that said which edit answers; else the prompt is the edit's own, or one of its
            rephrases.
    """

    prompt: str
    edit: Edit | None
    commit: str | None
    author: str | None
    date: str | None
    candidates: tuple[tuple[Edit, str, float], ...]
    was: Edit | None = None
    asked: bool = False

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb blame --json`` prints it."""
        return {
            "prompt": self.prompt,
            "edit": None if self.edit is None else self.edit.to_json(),
            "commit": self.commit,
            "author": self.author,
            "date": self.date,
            "reason": None if self.edit is None else self.edit.reason,
            "source": None if self.edit is None else self.edit.source,
            "was": None if self.was is None else self.was.target,
            "ground_truth": None if self.edit is None else self.edit.ground_truth,
            "asked_model": self.asked,
            "candidates": [
                {"edit": edit.to_json(), "commit": commit, "score": score} for edit, commit, score in self.candidates
            ],
        }


def blame(store: Store, prompt: str, at: str = "HEAD") -> BlameResult:
    """Which edit stands behind the answer to ``prompt`` at ``at``, and which look alike."""
    found = history.blame(store, prompt, at)
    record = None if found.commit is None else store.objects.commit(found.commit)
    return BlameResult(
        prompt,
        found.edit,
        found.commit,
        None if record is None else record.author,
        None if record is None else record.date,
        tuple((edit, commit, score) for edit, commit, score in found.candidates),
        None if record is None or found.edit is None else _was(store, record, found.edit),
    )


def blame_edit(store: Store, prompt: str, edit_id: str, at: str = "HEAD") -> BlameResult:
    """The same where the model has said which edit answers ``prompt``; the others look like the prompt."""
    alike = blame(store, prompt, at)
    found = blame(store, history.edit(store, edit_id).prompt, at)
    others = tuple(each for each in alike.candidates if found.edit is None or each[0].id != found.edit.id)
    return replace(found, prompt=prompt, candidates=others, asked=True)


def _was(store: Store, record: Commit, edit: Edit) -> Edit | None:
    """The edit of the same prompt that a commit put out of force."""
    return next((other for other in history.edits_of(store, record.reverted) if other.key == edit.key), None)
