"""What the Hub keeps: repositories with immutable commits, trees of files, and refs that move.

Ids are the ones git would give: SHA-1 of blob, tree and commit objects. The clock is a counter, so that a test that
does the same things twice meets the same ids.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from tests.hub.gitattributes import DEFAULT_ATTRIBUTES
from tests.hub.wire import HubError

HEADS, TAGS, PULLS = "refs/heads/", "refs/tags/", "refs/pr/"
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def git_id(kind: Literal["blob", "tree", "commit"], content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class File:
    """One file of a tree: regular, with its bytes, or an LFS pointer to bytes in the object storage.

    Attributes:
        size: of the content, not of the pointer.
        content: the bytes; None for an LFS file.
        sha256: of the content of an LFS file; None for a regular one.
        xet: the Xet hash of the same content, where it came through Xet.
    """

    size: int
    content: bytes | None = None
    sha256: str | None = None
    xet: str | None = None

    @property
    def git_blob(self) -> bytes:
        """What git keeps: the content, or the text of the pointer."""
        if self.content is not None:
            return self.content
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def oid(self) -> str:
        return git_id("blob", self.git_blob)

    @property
    def etag(self) -> str:
        """The SHA-256 of an LFS file, the git id of a regular one: the name in the client's cache."""
        return self.sha256 or self.oid


Tree = Mapping[str, File]


def regular(content: bytes) -> File:
    return File(len(content), content)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, with the whole tree."""

    oid: str
    parent: str | None
    tree: Tree
    title: str
    message: str
    author: str
    date: str


def tree_id(tree: Tree) -> str:
    """The git id of a (sub)tree given by the paths below it."""
    return git_id("tree", b"".join(entry for _, entry in sorted(_tree_entries(tree))))


def _tree_entries(tree: Tree) -> Iterator[tuple[bytes, bytes]]:
    for name, below in children(tree).items():
        mode, oid = ("100644", below.oid) if isinstance(below, File) else ("40000", tree_id(below))
        # git sorts a folder as if its name ended with a slash
        order = name.encode() + (b"" if isinstance(below, File) else b"/")
        yield order, f"{mode} {name}\0".encode() + bytes.fromhex(oid)


def children(tree: Tree) -> dict[str, File | dict[str, File]]:
    """Names at the top of a tree → the file, or the tree of the folder."""
    found: dict[str, File | dict[str, File]] = {}
    for path, file in tree.items():
        name, slash, rest = path.partition("/")
        if not slash:
            found[name] = file
        else:
            folder = found.setdefault(name, {})
            assert isinstance(folder, dict), f"{name} is a file and a folder"
            folder[rest] = file
    return found


def subtree(tree: Tree, folder: str) -> dict[str, File]:
    prefix = folder.rstrip("/") + "/" if folder else ""
    return {path.removeprefix(prefix): file for path, file in tree.items() if path.startswith(prefix)}


@dataclass(slots=True)
class PullRequest:
    """A pull request; its commits are on ``refs/pr/<number>``, ``base`` is where they began."""

    number: int
    title: str
    author: str
    base: str
    date: str
    status: Literal["draft", "open", "closed", "merged"] = "open"
    merge_commit: str | None = None


@dataclass(slots=True)
class Repository:
    """One model repository.

    Attributes:
        id: ``namespace/name``.
        refs: ``refs/heads/…``, ``refs/tags/…`` and ``refs/pr/…`` → commit id.
        objects: SHA-256 of every LFS object this repository has.
        granted: names of users who may read a gated repository although they aren't members of the namespace.
    """

    id: str
    private: bool = False
    gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)
    pulls: dict[int, PullRequest] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.id.partition("/")[0]

    def now(self) -> str:
        """A clock that ticks once a commit."""
        return (_EPOCH + timedelta(seconds=len(self.commits))).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def commit(self, tree: Tree, parent: str | None, author: str, title: str, message: str = "") -> Commit:
        """Write a commit. No ref moves."""
        date = self.now()
        lines = [f"tree {tree_id(tree)}", *([f"parent {parent}"] if parent else []), f"author {author} {date}"]
        oid = git_id("commit", "\n".join([*lines, "", title, "", message]).encode())
        made = Commit(oid, parent, dict(sorted(tree.items())), title, message, author, date)
        self.commits[oid] = made
        return made

    def find(self, revision: str) -> Commit:
        """The commit a branch, a tag, a full ref or a commit id (7 characters or more) names: 404 otherwise."""
        for name in (revision, HEADS + revision, TAGS + revision):
            if name in self.refs:
                return self.commits[self.refs[name]]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            found = [commit for oid, commit in self.commits.items() if oid.startswith(revision)]
            if len(found) == 1:
                return found[0]
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def history(self, revision: str) -> Iterator[Commit]:
        commit: Commit | None = self.find(revision)
        while commit is not None:
            yield commit
            commit = self.commits[commit.parent] if commit.parent else None

    def writable_ref(self, revision: str) -> str:
        """The ref a commit onto ``revision`` moves: an existing branch or pull request."""
        for name in (revision, HEADS + revision):
            if name in self.refs and name.startswith((HEADS, PULLS)):
                return name
        if TAGS + revision in self.refs or revision in self.commits:
            raise HubError(400, f"Cannot commit on {revision}: not a branch")
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


class Repositories:
    """Repositories by id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Repository] = {}

    def __contains__(self, repo_id: str) -> bool:
        return repo_id in self._by_id

    def __getitem__(self, repo_id: str) -> Repository:
        return self._by_id[repo_id]

    def get(self, repo_id: str) -> Repository | None:
        return self._by_id.get(repo_id)

    def create(self, repo_id: str, author: str, *, private: bool = False, gated: bool = False) -> Repository:
        """A repository as the Hub makes it: one commit on ``main`` that holds ``.gitattributes``."""
        repository = Repository(repo_id, private=private, gated=gated)
        first = repository.commit(
            {".gitattributes": regular(DEFAULT_ATTRIBUTES.encode())}, None, author, "initial commit"
        )
        repository.refs[HEADS + "main"] = first.oid
        self._by_id[repo_id] = repository
        return repository

    def delete(self, repo_id: str) -> None:
        del self._by_id[repo_id]
