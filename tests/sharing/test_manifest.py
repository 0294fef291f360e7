"""A manifest that was written is read; anything else is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.conftest import BASE
from wisedb.config import EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew
from wisedb.sharing.manifest import MAX_BUNDLE, MAX_MANIFEST, Bundle, Manifest, bundle_path

A, B = "a" * 64, "b" * 64
WHOLE = Manifest(
    BASE,
    EditorChoice("wise", {"steps": 3, "adam": True, "rate": 0.5, "name": "x"}, 7, A),
    {"refs/heads/main": A, "refs/heads/a/b": B, "refs/tags/v1": A},
    (Bundle(B, 12, 3, (A,)), Bundle(A, 13, 4, ())),
)


def test_it_survives() -> None:
    assert Manifest.from_bytes(WHOLE.to_bytes()) == WHOLE
    assert WHOLE.branches == {"a/b": B, "main": A}
    assert WHOLE.tags == {"v1": A}
    assert Manifest.from_bytes(Manifest(BASE, EditorChoice()).to_bytes()).refs == {}


def spoilt(**changes: Any) -> bytes:
    return json.dumps({**WHOLE.to_json(), **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"format": NaN}',
        b"[" * 100_000,
        b" " * (MAX_MANIFEST + 1),
        spoilt(format="1"),
        spoilt(format=0),
        spoilt(format=True),
        spoilt(more=1),
        spoilt(refs={"refs/heads/../../etc/passwd": A}),
        spoilt(refs={"refs/heads/..": A}),
        spoilt(refs={"refs/heads/HEAD": A}),
        spoilt(refs={"refs/remotes/x/y": A}),
        spoilt(refs={"HEAD": A}),
        spoilt(refs={"refs/heads/main": A[1:]}),
        spoilt(refs={"refs/heads/main": A + "\n"}),
        spoilt(refs={"refs/heads/main": None}),
        spoilt(bundles=[{"name": "../x", "bytes": 1, "objects": 1, "tips": []}]),
        spoilt(bundles=[{"name": A, "bytes": MAX_BUNDLE + 1, "objects": 1, "tips": []}]),
        spoilt(bundles=[{"name": A, "bytes": 1, "objects": 1, "tips": []}] * 2),
        spoilt(bundles=[{"name": A, "bytes": -1, "objects": 1, "tips": []}]),
        spoilt(bundles=[{"name": A, "bytes": 1, "objects": 1, "tips": ["x"]}]),
        spoilt(base={**BASE.to_json(), "fingerprint": "0" * 33}),
        spoilt(base={**BASE.to_json(), "model": ""}),
        spoilt(editor={"name": "wise", "settings": {"a": []}, "seed": 0, "pool": None}),
        spoilt(editor={"name": "wise", "settings": {}, "seed": "0", "pool": None}),
    ],
)
def test_what_is_no_manifest(data: bytes) -> None:
    with pytest.raises(CorruptObject) as caught:
        Manifest.from_bytes(data)
    assert len(caught.value.message) < 1000


def test_a_newer_format_is_not_guessed_at() -> None:
    with pytest.raises(FormatTooNew):
        Manifest.from_bytes(b'{"format": 2, "whatever": []}')


@given(st.data())
def test_a_spoilt_manifest_never_passes_for_another(data: st.DataObject) -> None:
    whole = WHOLE.to_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + data.draw(st.integers(0, 3)) :]
    try:
        Manifest.from_bytes(changed)
    except (CorruptObject, FormatTooNew):
        pass


@pytest.mark.parametrize("name", ["", "x", "../" + "a" * 61, "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_hashes_become_paths(name: str) -> None:
    with pytest.raises(CorruptObject):
        bundle_path(name)
