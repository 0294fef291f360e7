"""Objects from elsewhere: nothing of theirs is believed before it is checked."""

from __future__ import annotations

import json
from typing import Final

from wisedb.canonical import digest
from wisedb.errors import CorruptObject
from wisedb.store.commits import Commit
from wisedb.store.objects import Objects
from wisedb.store.schemas import COMMIT, schema_problem

MAX_COMMIT: Final = 1 << 28
"""Longest commit in bytes that is taken from elsewhere."""


def receive_blob(objects: Objects, blob_id: str, data: bytes) -> None:
    """Store a blob's file as another store wrote it.

    Its references must be received before it is read; receive them first, so that a dead process leaves no blob that
    can't be read.

    Raises:
        CorruptObject: the bytes are not that blob's file; nothing is stored.
        NoSpace, StoreNotWritable: nothing is stored.
    """
    objects.import_file(blob_id, data)


def receive_header(objects: Objects, blob_id: str, data: bytes) -> None:
    """Store the header of a blob whose payload stays elsewhere for now.

    Raises:
        CorruptObject: the bytes are not that blob's header; nothing is stored.
        NoSpace, StoreNotWritable: nothing is stored.
    """
    objects.put_header(blob_id, data)


def receive_commit(objects: Objects, commit_id: str, data: bytes) -> Commit:
    """Store a commit as another store wrote it, and return it.

    Whether its parents and blobs are there is not looked at: receive them first, and move a ref to it last.

    Raises:
        CorruptObject: the bytes are not that commit, or break the schema; nothing is stored.
        FormatTooNew: a newer wisedb wrote it; nothing is stored.
        NoSpace, StoreNotWritable: nothing is stored.
    """
    if len(data) > MAX_COMMIT or digest(data) != commit_id:
        raise CorruptObject(f"commit {commit_id[:12]} arrived damaged", hint="Fetch again.")
    commit = Commit.from_bytes(data)
    problem = schema_problem(COMMIT, json.loads(data))
    if problem is None and commit.to_bytes() != data:
        problem = "it is not canonical JSON"
    if problem is not None:
        raise CorruptObject(f"commit {commit_id[:12]} is not one: {problem}", hint="Don't trust where it came from.")
    objects.put_commit(commit)
    return commit
