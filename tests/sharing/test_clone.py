"""A clone is the same store somewhere else, or nothing."""

from __future__ import annotations

from pathlib import Path

from wisedb.sharing.clone import clone
from wisedb.sharing.named import Place
from wisedb.sharing.push import push
from wisedb.store.fsck import fsck
from wisedb.store.graph import ancestors
from wisedb.store.store import Store


def test_a_clone_has_everything(store: Store, place: Place, pack: Path, tmp_path: Path) -> None:
    push(store, place)
    made = clone(str(pack), tmp_path / "bob")
    assert made.branch == "main"
    bob = made.store
    head, _ = store.head_commit()
    assert bob.head_commit()[0] == head
    for commit_id, commit in ancestors(store.objects, head):
        assert bob.objects.commit(commit_id) == commit
        for blob_id in commit.blobs:
            assert bob.objects.get(blob_id) == store.objects.get(blob_id)
    assert fsck(bob).problems == ()
    assert bob.config.base == store.config.base and bob.config.editor == store.config.editor
    assert bob.config.remotes == {"origin": str(pack)}
    assert bob.resolve("origin/main") == head
