"""All texts that a push would publish, whatever they stand in: edits, commits, names and notes, pools, the manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from wisedb.edits import Edit
from wisedb.sharing.manifest import Manifest
from wisedb.sharing.outgoing import Outgoing
from wisedb.store.contents import read_records
from wisedb.store.objects import Objects

_HASH: Final = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{16}")


class Text(NamedTuple):
    """A text and where it stands: ``edit 0123456789ab``, ``reason``."""

    where: str
    field: str
    text: str


def outgoing_texts(objects: Objects, manifest: Manifest, commits: Sequence[str], outgoing: Outgoing) -> Iterator[Text]:
    """Everything that somebody may have written among what is about to be sent.

    Args:
        objects: where it is read.
        manifest: what the pack would say of itself; its refs and tags' notes are what is moved now, and what stays.
        commits: the ids of the commits.
        outgoing: the blobs.

    Raises:
        MissingObject, CorruptObject: something can't be read.
    """
    yield from json_texts("the manifest", manifest.to_json())
    for commit_id in commits:
        yield from json_texts(f"commit {commit_id[:12]}", objects.commit(commit_id).to_json())
    for group in outgoing.groups:
        for blob_id in (*group.blobs, *group.headers):
            kind, meta = objects.meta(blob_id)
            yield from json_texts(f"{kind} {blob_id[:12]}", meta)
    edits: dict[str, Edit] = {}
    for blob_id in outgoing.records:
        edits |= {edit.id: edit for edit in read_records(objects.get(blob_id))}
    for edit in edits.values():
        yield from edit_texts(edit)


def edit_texts(edit: Edit) -> Iterator[Text]:
    """The texts of an edit."""
    yield from json_texts(f"edit {edit.id[:12]}", edit.content())


def json_texts(where: str, value: Any, field: str = "") -> Iterator[Text]:
    """Every text in some JSON, names of fields too; hashes are none."""
    if isinstance(value, str):
        if value and not _HASH.fullmatch(value):
            yield Text(where, field, value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            inner = f"{field}.{name}" if field else name
            yield from json_texts(where, name, field)
            yield from json_texts(where, item, inner)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from json_texts(where, item, f"{field}[{number}]")
