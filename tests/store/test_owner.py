"""A store of another user is used by whoever says so, and by nobody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wisedb.errors import UnsafeOwner
from wisedb.store.owner import TrustedOwners, check_owner
from wisedb.store.store import Store


@pytest.fixture
def theirs(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store, and another user who looks at it."""
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    return store


def test_ones_own_store_is_used(store: Store) -> None:
    check_owner(store.root, TrustedOwners())
    assert Store.discover(store.root.parent).root == store.root


def test_another_users_store_above_is_refused_with_the_command_that_allows_it(theirs: Store) -> None:
    deep = theirs.root.parent / "a" / "b"
    deep.mkdir(parents=True)
    with pytest.raises(UnsafeOwner, match="belongs to user") as caught:
        Store.discover(deep)
    assert f"wisedb config --global safe.directory {theirs.root.parent}" in caught.value.hint
    with pytest.raises(UnsafeOwner) as caught:
        Store.discover(deep, owners=TrustedOwners(("/one",)))
    assert f"/one{os.pathsep}{theirs.root.parent}" in caught.value.hint


def test_whoever_is_trusted_is_used(theirs: Store, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(theirs.root.parent)
    owner = theirs.root.stat().st_uid
    for owners in (
        TrustedOwners((str(theirs.root.parent),)),
        TrustedOwners((str(theirs.root),)),
        TrustedOwners((str(link),)),
        TrustedOwners(("*",)),
        TrustedOwners(users=frozenset({owner})),
    ):
        assert Store.discover(theirs.root.parent, owners=owners).root == theirs.root
    for owners in (
        TrustedOwners((str(tmp_path),)),
        TrustedOwners((str(theirs.root / "objects"),)),
        TrustedOwners(users=frozenset({owner + 9})),
    ):
        with pytest.raises(UnsafeOwner):
            Store.discover(theirs.root.parent, owners=owners)


def test_the_configuration_alone_may_be_somebody_elses(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def lying(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = stat(path, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:])) if path.name == "config.toml" else found

    monkeypatch.setattr(Path, "stat", lying)
    with pytest.raises(UnsafeOwner):
        Store.discover(store.root.parent)
