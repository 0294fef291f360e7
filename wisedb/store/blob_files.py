"""What a blob's file says, checked against the id of the blob; its arrays stay encoded (:mod:`wisedb.store.delta`)."""

from __future__ import annotations

import io
import os
from pathlib import Path

from wisedb.errors import CorruptObject, MissingObject
from wisedb.store.container import Header, check_payload, read_detached, read_header
from wisedb.store.files import Disk
from wisedb.store.loose_objects import HINT, damaged


def read_blob(blob_id: str, path: Path, disk: Disk) -> tuple[Header, bytes]:
    """A blob's header and payload.

    Raises:
        MissingObject: the file isn't there.
        CorruptObject: it is damaged, or another blob's.
    """
    header, payload = _read(blob_id, path, disk, whole=True)
    try:
        check_payload(header, payload)
    except CorruptObject as error:
        raise damaged(blob_id, error.message) from error
    return header, payload


def read_blob_header(blob_id: str, path: Path, disk: Disk) -> Header:
    """A blob's header; the payload is not read.

    Raises:
        MissingObject, CorruptObject: as :func:`read_blob`.
    """
    return _read(blob_id, path, disk, whole=False)[0]


def parse_blob(blob_id: str, data: bytes) -> tuple[Header, bytes]:
    """A blob's header and payload out of the bytes of its file, checked against the id and by their checksums.

    Raises:
        CorruptObject: the bytes are not that blob's file.
    """
    file = io.BytesIO(data)
    try:
        header = read_header(file, len(data))
        payload = file.read()
        check_payload(header, payload)
    except CorruptObject as error:
        raise damaged(blob_id, error.message) from error
    if header.id != blob_id:
        raise damaged(blob_id, "its content has another hash")
    return header, payload


def parse_header(blob_id: str, data: bytes) -> Header:
    """The header of a promised blob out of the bytes of its file, checked against the id.

    Raises:
        CorruptObject: the bytes are not that blob's header.
    """
    try:
        header = read_detached(data)
    except CorruptObject as error:
        raise damaged(blob_id, error.message) from error
    if header.id != blob_id:
        raise damaged(blob_id, "its header has another hash")
    return header


def _read(blob_id: str, path: Path, disk: Disk, *, whole: bool) -> tuple[Header, bytes]:
    try:
        with disk.open(path) as file:
            header = read_header(file, os.fstat(file.fileno()).st_size)
            data = file.read() if whole else b""
    except MissingObject as error:
        raise MissingObject(f"blob {blob_id[:12]} isn't in the store", hint=HINT) from error
    except CorruptObject as error:
        raise damaged(blob_id, error.message) from error
    if header.id != blob_id:
        raise damaged(blob_id, "its content has another hash")
    return header, data
