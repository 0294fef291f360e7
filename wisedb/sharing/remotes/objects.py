"""A pack in an object store that ``fsspec`` knows: S3, Google Cloud Storage, Azure."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import fsspec

from wisedb.errors import (
    CorruptObject,
    MissingObject,
    NotAuthorized,
    RemoteNotFound,
    RemoteUnavailable,
    UsageError,
    WisedbError,
)
from wisedb.sharing.remotes.numbered import KEPT, NumberedRemote
from wisedb.store.files import Disk

EXCLUSIVE: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "memory"})
"""Protocols whose stores make an object only if there is none: what a guarded push hangs on."""

_TAKEN: Final = frozenset({errno.EEXIST})


class ObjectStoreRemote(NumberedRemote):
    """A pack below a prefix of an object store.

    Keys come from where the store's own tools look for them (``AWS_PROFILE``, ``GOOGLE_APPLICATION_CREDENTIALS``, …),
    never from the address.

    Args:
        url: ``s3://bucket/prefix``.
        endpoint: another server than the usual one, for S3.
        options: further arguments of the ``fsspec`` file system.
        kept: see :data:`wisedb.sharing.remotes.numbered.KEPT`.

    Raises:
        UsageError: a library for this kind of store is missing.
    """

    def __init__(self, url: str, *, endpoint: str | None = None, kept: int = KEPT, **options: Any) -> None:
        super().__init__(ObjectFiles(url, endpoint, options), kept=kept)


class ObjectFiles:
    """The files below a prefix.

    Args:
        url: the prefix.
        endpoint: see :class:`ObjectStoreRemote`.
        options: see :class:`ObjectStoreRemote`.
    """

    def __init__(self, url: str, endpoint: str | None, options: dict[str, Any]) -> None:
        self._url = url.rstrip("/")
        self._scheme, _, place = self._url.partition("://")
        self._root = place
        if endpoint is not None and self._scheme in ("s3", "s3a"):
            options = {"endpoint_url": endpoint, **options}
        try:
            # A listing from a moment ago would hide a push that landed since.
            self._system = fsspec.filesystem(self._scheme, use_listings_cache=False, **options)
        except ImportError as error:
            extra = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}.get(self._scheme)
            wanted = f"pip install 'wisedb[{extra}]'" if extra else str(error)
            raise UsageError(f"{self._scheme}:// needs a library that isn't installed", hint=wanted) from error

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return self._url

    def names(self, folder: str) -> list[str]:
        """What is directly below a folder."""
        path = self._path(folder).rstrip("/")
        with self._errors("list"):
            try:
                found = self._system.ls(path, detail=False, refresh=True)
            except FileNotFoundError:
                return []
        return sorted(name for name in (str(entry).rstrip("/").rpartition("/")[2] for entry in found) if name)

    def size(self, path: str) -> int | None:
        """A file's length."""
        with self._errors("look at"):
            try:
                found = self._system.info(self._path(path), refresh=True)
            except FileNotFoundError:
                return None
        return int(found["size"]) if found["type"] == "file" else None

    def read(self, path: str, *, limit: int) -> bytes:
        """A file's bytes."""
        with self._errors("read"):
            try:
                data = self._system.cat_file(self._path(path), start=0, end=limit + 1)
            except FileNotFoundError as error:
                raise MissingObject(
                    f"{self._url}/{path} isn't there", hint="Try again; whoever published it may have to push again."
                ) from error
            except OSError as error:
                if error.errno != errno.EINVAL or self.size(path) != 0:
                    raise
                data = b""  # S3 has no range of an empty object
        if len(data) > limit:
            raise CorruptObject(
                f"{self._url}/{path} is longer than it may be", hint="Whoever published it has to push again."
            )
        return bytes(data)

    def write(self, path: str, content: bytes | Path) -> None:
        """Put a file there."""
        data = content if isinstance(content, bytes) else Disk().read(content)
        with self._errors("write"):
            self._system.pipe_file(self._path(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """Put a file there, unless there is one."""
        if self._scheme not in EXCLUSIVE:
            raise UsageError(
                f"{self._scheme}:// can't tell two pushes apart that come at once", hint="Push to s3:// or gs://."
            )
        with self._errors("write"):
            try:
                self._system.pipe_file(self._path(path), data, mode="create")
            except FileExistsError:
                return False
            except Exception as error:
                if _is_taken(error):
                    return False
                raise
        return True

    def remove(self, path: str) -> None:
        """Delete a file."""
        with self._errors("delete in"):
            try:
                self._system.rm_file(self._path(path))
            except FileNotFoundError:
                return

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        """Turn what the many libraries behind ``fsspec`` raise into the errors of this one.

        Their messages are not repeated: a signed address may stand in one.
        """
        try:
            yield
        except WisedbError:
            raise
        except PermissionError as error:
            raise NotAuthorized(
                f"{self._url} doesn't let this user {action} it", hint="Check the keys that your tools use for it."
            ) from error
        except FileNotFoundError as error:
            raise RemoteNotFound(f"there is no {self._url}", hint="Check the bucket's name.") from error
        except Exception as error:
            name = type(error).__name__
            if "Credential" in name or "Token" in name:
                raise NotAuthorized(
                    f"there are no usable keys for {self._url} ({name})", hint="Set up the keys of your tools for it."
                ) from error
            raise RemoteUnavailable(
                f"can't {action} {self._url}: {name}", hint="Check the network and the address, then try again."
            ) from error


def _is_taken(error: Exception) -> bool:
    """Whether a store says that there is such an object already, or that another one is just being made."""
    if isinstance(error, OSError) and error.errno in _TAKEN:
        return True
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None and len(causes) < 8:
        causes.append(causes[-1].__cause__)
    answers = (getattr(cause, "response", None) for cause in causes)
    codes = {str(answer.get("Error", {}).get("Code", "")) for answer in answers if isinstance(answer, dict)}
    statuses = {str(getattr(cause, name, "")) for cause in causes for name in ("code", "status", "status_code")}
    return bool({"PreconditionFailed", "ConditionalRequestConflict"} & codes or {"412", "409"} & statuses)
