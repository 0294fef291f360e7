"""Names that git takes, names that git refuses, and how a ref is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.errors import InvalidRefName
from wisedb.store.refnames import check_ref_name, describe_ref, is_ref_name
from wisedb.store.store import Store

A = "a" * 64


GOOD = ["Main", "v1.0", "topic/one", "a-b_c", "über", "feature/@x", "a@b", "1234", "x.y/z", "@@", "a{b}"]


BAD = [
    "", "-x", ".x", "x.", "x/.y", "x..y", "x//y", "/x", "x/", "x y", "x~1", "x^", "x:y", "x?", "x*", "x[", "x\\y",
    "x@{1}", "x.lock", "x.lock/y", "x\ty", "x\x7f", "x\n", "../../HEAD", "..", "@", "HEAD", "x" * 300, "a/" * 600 + "a",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_names_that_git_takes(store: Store, name: str) -> None:
    store.refs.create(f"refs/heads/{name}", A, "branch")
    assert store.refs.branches()[name] == A


@pytest.mark.parametrize("name", BAD, ids=lambda name: repr(name)[:20])
def test_names_that_git_refuses(store: Store, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    for write in (store.refs.create, lambda ref, to, action: store.refs.update(ref, None, to, action)):
        with pytest.raises(InvalidRefName) as caught:
            write(f"refs/heads/{name}", A, "branch")
        assert caught.value.hint
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.name != "lock"] == []


@pytest.mark.parametrize(
    "ref", ["main", "refs/main", "refs/other/main", "config.toml", "objects/aa/bb", "refs/heads", "ORIG_HEAD"]
)
def test_only_refs_are_refs(store: Store, ref: str) -> None:
    assert not is_ref_name(ref)
    with pytest.raises(InvalidRefName):
        store.refs.read(ref)
    with pytest.raises(InvalidRefName):
        check_ref_name(ref)


def test_as_one_says_it() -> None:
    assert describe_ref("refs/heads/a/b") == "branch 'a/b'"
    assert describe_ref("refs/tags/v1") == "tag 'v1'"
    assert describe_ref("refs/remotes/origin/main") == "remote branch 'origin/main'"
    assert describe_ref("HEAD") == "HEAD"
