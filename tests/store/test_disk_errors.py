"""What the system says is said plainly, and says whether anything has changed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wisedb.errors import MissingObject, NoSpace, StoreError, StoreNotWritable
from wisedb.store.disk_errors import reading_errors, storage_errors


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EROFS, StoreNotWritable), (errno.EIO, StoreError)],
)
def test_writing(number: int, expected: type[StoreError]) -> None:
    with pytest.raises(StoreError) as caught, storage_errors(Path("name")):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is expected and caught.value.hint


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOENT, MissingObject), (errno.ENOTDIR, MissingObject), (errno.EACCES, StoreError)],
)
def test_reading(number: int, expected: type[StoreError]) -> None:
    with pytest.raises(StoreError) as caught, reading_errors(Path("name")):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is expected and caught.value.hint
