"""One publication on the Hub: files first, then one commit, guarded by the one that it was computed from."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RevisionNotFoundError

from wisedb.errors import PushRejected, RemoteNotFound, RemoteUnavailable, UsageError, WisedbError
from wisedb.progress import Listener, Progress
from wisedb.sharing.manifest import CARD, MANIFEST
from wisedb.sharing.remotes.hub_errors import CAUGHT, PULL, HubRepository, hub_errors, is_open, status_of, translated
from wisedb.sharing.remotes.hub_files import HubFiles
from wisedb.sharing.remotes.hub_listing import DEFAULT, Listing, listing
from wisedb.sharing.remotes.protocol import Publication, Published
from wisedb.store.refnames import BRANCHES, TAGS

_T = TypeVar("_T")

THREADS: Final = 8
"""Files that are sent at a time."""

_TOGETHER: Final = 100
"""Files of one request to send; about what the Hub advises."""

_ASKED: Final = 500
"""Paths of one question; the Hub takes 1000."""

_PATIENCE: Final = (0.0, 1.0, 3.0)
"""Seconds to wait before each look at a Hub that has just failed."""


@dataclass(frozen=True, slots=True)
class HubPublisher:
    """Makes publications in one repository.

    Attributes:
        api: the client.
        files: reads the repository.
        repository: the repository.
        seen: the refs as whoever computed the publication saw them; ``None`` where nobody looked.
    """

    api: HfApi
    files: HubFiles
    repository: HubRepository
    seen: Listing | None = None

    def publish(self, publication: Publication, progress: Listener | None = None) -> Published:
        """See :meth:`wisedb.sharing.remotes.protocol.Remote.publish`."""
        _check(publication)
        lease = publication.snapshot.lease
        if lease is None:
            here = self._create(publication)
            lease = here.branches.get(DEFAULT)
        else:
            here = self._look(publication)
        self._check_tags(publication, here)
        if any(value is None and ref.startswith(BRANCHES) for ref, value in publication.refs.items()):
            self._delete_branches(publication, here)
            published, commit = Published(frozenset(), 0), None
        else:
            published, commit = self._publish_branch(publication, lease, here, progress)
        if commit is not None:
            self._move_tags(publication, here, commit)
        return published

    def _look(self, publication: Publication) -> Listing:
        if publication.private:
            self._require_private()
        here = listing(self.api, self.repository)
        if here is None:
            raise RemoteNotFound(
                f"the repository '{self.repository.repo}' has gone", hint="Push again to make it anew."
            )
        return here

    def _create(self, publication: Publication) -> Listing:
        """Make the repository, and look what it begins with."""
        if publication.create_pr:
            raise RemoteNotFound(
                f"there is no repository '{self.repository.repo}' on the Hub that a change could be proposed to",
                hint="Push without --create-pr to make it.",
            )
        with hub_errors(self.repository, writing=True):
            self.api.create_repo(self.repository.repo, private=publication.private, exist_ok=True)
        here = self._look(publication)
        head = here.branches.get(DEFAULT)
        if head is not None and self.files.manifest(head) is not None:
            raise PushRejected(f"somebody has just published at '{self.repository.repo}'", hint=PULL)
        return here

    def _require_private(self) -> None:
        with hub_errors(self.repository):
            private = self.api.model_info(self.repository.repo).private
        if not private:
            raise PushRejected(
                f"'{self.repository.repo}' is there already, and everybody can read it",
                hint=f"Make it private at {self.repository.page}/settings, or push without --private.",
            )

    def _publish_branch(
        self, publication: Publication, lease: str | None, here: Listing, progress: Listener | None
    ) -> tuple[Published, str | None]:
        branch = DEFAULT if publication.branch is None else publication.branch.removeprefix(BRANCHES)
        if branch not in here.branches and lease is not None:
            if publication.create_pr:
                raise UsageError(
                    f"'{self.repository.repo}' has no branch '{branch}' that a change could be proposed to",
                    hint="Push the branch without --create-pr to make it.",
                )
            # Nobody sees it as a branch of a pack until its manifest names it.
            with hub_errors(self.repository, writing=True):
                self.api.create_branch(self.repository.repo, branch=branch, revision=lease, exist_ok=True)
        elif here.branches.get(branch) != lease:
            raise _moved(self.repository, branch)
        operations, published = self._operations(publication, lease)
        self._send([item for item in operations if isinstance(item, CommitOperationAdd)], branch, publication, progress)
        commit, page = self._commit(operations, branch, lease, publication)
        return Published(published.sent, published.bytes, page), commit

    def _operations(
        self, publication: Publication, lease: str | None
    ) -> tuple[list[CommitOperationAdd | CommitOperationDelete], Published]:
        """What the commit adds and deletes; and what of it isn't in the repository yet."""
        contents: dict[str, bytes | Path] = {**publication.files, MANIFEST: publication.manifest.to_bytes()}
        if publication.card is not None:
            contents[CARD] = publication.card.encode()
        there: set[str] = set()
        with hub_errors(self.repository):
            for group in _groups([*publication.files, *publication.removed], _ASKED) if lease is not None else ():
                there |= {info.path for info in self.api.get_paths_info(self.repository.repo, group, revision=lease)}
            additions = [CommitOperationAdd(path, content) for path, content in contents.items()]
        deletions = [CommitOperationDelete(path, is_folder=False) for path in publication.removed if path in there]
        sent = frozenset(publication.files) - there
        size = sum(item.upload_info.size for item in additions if item.path_in_repo in sent)
        return [*additions, *deletions], Published(sent, size)

    def _send(
        self, additions: Sequence[CommitOperationAdd], branch: str, publication: Publication, progress: Listener | None
    ) -> None:
        """Upload what isn't stored yet; what an interrupted push has sent is not sent again."""
        total = sum(item.upload_info.size for item in additions)
        done = 0
        for group in _groups(additions, _TOGETHER):
            if progress is not None:
                progress(Progress("sending", done, total))
            with hub_errors(self.repository, writing=True):
                self.api.preupload_lfs_files(
                    self.repository.repo,
                    group,
                    revision=branch,
                    create_pr=publication.create_pr,
                    num_threads=THREADS,
                    free_memory=False,
                    gitignore_content="",  # a .gitignore over there must not hold back a part of a pack
                )
            done += sum(item.upload_info.size for item in group)
        if progress is not None:
            progress(Progress("sending", total, total))

    def _commit(
        self,
        operations: Sequence[CommitOperationAdd | CommitOperationDelete],
        branch: str,
        lease: str | None,
        publication: Publication,
    ) -> tuple[str | None, str | None]:
        """The one step that makes it visible; returns the Hub commit, or the page of the pull request."""
        try:
            info = self.api.create_commit(
                self.repository.repo,
                operations,
                commit_message=publication.message or "Publish corrections",
                revision=branch,
                parent_commit=lease,
                create_pr=publication.create_pr,
                num_threads=THREADS,
            )
        except CAUGHT as error:
            if publication.create_pr:
                raise self._open_proposal(error) from error
            return self._landed(error, branch, lease, publication), None
        return (None, info.pr_url) if publication.create_pr else (info.oid, None)

    def _landed(self, error: Exception, branch: str, lease: str | None, publication: Publication) -> str:
        """After a failure: the Hub commit, if it was made all the same; otherwise raises what is to be said."""
        lost = status_of(error) in (409, 412)
        if not lost and not is_open(error):
            raise translated(error, self.repository, writing=True) from error
        for seconds in _PATIENCE:
            time.sleep(seconds)
            try:
                here = listing(self.api, self.repository)
                head = None if here is None else here.branches.get(branch)
                if head is not None and head != lease and self.files.manifest(head) == publication.manifest:
                    return head
            except RemoteUnavailable:
                continue  # it has just failed; a moment later it may answer
            if head != lease or lost:
                raise _moved(self.repository, branch) from error
            raise translated(error, self.repository, writing=True) from error
        raise RemoteUnavailable(
            f"the Hub failed while '{self.repository.repo}' was published, and doesn't say whether it was",
            hint="Push again when it answers: if it was published, that changes nothing.",
        ) from error

    def _open_proposal(self, error: Exception) -> WisedbError:
        if not is_open(error):
            return translated(error, self.repository, writing=True)
        return RemoteUnavailable(
            f"the Hub failed, and doesn't say whether the change to '{self.repository.repo}' was proposed",
            hint=f"Look at {self.repository.page}/discussions before you push again.",
        )

    def _check_tags(self, publication: Publication, here: Listing) -> None:
        """The commit's guard doesn't cover tags: compare them with what was seen."""
        for name in _short(publication.refs, TAGS):
            if self.seen is not None and self.seen.tags.get(name) != here.tags.get(name):
                raise PushRejected(
                    f"the tag '{name}' of '{self.repository.repo}' has changed in the meantime; nothing was published",
                    hint=f"Run `wisedb ls-remote {self.repository.repo}` to see where it is.",
                )

    def _move_tags(self, publication: Publication, here: Listing, commit: str) -> None:
        for name, value in _short(publication.refs, TAGS).items():
            before = here.tags.get(name)
            if value is not None and before == commit:
                continue
            with hub_errors(self.repository, writing=True):
                if before is not None:
                    try:
                        self.api.delete_tag(self.repository.repo, tag=name)
                    except RevisionNotFoundError:
                        pass  # somebody else was quicker
                if value is not None:
                    self.api.create_tag(self.repository.repo, tag=name, revision=commit)

    def _delete_branches(self, publication: Publication, here: Listing) -> None:
        for name in _short(publication.refs, BRANCHES):
            if name == DEFAULT:
                raise UsageError(
                    f"the Hub keeps the branch '{DEFAULT}' of every repository",
                    hint=f"Delete the whole repository at {self.repository.page}/settings, or push another state.",
                )
            if here.branches.get(name) != publication.snapshot.lease:
                raise _moved(self.repository, name)
            with hub_errors(self.repository, writing=True):
                try:
                    self.api.delete_branch(self.repository.repo, branch=name)
                except RevisionNotFoundError:
                    pass  # somebody else was quicker


def _check(publication: Publication) -> None:
    if publication.create_pr and (
        None in publication.refs.values() or any(ref.startswith(TAGS) for ref in publication.refs)
    ):
        raise UsageError("only a change of a branch can be proposed", hint="Leave out tags, or --create-pr.")


def _moved(repository: HubRepository, branch: str) -> PushRejected:
    return PushRejected(
        f"the branch '{branch}' of '{repository.repo}' has moved in the meantime; nothing was published", hint=PULL
    )


def _short(refs: Mapping[str, str | None], prefix: str) -> dict[str, str | None]:
    return {ref.removeprefix(prefix): value for ref, value in refs.items() if ref.startswith(prefix)}


def _groups(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
