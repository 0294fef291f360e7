"""A ref's file holds a commit id, or it is said to be damaged; other files among them are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.errors import CorruptObject, InvalidRefName
from wisedb.store.files import Disk
from wisedb.store.loose_refs import Head, LooseRefs
from wisedb.store.store import Store

A = "a" * 64


def test_what_the_files_say(tmp_path: Path) -> None:
    refs = LooseRefs(tmp_path, Disk())
    (tmp_path / "refs" / "heads" / "eu").mkdir(parents=True)
    (tmp_path / "refs" / "heads" / "eu" / "facts").write_text(A + "\n")
    assert refs.names() == refs.names("refs/heads/") == ["refs/heads/eu/facts"] and refs.names("refs/tags/") == []
    assert refs.read("refs/heads/eu/facts") == A
    assert refs.read("refs/heads/eu") is None and refs.read("refs/heads/us") is None
    (tmp_path / "HEAD").write_text("ref: refs/heads/eu/facts\n")
    assert refs.head() == Head("eu/facts", A) and refs.head().ref == "refs/heads/eu/facts" and refs.read("HEAD") == A
    (tmp_path / "HEAD").write_text("ref: refs/heads/none-yet\n")
    assert refs.head() == Head("none-yet", None)
    (tmp_path / "HEAD").write_text(A + "\n")
    assert refs.head() == Head(None, A) and refs.head().ref == "HEAD"


def test_only_the_name_of_a_ref_becomes_a_path(tmp_path: Path) -> None:
    assert LooseRefs(tmp_path, Disk()).path("refs/tags/v1") == tmp_path / "refs/tags/v1"
    for name in ("refs/heads/../../x", "main", "", "refs/heads/a b"):
        with pytest.raises(InvalidRefName):
            LooseRefs(tmp_path, Disk()).read(name)


@pytest.mark.parametrize(
    "content", ["", "\n", A, A + "\n\n", A[:-1] + "\n", A.upper() + "\n", "ref: refs/heads/x\n", " " + A + "\n", "\xff"]
)
def test_a_damaged_ref(store: Store, content: str) -> None:
    (store.root / "refs/heads/main").write_text(content, "latin-1")
    for read in (store.refs.branches, store.refs.head, store.head_commit, lambda: store.resolve("main")):
        with pytest.raises(CorruptObject) as caught:
            read()
        assert "main" in str(caught.value) and caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        "",
        "ref: \n",
        "ref: refs/heads/main",
        "ref: refs/tags/v1\n",
        "ref: ../../x\n",
        "ref: refs/heads/../../x\n",
        "x\n",
    ],
)
def test_a_damaged_head(store: Store, content: str) -> None:
    (store.root / "HEAD").write_text(content)
    for read in (store.refs.head, store.head_commit, lambda: store.resolve("HEAD"), lambda: store.resolve("@{1}")):
        with pytest.raises(CorruptObject, match="HEAD"):
            read()
    (store.root / "HEAD").unlink()
    with pytest.raises(CorruptObject, match="HEAD"):
        store.refs.head()


def test_other_files_among_the_refs_are_no_refs(store: Store) -> None:
    for name in (".DS_Store", "main.lock", ".tmp-1-2", "with space"):
        (store.root / "refs/heads" / name).write_text("x")
    assert list(store.refs.branches()) == ["main"]
