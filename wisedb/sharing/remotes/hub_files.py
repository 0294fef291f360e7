"""Files of a Hub repository at one of its commits, through the Hub's cache."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

from wisedb.errors import CorruptObject, MissingObject
from wisedb.sharing.manifest import MANIFEST, MAX_MANIFEST, Manifest
from wisedb.sharing.remotes.hub_errors import CAUGHT, Place, hub_errors, is_open

_DIGEST: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFiles:
    """Reads what a repository holds at a commit.

    Files are kept in the Hub's cache, as ``from_pretrained`` keeps those of models: a download that was cut goes on
    where it stopped, what is there already under another commit is not fetched again, and what was read once can be
    read without a network.

    Attributes:
        api: the client.
        place: the repository.
        cache_dir: the cache, ``None`` for the usual one.
        local_files_only: never ask the Hub.
    """

    api: HfApi
    place: Place
    cache_dir: Path | None = None
    local_files_only: bool = False

    def manifest(self, revision: str) -> Manifest | None:
        """The manifest at a Hub commit, ``None`` where there is none.

        Raises:
            CorruptObject, FormatTooNew: it can't be read.
            RemoteError: the Hub can't be.
        """
        try:
            data = self.read(MANIFEST, revision, limit=MAX_MANIFEST)
        except MissingObject:
            return None
        return Manifest.from_bytes(data, f"{MANIFEST} of '{self.place.repo}'")

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
        with hub_errors(self.place):
            cached = try_to_load_from_cache(self.place.repo, path, cache_dir=self.cache_dir, revision=revision)
            if not isinstance(cached, str):
                cached = self._elsewhere(path, revision) if self.local_files_only else None
            file = Path(cached) if cached is not None else self._download(path, revision, limit)
            data = _bounded(file, path, limit)
            if not _is_sound(file, data) and not self.local_files_only:
                # The client compares lengths only, and would find the same wrong bytes in the cache for ever.
                data = _bounded(self._download(path, revision, limit, again=True), path, limit)
        if not _is_sound(file, data):
            raise CorruptObject(
                f"{path} of '{self.place.repo}' has other bytes than the Hub says",
                hint="Try again; if it stays so, ask whoever published it.",
            )
        return data

    def cached_commit(self, revision: str) -> str | None:
        """The Hub commit that a branch, tag or commit was last read at, by the cache alone."""
        cached = try_to_load_from_cache(self.place.repo, MANIFEST, cache_dir=self.cache_dir, revision=revision)
        return Path(cached).parent.name if isinstance(cached, str) else None

    def remember(self, revision: str) -> None:
        """Let the cache know where a branch or tag is now, for those who come without a network.

        Raises:
            RemoteError: the Hub can't be read.
        """
        with hub_errors(self.place):
            self.api.hf_hub_download(self.place.repo, MANIFEST, revision=revision, cache_dir=self.cache_dir)

    def _download(self, path: str, revision: str, limit: int, *, again: bool = False) -> Path:
        if not self.local_files_only:
            self._check_length(path, revision, limit)
        return Path(
            self.api.hf_hub_download(
                self.place.repo,
                path,
                revision=revision,
                cache_dir=self.cache_dir,
                force_download=again,
                local_files_only=self.local_files_only,
            )
        )

    def _check_length(self, path: str, revision: str, limit: int) -> None:
        """Ask before downloading: what is too long must not fill the disk."""
        url = hf_hub_url(self.place.repo, path, revision=revision, endpoint=self.api.endpoint)
        try:
            size = get_hf_file_metadata(url, token=self.api.token, endpoint=self.api.endpoint).size
        except CAUGHT as error:
            if not is_open(error):
                raise
            return  # the download asks again, more patiently
        if size is not None and size > limit:
            raise _too_long(path, limit)

    def _elsewhere(self, path: str, revision: str) -> str | None:
        """The same path at another commit in the cache: a pack's files are named by their content."""
        manifest = try_to_load_from_cache(self.place.repo, MANIFEST, cache_dir=self.cache_dir, revision=revision)
        if path == MANIFEST or not isinstance(manifest, str):
            return None
        found = sorted(Path(manifest).parent.parent.glob(f"*/{path}"))
        return next((str(file) for file in found if file.is_file()), None)


def _bounded(file: Path, path: str, limit: int) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise _too_long(path, limit)
    return data


def _too_long(path: str, limit: int) -> CorruptObject:
    return CorruptObject(
        f"{path} is longer than {limit} bytes", hint="Don't trust where it came from; ask whoever published it."
    )


def _is_sound(file: Path, data: bytes) -> bool:
    """Whether the bytes are those that the Hub named: the cache names its files by the SHA-256 or the git blob id."""
    # One step only: what a link leads to may itself be one to a place that several caches share, named by other hashes.
    name = file.readlink().name if file.is_symlink() else ""
    if not _DIGEST.fullmatch(name):
        return True  # a cache without links has lost the name; readers check content by their own hashes
    if len(name) == 64:
        return hashlib.sha256(data).hexdigest() == name
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == name
