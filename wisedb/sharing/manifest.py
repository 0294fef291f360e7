"""The manifest of a pack, ``wisedb.json``: what was published, and in which files it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wisedb.canonical import digest
from wisedb.config import BaseModel, EditorChoice, modern
from wisedb.errors import CorruptObject, FormatTooNew, InvalidRefName
from wisedb.store.container import ID, Header
from wisedb.store.refnames import BRANCHES, TAGS, check_ref_name
from wisedb.store.schemas import PACK, schema_problem
from wisedb.store.tag_notes import TagNote

MANIFEST: Final = "wisedb.json"
"""The manifest's name in a Hub repository and in a folder downloaded from there."""

CARD: Final = "README.md"
"""The model card's name in every pack."""

PACK_FORMAT: Final = 2
"""The version of the pack's layout that is written; format 1 is read. A larger one is refused, never guessed at."""

MAX_MANIFEST: Final = 16 << 20
"""Longest manifest in bytes that is taken from elsewhere."""

MAX_BUNDLE: Final = 1 << 28
"""Largest bundle in bytes, as it is stored, that is taken from elsewhere."""

_HINT: Final = "Don't trust where it came from; ask whoever published it."


@dataclass(frozen=True, slots=True)
class Bundle:
    """One archive of small objects.

    Attributes:
        name: SHA-256 of the archive, 64 hexadecimal digits.
        bytes: its length.
        objects: how many objects are in it.
        tips: the commits in it that no other commit in it descends from, sorted. Who has them has all of the archive.
    """

    name: str
    bytes: int
    objects: int
    tips: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it stands in a pack."""
        return bundle_path(self.name)

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {"name": self.name, "bytes": self.bytes, "objects": self.objects, "tips": list(self.tips)}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack holds.

    Attributes:
        base: the base model.
        editor: the defaults with which a clone commits.
        refs: full name of a branch or tag → commit id.
        bundles: the archives of small objects.
        notes: full name of a tag → its note, of annotated tags alone.
    """

    base: BaseModel
    editor: EditorChoice
    refs: Mapping[str, str] = field(default_factory=dict)
    bundles: tuple[Bundle, ...] = ()
    notes: Mapping[str, TagNote] = field(default_factory=dict)

    @property
    def branches(self) -> dict[str, str]:
        """Branch name → commit id, sorted by name."""
        return _below(BRANCHES, self.refs)

    @property
    def tags(self) -> dict[str, str]:
        """Tag name → commit id, sorted by name."""
        return _below(TAGS, self.refs)

    def to_json(self) -> dict[str, Any]:
        """All fields and the format; notes only where there are some."""
        notes = {ref: note.record() for ref, note in sorted(self.notes.items())}
        return {
            "format": PACK_FORMAT,
            "base": self.base.to_json(),
            "editor": self.editor.to_json(),
            "refs": dict(sorted(self.refs.items())),
            "bundles": [bundle.to_json() for bundle in self.bundles],
            **({"notes": notes} if notes else {}),
        }

    def to_bytes(self) -> bytes:
        """The file's bytes: JSON that people can read, the same for the same manifest."""
        return (json.dumps(self.to_json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, name: str = MANIFEST) -> Manifest:
        """Read what :meth:`to_bytes` wrote, and check all of it.

        Args:
            data: the file's bytes.
            name: how messages call it.

        Raises:
            CorruptObject: it is not a manifest.
            FormatTooNew: a newer wisedb wrote it.
        """
        try:
            if len(data) > MAX_MANIFEST:
                raise ValueError(f"it is longer than {MAX_MANIFEST} bytes")
            document = json.loads(data, parse_constant=_no_constant)
            if not isinstance(document, dict):
                raise ValueError("it is no JSON object")
            version = document.get("format")
            if type(version) is int and version > PACK_FORMAT:
                raise FormatTooNew(
                    f"{name} has format {version}, this wisedb reads up to {PACK_FORMAT}", hint="Upgrade wisedb."
                )
            problem = schema_problem(PACK, document)
            if problem is not None:
                raise ValueError(problem)
            return _parse(document)
        except (ValueError, KeyError, TypeError, RecursionError, InvalidRefName) as error:
            raise CorruptObject(f"{name} is no manifest of a pack: {error}", hint=_HINT) from error


def object_path(header: Header) -> str:
    """Where the file of a large blob stands in a pack.

    It goes by the hash of the file's header, which holds the payload's: two stores may encode one blob in two ways,
    and then these are two files, neither of which ever takes the other's place.
    """
    return _path("objects", digest(header.to_bytes()), ".safetensors")


def bundle_path(name: str) -> str:
    """Where a bundle stands in a pack.

    Raises:
        CorruptObject: ``name`` is not a hash.
    """
    return _path("bundles", name, ".zip")


def _path(folder: str, name: str, suffix: str) -> str:
    # Names come out of files: what isn't a hash must never become a path.
    if not ID.fullmatch(name):
        raise CorruptObject(f"{name!r} is not the name of an object", hint=_HINT)
    return f"{folder}/{name[:2]}/{name[2:]}{suffix}"


def _parse(document: Mapping[str, Any]) -> Manifest:
    base, editor = modern(BaseModel.from_json(document["base"]), EditorChoice.from_json(document["editor"]))
    if base.fingerprint != document["base"]["fingerprint"]:
        raise ValueError("the base model's fingerprint is not its own")
    for ref in document["refs"]:
        check_ref_name(ref)
    bundles = tuple(
        Bundle(entry["name"], entry["bytes"], entry["objects"], tuple(entry["tips"])) for entry in document["bundles"]
    )
    if len({bundle.name for bundle in bundles}) != len(bundles):
        raise ValueError("it names a bundle twice")
    # For a JSON schema 123.0 is a whole number.
    if not all(type(number) is int for bundle in bundles for number in (bundle.bytes, bundle.objects)):
        raise ValueError("a bundle's length or number of objects is no whole number")
    if any(bundle.bytes > MAX_BUNDLE for bundle in bundles):
        raise ValueError(f"a bundle is larger than {MAX_BUNDLE} bytes")
    notes = {ref: TagNote.from_record(record) for ref, record in document.get("notes", {}).items()}
    for ref in notes:
        check_ref_name(ref)
    return Manifest(base, editor, dict(document["refs"]), bundles, notes)


def _below(prefix: str, refs: Mapping[str, str]) -> dict[str, str]:
    return {ref.removeprefix(prefix): commit for ref, commit in sorted(refs.items()) if ref.startswith(prefix)}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
