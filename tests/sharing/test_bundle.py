"""Bundles are the same bytes for the same objects, and a stranger's bundle does no harm."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sharing.conftest import Large
from wisedb.canonical import digest
from wisedb.errors import CorruptObject
from wisedb.sharing import bundle as module
from wisedb.sharing.bundle import Contents, read_bundle, split, write_bundle
from wisedb.sharing.manifest import Bundle

IDS = [digest(bytes([number])) for number in range(6)]


def contents(kit: Large) -> Contents:
    first = kit.commit(message="first")
    second = kit.commit(first.id, minute=1, message="second")
    other = kit.commit(first.id, minute=2, message="other")
    return Contents(
        {commit.id: commit.to_bytes() for commit in (first, second, other)}, {IDS[0]: b"blob"}, {IDS[1]: b"header" * 99}
    )


def test_it_survives_and_is_the_same_every_time(kit: Large) -> None:
    whole = contents(kit)
    made, data = write_bundle(whole)
    assert write_bundle(contents(kit)) == (made, data)
    backward = Contents(dict(reversed(whole.commits.items())), whole.blobs, whole.headers)
    assert write_bundle(backward) == (made, data)
    assert read_bundle(made, data) == whole
    assert (made.name, made.bytes, made.objects) == (digest(data), len(data), 5)
    assert set(made.tips) == set(whole.commits) - {kit.commit(message="first").id}


def test_what_is_full_is_split_between_groups(kit: Large, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL", 100)
    groups = [Contents(blobs={each: bytes(60)}) for each in IDS] + [Contents(blobs={"f" * 64: bytes(500)})]
    parts = list(split(groups))
    assert [len(part) for part in parts] == [1] * 7
    monkeypatch.setattr(module, "FULL", 120)
    assert [len(part) for part in split(groups)] == [2, 2, 2, 1]
    assert list(split([])) == []


def archive(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> tuple[Bundle, bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, data in members:
            made.writestr(name, data)
    data = buffer.getvalue()
    return Bundle(digest(data), len(data), max(1, len(members)), ()), data


GOOD = f"{IDS[0][:2]}/{IDS[0][2:]}.json"


@pytest.mark.parametrize(
    "name",
    [
        "../" + GOOD,
        "/" + GOOD,
        GOOD.replace("/", "\\"),
        GOOD + ".exe",
        GOOD.upper(),
        GOOD.replace("/", ""),
        "README.md",
        GOOD + "\n",
    ],
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(CorruptObject, match="bundle"):
        read_bundle(*archive((name, b"x")))


def test_a_name_twice() -> None:
    with pytest.warns(UserWarning):
        made = archive((GOOD, b"x"), (GOOD, b"y"))
    with pytest.raises(CorruptObject, match="twice"):
        read_bundle(*made)


def test_other_compressions_are_refused() -> None:
    with pytest.raises(CorruptObject):
        read_bundle(*archive((GOOD, b"x" * 1000), compression=zipfile.ZIP_BZIP2))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONTENT", 10_000)
    made, data = archive((GOOD, bytes(10_001)))
    assert len(data) < 300
    with pytest.raises(CorruptObject, match="larger"):
        read_bundle(made, data)
    # A directory that promises little: what is unpacked ends where it says.
    lying = bytearray(data)
    place = data.index(b"PK\1\2")
    lying[place + 24 : place + 28] = struct.pack("<I", 100)
    with pytest.raises(CorruptObject):
        read_bundle(replace(made, name=digest(bytes(lying))), bytes(lying))


def test_more_objects_than_said_and_a_huge_directory() -> None:
    made, data = archive((GOOD, b"x"), (GOOD.replace(".json", ".header"), b"x"))
    with pytest.raises(CorruptObject):
        read_bundle(replace(made, objects=1), data)
    with pytest.raises(CorruptObject):
        read_bundle(replace(made, objects=70_000), data)
    with pytest.raises(CorruptObject):
        read_bundle(replace(made, bytes=made.bytes + 1), data)
    with pytest.raises(CorruptObject):
        read_bundle(made, data[:-1])


@given(st.integers(0, 2000), st.binary(max_size=4), st.integers(0, 4))
def test_a_spoilt_archive_never_breaks_anything(place: int, junk: bytes, cut: int) -> None:
    _, data = archive((GOOD, b"something " * 20), (GOOD.replace(".json", ".header"), b"else"))
    place %= len(data)
    spoilt = data[:place] + junk + data[place + cut :]
    said = Bundle(digest(spoilt), len(spoilt), 2, ())
    try:
        read_bundle(said, spoilt)
    except CorruptObject as error:
        assert error.hint
