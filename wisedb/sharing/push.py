"""Push: send what a remote lacks, then move its refs, in one guarded step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wisedb.errors import (
    BaseModelMismatch,
    MissingObject,
    PushRejected,
    RemoteError,
    RemoteNotFound,
    UsageError,
    WisedbError,
)
from wisedb.progress import Listener
from wisedb.sharing.card import model_card
from wisedb.sharing.jobs import Job, PushOptions, jobs
from wisedb.sharing.manifest import CARD, Manifest
from wisedb.sharing.named import RemoteTarget, track_pushed, tracking_ref
from wisedb.sharing.outgoing import Outgoing, collect
from wisedb.sharing.outgoing_texts import outgoing_texts
from wisedb.sharing.plan import LAYOUT, Layout, ancestry
from wisedb.sharing.remotes.protocol import Publication, Remote, Snapshot
from wisedb.sharing.remotes.store import StoreRemote
from wisedb.sharing.repack import repack
from wisedb.sharing.secrets import refuse_secrets
from wisedb.sharing.seen import look, look_after_push
from wisedb.sharing.signed import refuse_unsigned
from wisedb.sharing.transfer import RefChange, Transfer
from wisedb.store.graph import is_ancestor
from wisedb.store.refnames import BRANCHES, TAGS, describe_ref
from wisedb.store.store import DEFAULT_BRANCH, Store
from wisedb.store.tag_notes import TagNote

_LONGEST_CARD: Final = 4 << 20


def push(
    store: Store,
    target: RemoteTarget,
    options: PushOptions | None = None,
    *,
    layout: Layout = LAYOUT,
    progress: Listener | None = None,
) -> Transfer:
    """Send what a remote lacks, and move its refs.

    Each publication is one step on the remote: on folders and object stores the whole push is one, on the Hub each
    branch.

    Args:
        store: the store.
        target: where to; see :func:`wisedb.sharing.named.find_target`.
        options: what, and how; the current branch by default.
        layout: when small bundles are put together.
        progress: told while files are sent.

    Raises:
        PushRejected: another push landed first, or this one would drop commits there; nothing has changed there.
        SecretsFound: a text holds what looks like a key; nothing was sent.
        NotSigned: signatures are required, and one is missing or doesn't count; nothing was sent.
        BaseModelMismatch: the pack there is for another base model.
        UnknownRevision, UsageError: a branch or tag isn't here, or there is nothing that could be meant.
        RemoteError: the remote can't be reached or written.
    """
    chosen = options or PushOptions()
    remote = target.remote
    if isinstance(remote, StoreRemote):
        raise remote.not_a_pack()
    there = remote.refs()
    look(store, target)
    total = Transfer(target.name, remote.url, dry_run=chosen.dry_run)
    for job in jobs(store, chosen, there, shared=remote.shared):
        done = _Push(store, remote, job, chosen, layout, there, target.tracked).run(progress)
        total = replace(
            total,
            refs=total.refs + done.refs,
            commits=total.commits + done.commits,
            blobs=total.blobs + done.blobs,
            bytes=total.bytes + done.bytes,
            page=done.page or total.page,
        )
        if not chosen.dry_run and not chosen.create_pr:
            track_pushed(store, target, job.refs)
            look_after_push(store, target)
    return total


@dataclass(frozen=True, slots=True)
class _Push:
    """One publication in the making."""

    store: Store
    remote: Remote
    job: Job
    options: PushOptions
    layout: Layout
    there: Mapping[str, str]
    tracked: str | None

    def run(self, progress: Listener | None) -> Transfer:
        snapshot = self.remote.snapshot(self.job.branch)
        manifest = snapshot.manifest
        if manifest is not None and not self.store.config.fits(manifest.base):
            raise BaseModelMismatch(
                f"{self.remote.url} holds edits for {manifest.base.model} ({manifest.base.fingerprint}), this store's "
                f"are for {self.store.config.base.model} ({self.store.config.base.fingerprint})",
                hint="Push to another place.",
            )
        changes = self._changes(snapshot)
        nothing = Transfer(self.remote.url, self.remote.url, dry_run=self.options.dry_run)
        if not changes:
            return nothing
        goals = [change.to for change in changes if change.to is not None]
        commits, outgoing = self._outgoing(manifest, goals)
        refuse_unsigned(self.store, commits, self.job.refs, self.options.signed)
        refs = self._refs(snapshot, changes)
        said = Manifest(
            (manifest.base if manifest is not None else self.store.config.base).published,
            manifest.editor if manifest is not None else self.store.config.editor,
            refs,
            notes=self._notes(manifest, refs, changes),
        )
        if not self.options.allow_secrets:
            refuse_secrets(outgoing_texts(self.store.objects, said, commits, outgoing))
        packed = repack(self.remote, snapshot, outgoing.groups, self.layout)
        files: dict[str, bytes | Path] = {**outgoing.files, **packed.files}
        moved = replace(nothing, refs=tuple(changes), commits=len(commits), blobs=outgoing.blobs)
        if self.options.dry_run:
            weights = [file.stat().st_size for file in outgoing.files.values()]
            return replace(moved, bytes=sum(weights) + sum(len(data) for data in packed.files.values()))
        published = self.remote.publish(
            Publication(
                snapshot=snapshot,
                branch=self.job.branch,
                refs={change.name: change.to for change in changes},
                manifest=replace(said, bundles=packed.bundles),
                files=files,
                removed=packed.removed,
                card=self._card(snapshot, changes),
                message=", ".join(f"{describe_ref(change.name)}: {_told(change.to)}" for change in changes),
                private=self.options.private,
                create_pr=self.options.create_pr,
            ),
            progress=progress,
        )
        resumed = len(outgoing.files.keys() - published.sent)
        return replace(moved, blobs=moved.blobs - resumed, bytes=published.bytes, page=published.url)

    # Refs

    def _present(self, snapshot: Snapshot) -> dict[str, str]:
        """The refs there, as this publication sees them."""
        named = {} if snapshot.manifest is None else dict(snapshot.manifest.refs)
        if self.remote.shared:
            return named
        # A branch that isn't there yet begins with the manifest of another one.
        found = {ref: commit for ref, commit in self.there.items() if ref.startswith(TAGS)}
        if snapshot.exists and self.job.branch in named:
            found[self.job.branch] = named[self.job.branch]
        return found

    def _changes(self, snapshot: Snapshot) -> list[RefChange]:
        present = self._present(snapshot)
        changes = [
            RefChange(ref, present.get(ref), goal) for ref, goal in self.job.refs.items() if present.get(ref) != goal
        ]
        for change in changes:
            if self.options.lease is not None and change.name.startswith(BRANCHES):
                self._check_lease(change, self.options.lease)
            elif not self.options.force:
                self._check(change)
        return changes

    def _check_lease(self, change: RefChange, lease: Mapping[str, str | None]) -> None:
        name = change.name.removeprefix(BRANCHES)
        if name in lease:
            expected = lease[name]
        elif self.tracked is not None:
            expected = self.store.refs.read(tracking_ref(self.tracked, name))
        else:
            raise UsageError(
                f"nothing is remembered of {self.remote.url}: what should {describe_ref(change.name)} be there?",
                hint=f"Say it: --force-with-lease={name}:COMMIT, or give the place a name with `wisedb remote add`.",
            )
        if change.from_ != expected:
            raise PushRejected(
                f"{describe_ref(change.name)} at {self.remote.url} is at {_place(change.from_)}, not at"
                f" {_place(expected)}, where it was when it was last looked at",
                hint="Somebody else pushed: `wisedb fetch` shows what, and then decide anew.",
            )

    def _check(self, change: RefChange) -> None:
        old, new = change.from_, change.to
        if old is None or new is None:
            return
        what = describe_ref(change.name)
        if change.name.startswith(TAGS):
            raise PushRejected(
                f"{self.remote.url} has another {what}: {old[:12]}, here it is {new[:12]}",
                hint="Tags don't move: choose another name, or --force it.",
            )
        if not self.store.objects.has_commit(old):
            raise PushRejected(
                f"{what} at {self.remote.url} has commits that aren't here",
                hint="`wisedb pull` brings them; then push again.",
            )
        if is_ancestor(self.store.objects, new, old):
            raise PushRejected(
                f"{what} here is behind what {self.remote.url} has, {old[:12]}",
                hint="There is nothing to push: `wisedb pull` brings it up to date; --force moves it back there.",
            )
        if not is_ancestor(self.store.objects, old, new):
            raise PushRejected(
                f"{what} here doesn't descend from what {self.remote.url} has, {old[:12]}: that would be lost there",
                hint="`wisedb pull` brings both together; --force drops what is there.",
            )

    def _refs(self, snapshot: Snapshot, changes: list[RefChange]) -> dict[str, str]:
        """What the new manifest names."""
        refs = {} if snapshot.manifest is None else dict(snapshot.manifest.refs)
        if not self.remote.shared:
            if not snapshot.exists:
                refs = {}
            refs = {ref: commit for ref, commit in refs.items() if ref == self.job.branch or ref.startswith(TAGS)}
        for change in changes:
            if change.to is None:
                refs.pop(change.name, None)
            else:
                refs[change.name] = change.to
        return refs

    def _notes(
        self, manifest: Manifest | None, refs: Mapping[str, str], changes: list[RefChange]
    ) -> dict[str, TagNote]:
        """What the new manifest says of its tags: what it said, and of those that move what is said here."""
        notes = {} if manifest is None else dict(manifest.notes)
        for change in changes:
            notes.pop(change.name, None)
            if change.name.startswith(TAGS) and change.to is not None:
                note = self.store.tag_notes.read(change.name.removeprefix(TAGS))
                if note is not None:
                    notes[change.name] = note
        return {ref: note for ref, note in notes.items() if refs.get(ref) == note.commit}

    # Objects

    def _outgoing(self, manifest: Manifest | None, goals: list[str]) -> tuple[list[str], Outgoing]:
        objects = self.store.objects
        blobs: set[str] = set()

        def there(commit_id: str) -> tuple[str, ...]:
            try:
                commit = objects.commit(commit_id)
            except MissingObject:
                return ()  # of another line, which isn't here; at worst something is sent that is there
            blobs.update(commit.blobs)
            return commit.parents

        tips = [] if manifest is None else sorted(set(manifest.refs.values()))
        known = set(ancestry(there, tips))
        commits = ancestry(lambda commit_id: objects.commit(commit_id).parents, goals, known)
        resources = self.store.config.editor.resources.values() if manifest is None else ()
        return commits, collect(objects, commits, blobs, tuple(resources))

    # The card

    def _card(self, snapshot: Snapshot, changes: list[RefChange]) -> str | None:
        moved = {change.name: change.to for change in changes if change.name.startswith(BRANCHES)}
        described = moved.get(self.job.branch)
        if self.remote.shared:
            main = BRANCHES + DEFAULT_BRANCH
            others = {} if snapshot.manifest is None else snapshot.manifest.branches
            described = moved.get(main) or (None if others else described)
        if described is None:
            return None
        existing = None
        try:
            existing = self.remote.read(CARD, snapshot, limit=_LONGEST_CARD).decode()
        except (MissingObject, RemoteNotFound):
            pass
        except (RemoteError, UnicodeDecodeError):
            return None  # somebody's own words may stand there: what can't be read isn't overwritten
        try:
            return model_card(self.store, described, url=self.remote.url, existing=existing)
        except WisedbError:
            # The card tells of the pack, and is not part of it.
            return None


def _place(commit_id: str | None) -> str:
    return "no commit" if commit_id is None else commit_id[:12]


def _told(commit_id: str | None) -> str:
    return "deleted" if commit_id is None else commit_id[:12]
