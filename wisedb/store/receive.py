"""Objects from elsewhere: nothing of theirs is believed before it is checked."""

from __future__ import annotations

from typing import Final

from wisedb.canonical import digest
from wisedb.errors import CorruptObject
from wisedb.store.blob_files import parse_blob, parse_header
from wisedb.store.blobs import Blob
from wisedb.store.commits import Commit
from wisedb.store.container import Header
from wisedb.store.contents import EDITS, HINT, check_meta, read_records
from wisedb.store.delta import decode_array
from wisedb.store.named import read_commit
from wisedb.store.objects import Objects

MAX_COMMIT: Final = 1 << 28
"""Longest commit in bytes that is taken from elsewhere."""


def receive_blob(objects: Objects, blob_id: str, data: bytes) -> None:
    """Store a blob's file as another store wrote it.

    Its references must be received before it is read; receive them first, so that a dead process leaves no blob that
    can't be read.

    Raises:
        CorruptObject: the bytes are not that blob's file, or break the rules of its kind; nothing is stored.
        NoSpace, StoreNotWritable: nothing is stored.
    """
    header, payload = parse_blob(blob_id, data)
    check_meta(header.kind, header.meta)
    if header.kind == EDITS:
        arrays = {
            name: decode_array(_alone, blob_id, name, header.arrays[name], payload[place])
            for name, place in header.slices().items()
        }
        read_records(Blob(header.kind, header.meta, arrays))
    objects.import_file(blob_id, data)


def receive_header(objects: Objects, blob_id: str, data: bytes) -> None:
    """Store the header of a blob whose payload stays elsewhere for now.

    Raises:
        CorruptObject: the bytes are not that blob's header, or break the rules of its kind; nothing is stored.
        NoSpace, StoreNotWritable: nothing is stored.
    """
    header = parse_header(blob_id, data)
    check_meta(header.kind, header.meta)
    objects.put_header(blob_id, data)


def receive_commit(objects: Objects, commit_id: str, data: bytes) -> Commit:
    """Store a commit as another store wrote it, and return it.

    Whether its parents and blobs are there, and fit it, is not looked at: receive them first, have
    :class:`wisedb.store.named.HistoryCheck` look, and move a ref to it last.

    Raises:
        CorruptObject: the bytes are not that commit, or break the schema; nothing is stored.
        FormatTooNew: a newer wisedb wrote it; nothing is stored.
        NoSpace, StoreNotWritable: nothing is stored.
    """
    if len(data) > MAX_COMMIT or digest(data) != commit_id:
        raise CorruptObject(f"commit {commit_id[:12]} arrived damaged", hint="Fetch again.")
    try:
        commit = read_commit(data)
    except CorruptObject as error:
        raise CorruptObject(f"commit {commit_id[:12]} is not one: {error.message}", hint=HINT) from error
    objects.put_commit(commit)
    return commit


def _alone(blob_id: str) -> tuple[Header, bytes]:
    raise CorruptObject(f"records of edits stand alone, these are a difference to blob {blob_id[:12]}", hint=HINT)
