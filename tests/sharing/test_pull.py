"""A pull moves the branch forward, or hands two lines to a merge."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sharing.conftest import Large
from wisedb.errors import Diverged, UnknownRevision, UsageError
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.pull import pull
from wisedb.sharing.push import push
from wisedb.store.store import Store


def never(rev: str, message: str) -> dict[str, Any]:
    raise AssertionError("there is nothing to merge")


def test_forward(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    before, _ = bob.head_commit()
    head = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    done = pull(bob, find_target(bob, None), None, never)
    assert (done.how, done.before, done.head, bob.head_commit()[0]) == ("fast-forward", before, head, head)
    assert bob.refs.reflog()[0].action == "pull: fast-forward to origin main"
    told = done.to_json()
    assert {"name": "refs/heads/main", "from": before, "to": head} in told["refs"]
    assert told["conflicts"] == [] and told["merge"] is None
    again = pull(bob, find_target(bob, None), None, never)
    assert (again.how, again.to_json()["refs"]) == ("up-to-date", [])


def test_what_is_ahead_is_up_to_date(store: Store, bob: Store, kit: Large) -> None:
    head = kit.land(bob, kit.edit(9), minute=9)
    assert pull(bob, find_target(bob, None), "main", never).how == "up-to-date"
    assert bob.head_commit()[0] == head


def test_two_lines_are_merged(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    mine = kit.land(bob, kit.edit(8), minute=8)
    theirs = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    with pytest.raises(Diverged) as caught:
        pull(bob, find_target(bob, None), None, None)
    assert "--ff-only" in caught.value.hint
    assert bob.head_commit()[0] == mine and bob.resolve("origin/main") == theirs

    asked: list[tuple[str, str]] = []

    def conflict(rev: str, message: str) -> dict[str, Any]:
        asked.append((rev, message))
        return {"commit": None, "conflicts": [{"prompt": "x"}]}

    done = pull(bob, find_target(bob, None), None, conflict)
    assert asked == [(theirs, "Merge branch 'main' of origin")]
    assert (done.how, done.head) == ("merge", mine) and done.to_json()["conflicts"] == [{"prompt": "x"}]

    def merge(rev: str, message: str) -> dict[str, Any]:
        commit = kit.commit(mine, rev, minute=30, message=message, memories=bob.objects.commit(rev).memories)
        with bob.transaction(mine, ref="refs/heads/main") as transaction:
            return {"commit": transaction.land(commit, action="merge"), "conflicts": []}

    done = pull(bob, find_target(bob, None), None, merge)
    assert done.head == bob.head_commit()[0] and bob.objects.commit(done.head).parents == (mine, theirs)
    push(bob, find_target(bob, None))
    assert target.remote.refs() == {"refs/heads/main": done.head}


def test_another_branch_and_none(store: Store, bob: Store, target: RemoteTarget, kit: Large) -> None:
    head, _ = store.head_commit()
    store.refs.create("refs/heads/other", head, "branch")
    store.refs.set_head("refs/heads/other", "switch")
    other = kit.land(store, kit.edit(9), minute=9)
    push(store, target)
    assert pull(bob, find_target(bob, None), "other", never).head == other
    bob.refs.create("refs/heads/own", other, "branch")
    bob.refs.set_head("refs/heads/own", "switch")
    with pytest.raises(UnknownRevision):
        pull(bob, find_target(bob, None), None, never)
    bob.refs.set_head(other, "detach")
    with pytest.raises(UsageError):
        pull(bob, find_target(bob, None), "other", never)
