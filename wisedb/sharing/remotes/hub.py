"""A pack on the Hugging Face Hub: a Hub branch for each branch, a Hub tag for each tag, a Hub commit for each push."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi

from wisedb.errors import MissingObject
from wisedb.progress import Listener
from wisedb.sharing.manifest import Manifest
from wisedb.sharing.remotes.hub_errors import HubRepository
from wisedb.sharing.remotes.hub_files import HubFiles
from wisedb.sharing.remotes.hub_listing import DEFAULT, Listing, listing
from wisedb.sharing.remotes.hub_publish import HubPublisher
from wisedb.sharing.remotes.protocol import Publication, Published, Snapshot
from wisedb.store.refnames import BRANCHES, TAGS

SCHEME: Final = "hf://"

_READERS: Final = 8
"""Manifests that are read at a time."""


class HubRemote:
    """The remote ``hf://org/name``; see :class:`wisedb.sharing.remotes.protocol.Remote`.

    The manifest in a Hub branch names that branch, and the tags that were pushed with it; a Hub branch whose manifest
    doesn't is not one of the pack, so that a new branch becomes visible with the commit that names it and not before. A
    tag made on the Hub's own pages stands for the state that it was put on.

    Address, token and cache are those of ``huggingface_hub`` (``HF_ENDPOINT``, ``HF_TOKEN`` or ``hf auth login``,
    ``HF_HOME``) unless they are given. No token is kept or shown.

    Args:
        url: ``hf://org/name``.
        token: another token than the user's.
        endpoint: another Hub than the usual one.
        cache_dir: another cache than the user's; manifests are kept there.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | bool | None = None,
        endpoint: str | None = None,
        cache_dir: str | Path | None = None,
    ) -> None:
        repo = url.removeprefix(SCHEME)
        self._api = HfApi(endpoint=endpoint, token=token, library_name="wisedb", library_version=version("wisedb"))
        self._repository = HubRepository(repo, self._api.endpoint.rstrip("/"))
        self._files = HubFiles(self._api, self._repository, None if cache_dir is None else Path(cache_dir))
        self._seen: Listing | None = None
        self._fresh: set[str] = set()

    @property
    def url(self) -> str:
        """``hf://org/name``."""
        return f"{SCHEME}{self._repository.repo}"

    @property
    def shared(self) -> bool:
        """Each Hub branch has its own manifest."""
        return False

    def refs(self) -> Mapping[str, str]:
        """See :class:`~wisedb.sharing.remotes.protocol.Remote`."""
        here = self._seen = listing(self._api, self._repository) or Listing()
        self._fresh = {BRANCHES + name for name in here.branches} | {TAGS + name for name in here.tags}
        manifests = self._manifests({*here.branches.values(), *here.tags.values()})
        found: dict[str, str] = {}
        for name, head in here.branches.items():
            manifest, ref = manifests[head], f"{BRANCHES}{name}"
            if manifest is not None and ref in manifest.refs:
                found[ref] = manifest.refs[ref]
        for name, head in here.tags.items():
            manifest = _with_tag(manifests[head], f"{TAGS}{name}")
            if manifest is not None:
                found[f"{TAGS}{name}"] = manifest.refs[f"{TAGS}{name}"]
        return dict(sorted(found.items()))

    def snapshot(self, ref: str) -> Snapshot:
        """See :class:`~wisedb.sharing.remotes.protocol.Remote`.

        The first one of each ref after :meth:`refs` is of the state that was seen there, so that what was listed and
        what is read belong together, and a hundred tags take one question.
        """
        here = self._seen if ref in self._fresh else None
        here = here or listing(self._api, self._repository) or Listing()
        self._fresh.discard(ref)
        # A push looks at all refs first and compares the tags with what it saw then.
        self._seen = self._seen or here
        if ref.startswith(TAGS):
            own = here.tags.get(ref.removeprefix(TAGS))
        else:
            own = here.branches.get(ref.removeprefix(BRANCHES))
        head = here.branches.get(DEFAULT) if own is None else own
        manifest = None if head is None else self._files.manifest(head)
        if ref.startswith(TAGS) and own is not None:
            manifest = _with_tag(manifest, ref) or manifest
        exists = own is not None and manifest is not None and ref in manifest.refs
        return Snapshot(manifest, head, exists)

    def read(self, path: str, snapshot: Snapshot, *, limit: int) -> bytes:
        """See :class:`~wisedb.sharing.remotes.protocol.Remote`. Always the file of the snapshot's own Hub commit."""
        if snapshot.lease is None:
            raise MissingObject(
                f"there is no {path} in '{self._repository.repo}'", hint="Nothing was published there yet."
            )
        return self._files.read(path, snapshot.lease, limit=limit)

    def publish(self, publication: Publication, *, progress: Listener | None = None) -> Published:
        """See :class:`~wisedb.sharing.remotes.protocol.Remote`."""
        published = HubPublisher(self._api, self._files, self._repository, self._seen).publish(publication, progress)
        self._seen, self._fresh = None, set()  # what was seen is no more
        return published

    def _manifests(self, heads: Iterable[str]) -> dict[str, Manifest | None]:
        wanted = sorted(heads)
        with ThreadPoolExecutor(_READERS) as pool:
            return dict(zip(wanted, pool.map(self._files.manifest, wanted), strict=True))


def _with_tag(manifest: Manifest | None, tag: str) -> Manifest | None:
    """The manifest that names ``tag``; where none does, the tag was put on the one branch that it names."""
    if manifest is None or tag in manifest.refs:
        return manifest
    branches = list(manifest.branches.values())
    return replace(manifest, refs={**manifest.refs, tag: branches[0]}) if len(branches) == 1 else None
