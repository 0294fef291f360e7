"""Everything that can go wrong, as one tree.

::

    WisedbError
    ├── UsageError                 the call itself is wrong (exit code 2)
    │   ├── UnknownSetting         a --set key or value that no editor knows
    │   ├── UnknownEditor
    │   └── UnknownRemote          neither a configured remote nor an address of one
    ├── InputError                 a file or an edit that can't be taken
    │   ├── BadRecord              names file, record and field
    │   └── ConflictingEdits       one prompt, two targets, one commit
    ├── UnknownPreference          a key that nothing looks at, or one that isn't set
    ├── NoIdentity                 a commit, and nobody said whose
    ├── SigningFailed              no key, or a program that didn't sign or isn't there
    ├── NotSigned                  a signature is asked for, and there is none that counts
    ├── NothingToCommit
    ├── UnknownEdit                an edit id that the store (or the revision) doesn't hold
    ├── AmbiguousId                a prefix of several commits or edits
    ├── UnknownRevision
    ├── InvalidRefName
    ├── RefExists
    ├── NotMerged                  a branch whose commits no other ref leads to
    ├── RefMoved                   another writer landed first
    ├── MergeRefused               histories that have nothing in common, or went different ways
    ├── StoreError
    │   ├── NotAStore
    │   ├── StoreExists
    │   ├── UnsafeOwner            somebody else's store, found without being named
    │   ├── FormatTooNew           written by a newer wisedb
    │   │   └── UnknownKind        a kind of memory that this version doesn't know
    │   ├── CorruptObject          bytes that are not what their name says
    │   │   └── UnsafeFile         a link or a pipe in the place of a file of a store or a pack
    │   ├── MissingObject
    │   ├── StoreBusy              another process holds the lock
    │   ├── StoreNotWritable
    │   ├── NoSpace
    │   └── IndexUnusable          the index can't answer (only ``sql`` shows it; the others repair or bypass it)
    ├── ModelError
    │   ├── ModelNotFound
    │   ├── UnsupportedModel       no FFN projection that can be edited, or more than one
    │   └── BaseModelMismatch      the weights or the tokenizer are not those of ``init``
    ├── EditorError
    │   ├── NotLearned             a commit that is to hold only what was learned
    │   ├── TrainingFailed         a loss that is not a number, or tensors outside their mask
    │   ├── CannotBake             a memory that no weight can say
    │   └── TooCostly              a plain checkpoint that would leave too little of the base model as it was
    ├── SecretsFound               an edit that would be published holds a key or a token
    └── RemoteError                something about a pack elsewhere
        ├── RemoteNotFound         no such folder, bucket or repository
        ├── RemoteUnavailable      the network or the server fails
        ├── NotAuthorized          no token, a bad one, or one that may not do this
        ├── PushRejected           another push landed first, or this one would drop what is there
        └── Diverged               here and there went different ways, and only a fast-forward was asked for

Every error carries a ``kind`` (stable, for machines), a one-line message and a ``hint``: what to do about it.
What is no failure is a :class:`WisedbWarning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class WisedbWarning(UserWarning):
    """What is no failure, and what whoever asked should know all the same: one line, with what to do about it."""


class WisedbError(Exception):
    """The root of the tree.

    Attributes:
        kind: a stable word for machines, one a class.
        hint: what the user can do, one sentence, or the empty string.
        exit_code: what the command line exits with.
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def message(self) -> str:
        """The message in one line."""
        return " ".join(str(self).split())

    def to_json(self) -> dict[str, str]:
        """``{"kind", "message", "hint"}``, as the command line prints it under ``--json``."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint}


class UsageError(WisedbError):
    """The call itself is wrong."""

    kind = "usage"
    exit_code = 2


class UnknownSetting(UsageError):
    """A setting that the editor doesn't have, or a value that doesn't fit it."""

    kind = "unknown-setting"


class UnknownEditor(UsageError):
    """No editor of that name."""

    kind = "unknown-editor"


class UnknownRemote(UsageError):
    """Neither the name of a configured remote nor an address that one can be at."""

    kind = "unknown-remote"


class InputError(WisedbError):
    """A file or an edit that can't be taken."""

    kind = "input"


_MEND_RECORD = "Nothing was staged; mend the record and add the file again."
_MEND_RECORDS = "Nothing was staged; mend the records and add the file again, or leave them out: add --skip-bad."


class BadRecord(InputError):
    """A record of an input file that is not an edit.

    Attributes:
        file: the file, as the user named it.
        record: its number, from 1.
        field: the field at fault, or ``None`` where the whole record is.
        problem: what is wrong.
        others: the further bad records of the same reading.
    """

    kind = "bad-record"

    def __init__(
        self,
        file: str,
        record: int,
        field: str | None,
        problem: str,
        *,
        hint: str = "",
        others: Sequence[BadRecord] = (),
    ) -> None:
        where = f"{file}: record {record}" + (f", field '{field}'" if field else "")
        advice = hint or (_MEND_RECORDS if others else _MEND_RECORD)
        more = f" (and {len(others)} more bad record{'s' if len(others) > 1 else ''})" if others else ""
        super().__init__(f"{where}: {problem}{more}", hint=advice)
        self.file = file
        self.record = record
        self.field = field
        self.problem = problem
        self.others = tuple(others)

    def with_others(self, others: Sequence[BadRecord]) -> BadRecord:
        """The same, as the first of several."""
        if not others:
            return self
        given = "" if self.hint == _MEND_RECORD else self.hint
        return BadRecord(self.file, self.record, self.field, self.problem, hint=given, others=others)

    @property
    def all(self) -> tuple[BadRecord, ...]:
        """This record and the others."""
        return (self, *self.others)

    def details(self) -> dict[str, str | int | None]:
        """``{"file", "record", "field", "problem"}``, of this record alone."""
        return {"file": self.file, "record": self.record, "field": self.field, "problem": self.problem}


class ConflictingEdits(InputError):
    """One prompt with two targets in one commit."""

    kind = "conflicting-edits"


class UnknownPreference(WisedbError):
    """A key of the configuration that nothing looks at, or that isn't set."""

    kind = "unknown-key"


class NoIdentity(WisedbError):
    """A commit is to be made, and nobody said whose it is."""

    kind = "no-identity"

    def __init__(self) -> None:
        super().__init__(
            "a commit needs to say who makes it, and nobody did",
            hint='Tell once who you are: `wisedb config --global user.name "Your Name"` and `wisedb config --global'
            " user.email you@example.org`; or give --author for this commit.",
        )


class SigningFailed(WisedbError):
    """A signature couldn't be made, or the program that checks one isn't there."""

    kind = "signing-failed"


class NotSigned(WisedbError):
    """Commits or tags without a signature that counts, where one is asked for."""

    kind = "not-signed"


class NotMerged(WisedbError):
    """A branch that would be deleted holds commits that no other ref leads to."""

    kind = "not-merged"


class NothingToCommit(WisedbError):
    """Nothing is staged and no file was given."""

    kind = "nothing-to-commit"


class UnknownEdit(WisedbError):
    """An edit id that isn't there, or isn't in force at that revision."""

    kind = "unknown-edit"


class AmbiguousId(WisedbError):
    """A prefix that several commits or edits share."""

    kind = "ambiguous-id"


class UnknownRevision(WisedbError):
    """A revision that names nothing."""

    kind = "unknown-revision"


class InvalidRefName(UsageError):
    """A branch or tag name that git wouldn't take either."""

    kind = "invalid-ref-name"


class RefExists(WisedbError):
    """A branch or tag of that name is there already."""

    kind = "ref-exists"


class RefMoved(WisedbError):
    """The branch is no longer where this write began: another writer landed first."""

    kind = "ref-moved"


class MergeRefused(WisedbError):
    """Histories that can't be merged as asked: they have no common commit, or only a fast-forward was allowed."""

    kind = "merge-refused"


class StoreError(WisedbError):
    """Something about the store as a whole."""

    kind = "store"


class NotAStore(StoreError):
    """No ``.wisedb`` folder here or above."""

    kind = "not-a-store"


class StoreExists(StoreError):
    """``init`` where a store is."""

    kind = "store-exists"


class UnsafeOwner(StoreError):
    """A store of another user, which nobody said is to be trusted."""

    kind = "unsafe-owner"


class FormatTooNew(StoreError):
    """The store was written by a newer wisedb."""

    kind = "format-too-new"


class UnknownKind(FormatTooNew):
    """A kind of memory that this version doesn't know."""


class CorruptObject(StoreError):
    """Bytes that are not what their name says."""

    kind = "corrupt-object"


class UnsafeFile(CorruptObject):
    """A store or a pack holds something else than plain files and folders: a link, a pipe, a device."""

    kind = "unsafe-file"


class MissingObject(StoreError):
    """An object that the store should hold and doesn't."""

    kind = "missing-object"


class StoreBusy(StoreError):
    """Another process holds the store's lock."""

    kind = "store-busy"


class StoreNotWritable(StoreError):
    """The folder or the disk is read-only for this user."""

    kind = "store-not-writable"


class NoSpace(StoreError):
    """The disk is full."""

    kind = "no-space"


class IndexUnusable(StoreError):
    """The index can't answer; it is derived data, and ``wisedb reindex`` makes it anew."""

    kind = "index-unusable"


class ModelError(WisedbError):
    """Something about the base model."""

    kind = "model"


class ModelNotFound(ModelError):
    """No such model, here or on the Hub."""

    kind = "model-not-found"


class UnsupportedModel(ModelError):
    """No FFN value projection that can be edited, or no way to tell which."""

    kind = "unsupported-model"


class BaseModelMismatch(ModelError):
    """The model's fingerprint is not the one that the store was made for."""

    kind = "base-model-mismatch"


class EditorError(WisedbError):
    """Something about writing an edit into memory."""

    kind = "editor"


class NotLearned(EditorError):
    """Edits were not learned, and a commit of learned edits alone was asked for."""

    kind = "not-learned"


class TrainingFailed(EditorError):
    """A loss that is not a number, or a change outside the mask."""

    kind = "training-failed"


class CannotBake(EditorError):
    """A memory that can't become part of a weight."""

    kind = "cannot-bake"


class TooCostly(EditorError):
    """A plain checkpoint that would answer too much otherwise than the base model, and nobody insisted."""

    kind = "too-costly"


class SecretsFound(WisedbError):
    """An edit that would be published holds what looks like a key or a token."""

    kind = "secrets-found"


class RemoteError(WisedbError):
    """Something about a pack that is elsewhere. No message of these ever holds a credential."""

    kind = "remote"


class RemoteNotFound(RemoteError):
    """No such folder, bucket or repository, or none that this user may see."""

    kind = "remote-not-found"


class RemoteUnavailable(RemoteError):
    """The network or the server fails; trying again later may help."""

    kind = "remote-unavailable"


class NotAuthorized(RemoteError):
    """No token, a bad one, or one that may not do this."""

    kind = "not-authorized"


class PushRejected(RemoteError):
    """Another push landed first, or this one would drop what is there; the remote is as it was."""

    kind = "push-rejected"


class Diverged(RemoteError):
    """Here and there went different ways, and only a fast-forward was asked for; nothing has moved."""

    kind = "diverged"
