"""Files of a Hub repository at one of its commits."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

from wisedb.errors import CorruptObject, MissingObject
from wisedb.sharing.manifest import MANIFEST, MAX_MANIFEST, Manifest
from wisedb.sharing.remotes.hub_errors import CAUGHT, HubRepository, hub_errors, is_open

_GIT_BLOB: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFiles:
    """Reads what a repository holds at a commit.

    Manifests stay in the Hub's cache: those of a hundred tags are asked for once and not with every command. Everything
    else passes through a temporary folder, since whoever reads it keeps it, and twice would be once too often.

    Attributes:
        api: the client.
        repository: the repository.
        cache_dir: the cache, ``None`` for the usual one.
    """

    api: HfApi
    repository: HubRepository
    cache_dir: Path | None = None

    def manifest(self, revision: str) -> Manifest | None:
        """The manifest at a Hub commit, ``None`` where there is none.

        Raises:
            CorruptObject, FormatTooNew: it can't be read.
            RemoteError: the Hub can't be.
        """
        try:
            with hub_errors(self.repository):
                data = self._cached_manifest(revision) or self._download(MANIFEST, revision, MAX_MANIFEST, None)
        except MissingObject:
            return None
        return Manifest.from_bytes(data, f"{MANIFEST} of '{self.repository.repo}'")

    def read(self, path: str, revision: str, *, limit: int) -> bytes:
        """One file; several threads may call it at a time.

        Args:
            path: where it stands in the repository.
            revision: the Hub commit, 40 hexadecimal digits.
            limit: how many bytes it may have.

        Raises:
            MissingObject: there is no such file.
            CorruptObject: it is longer, or isn't what the Hub says that it is.
            RemoteError: the Hub can't be read.
        """
        with hub_errors(self.repository), tempfile.TemporaryDirectory(prefix="wisedb-") as folder:
            return self._download(path, revision, limit, Path(folder))

    def _cached_manifest(self, revision: str) -> bytes | None:
        cached = try_to_load_from_cache(self.repository.repo, MANIFEST, cache_dir=self.cache_dir, revision=revision)
        if not isinstance(cached, str):
            return None
        file = Path(cached)
        data = file.read_bytes()
        # The cache names files by their hashes and links to them. One step only: what the name leads to may itself be
        # a link to a place that several caches share, named by hashes of another kind.
        return data if _is(data, file.readlink().name if file.is_symlink() else None) else None

    def _download(self, path: str, revision: str, limit: int, folder: Path | None) -> bytes:
        """Fetch a file into a folder, or into the cache."""
        digest = self._ask(path, revision, limit)
        # The client compares lengths only. What is wrong may have come from its cache, so that it is asked once more.
        for again in (False, True):
            file = self.api.hf_hub_download(
                self.repository.repo,
                path,
                revision=revision,
                cache_dir=self.cache_dir,
                local_dir=folder,
                force_download=again,
            )
            with Path(file).open("rb") as stream:
                data = stream.read(limit + 1)
            if len(data) > limit:
                raise _too_long(path, limit)
            if _is(data, digest):
                return data
        raise CorruptObject(
            f"{path} of '{self.repository.repo}' has other bytes than the Hub says",
            hint="Try again; if it stays so, ask whoever published it.",
        )

    def _ask(self, path: str, revision: str, limit: int) -> str | None:
        """What the Hub says that a file's hash is. What is too long is refused here: it must not fill the disk."""
        url = hf_hub_url(self.repository.repo, path, revision=revision, endpoint=self.api.endpoint)
        try:
            metadata = get_hf_file_metadata(url, token=self.api.token, endpoint=self.api.endpoint)
        except CAUGHT as error:
            if not is_open(error):
                raise
            return None  # the download asks again, more patiently
        if metadata.size is not None and metadata.size > limit:
            raise _too_long(path, limit)
        return metadata.etag


def _too_long(path: str, limit: int) -> CorruptObject:
    return CorruptObject(
        f"{path} is longer than {limit} bytes", hint="Don't trust where it came from; ask whoever published it."
    )


def _is(data: bytes, digest: str | None) -> bool:
    """Whether bytes have the hash that the Hub gives: SHA-256 of large files, git's of others.

    Where it gives none, or one of another kind, callers find out by their own hashes.
    """
    if digest is not None and _SHA256.fullmatch(digest):
        return hashlib.sha256(data).hexdigest() == digest
    if digest is not None and _GIT_BLOB.fullmatch(digest):
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == digest
    return True
