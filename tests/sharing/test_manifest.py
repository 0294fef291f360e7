"""A manifest that was written is read; anything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.conftest import BASE
from wisedb.config import EditorChoice
from wisedb.errors import CorruptObject, FormatTooNew
from wisedb.sharing.manifest import MAX_BUNDLE, MAX_MANIFEST, Bundle, Manifest, bundle_path

A, B = "a" * 64, "b" * 64
FORMAT_1 = Path(__file__).parent.parent / "format1" / "pack" / "manifests"
WHOLE = Manifest(
    BASE,
    EditorChoice("keyed", {"steps": 3, "adam": True, "rate": 0.5, "name": "x"}, 7, {"pool": A, "covariance:m": B}),
    {"refs/heads/main": A, "refs/heads/a/b": B, "refs/tags/v1": A},
    (Bundle(B, 12, 3, (A,)), Bundle(A, 13, 4, ())),
)


def test_it_survives() -> None:
    assert Manifest.from_bytes(WHOLE.to_bytes()) == WHOLE
    assert WHOLE.branches == {"a/b": B, "main": A}
    assert WHOLE.tags == {"v1": A}
    assert Manifest.from_bytes(Manifest(BASE, EditorChoice()).to_bytes()).refs == {}


def test_it_names_the_gguf_file_of_its_base() -> None:
    packed = Manifest(replace(BASE, gguf_file="F.gguf"), EditorChoice())
    assert Manifest.from_bytes(packed.to_bytes()) == packed


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
        spoilt(base={**BASE.to_json(), "gguf_file": ""}),
        spoilt(base={**BASE.to_json(), "gguf_file": None}),
        spoilt(editor={"name": "keyed", "settings": {"a": []}, "seed": 0, "resources": {}}),
        spoilt(editor={"name": "keyed", "settings": {}, "seed": "0", "resources": {}}),
        spoilt(editor={"name": "keyed", "settings": {}, "seed": 0, "resources": {"pool": "../x"}}),
        spoilt(editor={"name": "wise", "settings": {}, "seed": 0, "pool": None}),  # as format 1 has it
        spoilt(base={**BASE.to_json(), "target": "m"}),
        spoilt(format=1),
    ],
)
def test_what_is_no_manifest(data: bytes) -> None:
    with pytest.raises(CorruptObject) as caught:
        Manifest.from_bytes(data)
    assert len(caught.value.message) < 1000


def test_a_newer_format_is_not_guessed_at() -> None:
    with pytest.raises(FormatTooNew):
        Manifest.from_bytes(b'{"format": 3, "whatever": []}')


def in_format_1(**changes: Any) -> bytes:
    """The same manifest as wisedb 0.1 wrote it."""
    editor = {"name": "wise", "settings": {"steps": 3}, "seed": 7, "pool": A}
    base = {**BASE.to_json(), "target": "model.layers.5.mlp.down_proj"}
    return spoilt(**{"format": 1, "editor": editor, "base": base, **changes})


def test_format_1_is_read() -> None:
    manifest = Manifest.from_bytes(in_format_1())
    assert manifest.base == BASE  # which module is edited is the editor's to say
    assert manifest.editor == EditorChoice(
        "keyed", {"steps": 3, "target": "model.layers.5.mlp.down_proj"}, 7, {"pool": A}
    )
    assert (manifest.refs, manifest.bundles) == (WHOLE.refs, WHOLE.bundles)
    assert manifest.to_json()["format"] == 2 and Manifest.from_bytes(manifest.to_bytes()) == manifest
    assert Manifest.from_bytes(next(FORMAT_1.glob("*.json")).read_bytes()).branches


@pytest.mark.parametrize(
    "changes",
    [{"base": BASE.to_json()}, {"editor": WHOLE.editor.to_json()}, {"refs": {"HEAD": A}}, {"more": 1}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_no_manifest_of_format_1(changes: dict[str, Any]) -> None:
    with pytest.raises(CorruptObject):
        Manifest.from_bytes(in_format_1(**changes))


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
