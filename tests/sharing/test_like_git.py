"""Upstreams, leases, remotes that are renamed, and stores that others clone from."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.errors import PushRejected, RemoteNotFound, UnknownRemote, UsageError
from wisedb.repository import Repository
from wisedb.store.upstream import distance


@pytest.fixture
def here(history: Repository, tmp_path: Path) -> Repository:
    """A store that may be changed, with a pack beside it that is called origin."""
    made = Repository.clone(str(history.path), tmp_path / "here")
    made.remote_set_url("origin", str(tmp_path / "pack"))
    made.push(set_upstream=True)
    return made


def test_a_store_is_cloned_fetched_and_pulled_from_by_its_path(history: Repository, tmp_path: Path) -> None:
    made = Repository.clone(str(history.path), tmp_path / "copy")
    assert [entry.commit for entry in made.log()] == [entry.commit for entry in history.log()]
    assert made.facts() == history.facts()
    assert made.fsck().ok
    inside = Repository.clone(str(history.path / ".wisedb"), tmp_path / "again")
    assert inside.status().head == made.status().head
    other = Repository.clone(str(tmp_path / "copy"), tmp_path / "third")
    made.rollback("HEAD~1")
    assert other.pull().how == "fast-forward"
    assert other.status().head == made.status().head


def test_nothing_is_pushed_into_a_store(history: Repository, tmp_path: Path) -> None:
    made = Repository.clone(str(history.path), tmp_path / "copy")
    made.rollback("HEAD~1")
    before = history.status().head
    with pytest.raises(RemoteNotFound, match="is a store"):
        made.push()
    assert history.status().head == before


def test_status_tells_how_far_the_upstream_is_apart(here: Repository, tmp_path: Path) -> None:
    assert here.status().to_json() | {"upstream": "origin/main", "ahead": 0, "behind": 0} == here.status().to_json()
    here.rollback("HEAD~1")
    other = Repository.clone(str(tmp_path / "pack"), tmp_path / "other")
    other.rollback("HEAD~1", "theirs")
    other.push()
    here.fetch()
    apart = distance(here.store, "main")
    assert apart is not None
    assert (apart.upstream, apart.ahead, apart.behind) == ("origin/main", 1, 1)


def test_an_upstream_may_have_another_name(here: Repository) -> None:
    here.branch("work")
    here.switch("work")
    assert here.status().distance is None
    from wisedb.store.upstream import choose_upstream

    choose_upstream(here.store, "work", "origin/main")
    assert here.pull().how == "up-to-date"
    here.rename_branch("work", "job")
    assert here.status().to_json()["upstream"] == "origin/main"
    here.switch("main")
    here.branch("job", delete=True)
    assert not [key for key in here.store.config.preferences if ".job." in key]


def test_an_upstream_needs_a_named_remote(here: Repository, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no name here"):
        here.push(str(tmp_path / "elsewhere"), set_upstream=True)


def test_a_lease_drops_what_was_seen_and_nothing_else(here: Repository, tmp_path: Path) -> None:
    other = Repository.clone(str(tmp_path / "pack"), tmp_path / "other")
    other.rollback("HEAD~1", "theirs")
    other.push()
    here.rollback("HEAD~1", "ours")
    with pytest.raises(PushRejected, match="last looked at"):
        here.push(lease={})
    here.fetch()
    with pytest.raises(PushRejected):
        here.push()
    here.push(lease={})
    assert here.ls_remote()[0].commit == here.status().head
    here.reset("HEAD~1")
    with pytest.raises(PushRejected):
        here.push(lease={"main": "0" * 64})
    here.push(lease={"main": here.store.resolve("ORIG_HEAD")})


def test_a_remote_is_renamed_with_what_is_remembered_of_it(here: Repository) -> None:
    assert here.remote_rename("origin", "up") == {"up": here.remotes()["up"]}
    assert list(here.remote_branches()) == ["up/main"]
    assert here.status().to_json()["upstream"] == "up/main"
    with pytest.raises(UnknownRemote):
        here.remote_rename("origin", "x")
    here.remote_add("second", str(here.path / "x"))
    with pytest.raises(UsageError):
        here.remote_rename("second", "up")
    with pytest.raises(UnknownRemote):
        here.remote_set_url("third", "./x")
