"""The signatures of commits and tags, checked against whom one trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wisedb.errors import UnknownRevision
from wisedb.signing.signer import verify
from wisedb.signing.verdict import UNSIGNED, Trust, Verdict
from wisedb.store.refnames import TAGS

if TYPE_CHECKING:
    from wisedb.store.commits import Commit
    from wisedb.store.store import Store


@dataclass(frozen=True, slots=True)
class Checked:
    """One object's signature.

    Attributes:
        object: the commit's id, or the tag's full name.
        commit: the commit that is vouched for.
        verdict: what its signature is worth.
        who: whom the object itself names: the author of the commit, or the tagger.
    """

    object: str
    commit: str
    verdict: Verdict
    who: str | None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb verify-commit --json`` prints it."""
        return {"object": self.object, "commit": self.commit, **self.verdict.to_json(), "who": self.who}


def check_commit(commit_id: str, commit: Commit, trust: Trust) -> Checked:
    """Check the signature of one commit.

    Raises:
        SigningFailed: the program that checks isn't there.
    """
    signature = commit.signature
    verdict = UNSIGNED if signature is None else verify(commit.unsigned, signature, trust, commit.date)
    return Checked(commit_id, commit_id, verdict, commit.author)


def check_tag(store: Store, name: str, trust: Trust) -> Checked:
    """Check the signature of one tag, and that the tag still stands where it was signed.

    Raises:
        UnknownRevision: there is no such tag.
        SigningFailed: the program that checks isn't there.
    """
    commit = store.refs.read(TAGS + name)
    if commit is None:
        raise UnknownRevision(f"there is no tag '{name}'", hint="`wisedb tag` lists the tags.")
    note = store.tag_notes.read(name)
    if note is None or note.signature is None:
        return Checked(TAGS + name, commit, UNSIGNED, None if note is None else note.tagger)
    if note.commit != commit:
        moved = Verdict(True, False, detail=f"it was signed for commit {note.commit[:12]}, and the tag has moved since")
        return Checked(TAGS + name, commit, moved, note.tagger)
    return Checked(TAGS + name, commit, verify(note.payload(name), note.signature, trust, note.date), note.tagger)
