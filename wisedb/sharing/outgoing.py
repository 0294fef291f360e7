"""What a store has to send for some commits: bundles' contents and files of large blobs."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wisedb.errors import CorruptObject
from wisedb.sharing.bundle import Contents
from wisedb.sharing.manifest import object_path
from wisedb.store.container import Header, check_payload, read_header
from wisedb.store.objects import Objects

SMALL: Final = 64 << 10
"""Bytes of a blob's file up to which it travels in a bundle."""


@dataclass(slots=True)
class Outgoing:
    """What has to be sent.

    Attributes:
        groups: per commit, parents first, what goes into a bundle for it.
        files: path in the pack → the local file of a large blob.
        records: ids of the blobs with edits' records among all these.
        blobs: how many blobs there are in all.
    """

    groups: list[Contents] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    blobs: int = 0


def collect(objects: Objects, commits: Sequence[str], there: Collection[str], more: Collection[str] = ()) -> Outgoing:
    """Everything that these commits need and that isn't there yet.

    Args:
        objects: where they are read, and checked: nothing that is damaged here may spread.
        commits: commit ids, parents first.
        there: blobs that the remote has, with all that they need.
        more: further blobs that are wanted.

    Raises:
        MissingObject, CorruptObject: something isn't here, or is damaged.
    """
    known = set(objects.ids())
    seen = set(there)
    found = Outgoing()
    wanted: list[tuple[str | None, list[str]]] = []
    for each in commits:
        wanted.append((each, _needed(objects, sorted(objects.commit(each).blobs), seen, known)))
    rest = _needed(objects, sorted(more), seen, known)
    if rest:
        wanted.append((None, rest))
    objects.ensure([blob_id for _, blob_ids in wanted for blob_id in blob_ids if objects.is_promised(blob_id)])
    for commit_id, blob_ids in wanted:
        group = Contents()
        if commit_id is not None:
            group.commits[commit_id] = objects.commit(commit_id).to_bytes()
        for blob_id in blob_ids:
            _add(objects, blob_id, group, found)
        found.groups.append(group)
        found.blobs += len(blob_ids)
    return found


def links(header: Header, known: Collection[str]) -> set[str]:
    """The blobs that a blob needs or speaks of: whatever in its meta is the id of a blob is taken for one."""
    return header.references | {text for text in _texts(header.meta) if text in known}


def _needed(objects: Objects, starts: Sequence[str], seen: set[str], known: Collection[str]) -> list[str]:
    """``starts`` and what they need, without what was seen, which grows by them."""
    found: list[str] = []
    stack = [blob_id for blob_id in starts if blob_id not in seen]
    seen.update(stack)
    while stack:
        blob_id = stack.pop()
        found.append(blob_id)
        fresh = sorted(links(objects.header(blob_id), known) - seen)
        seen.update(fresh)
        stack.extend(fresh)
    return found


def _add(objects: Objects, blob_id: str, group: Contents, found: Outgoing) -> None:
    path = objects.blob_path(blob_id)
    data = objects.disk.read(path)
    try:
        stream = io.BytesIO(data)
        header = read_header(stream, len(data))
        check_payload(header, data[stream.tell() :])
        if header.id != blob_id:
            raise CorruptObject("its content has another hash")
    except CorruptObject as error:
        raise CorruptObject(
            f"blob {blob_id[:12]} is damaged here and can't be sent: {error.message}",
            hint="`wisedb fsck --repair` brings back what a remote, the trash or another copy still has.",
        ) from error
    if header.kind == "edits":
        found.records.append(blob_id)
    if len(data) <= SMALL:
        group.blobs[blob_id] = data
    else:
        group.headers[blob_id] = header.to_bytes()
        found.files[object_path(header)] = path


def _texts(value: Mapping[str, Any]) -> Iterator[str]:
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
