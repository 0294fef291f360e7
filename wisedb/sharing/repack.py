"""The bundles of a pack after a push: the new ones, and now and then small old ones put together with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wisedb.errors import CorruptObject, MissingObject
from wisedb.sharing.bundle import Contents, read_bundle, split, write_bundle
from wisedb.sharing.manifest import Bundle
from wisedb.sharing.plan import Layout, together
from wisedb.sharing.remotes.protocol import Remote, Snapshot


@dataclass(frozen=True, slots=True)
class Packed:
    """What becomes of the bundles.

    Attributes:
        bundles: all of the pack's, afterwards.
        files: path → bytes of the new ones.
        removed: paths of those that were put together into new ones.
    """

    bundles: tuple[Bundle, ...]
    files: dict[str, bytes]
    removed: tuple[str, ...]


def repack(remote: Remote, snapshot: Snapshot, groups: Sequence[Contents], layout: Layout) -> Packed:
    """Put new objects into bundles, and small old bundles together with them where there are too many.

    Args:
        remote: where old bundles are read from.
        snapshot: the pack as it is.
        groups: per commit, parents first, what goes into a bundle.
        layout: when small bundles are put together.

    Raises:
        NotAuthorized, RemoteUnavailable: an old bundle can't be read.
    """
    present = () if snapshot.manifest is None else snapshot.manifest.bundles
    fresh = list(split(groups))
    gone: set[str] = set()
    old: list[Contents] = []
    for bundle in together(present, len(fresh), layout) if fresh else ():
        try:
            old.append(read_bundle(bundle, remote.read(bundle.path, snapshot, limit=bundle.bytes)))
        except (MissingObject, CorruptObject):
            continue  # no reason not to push: it stays as it is
        gone.add(bundle.name)
    written = [write_bundle(contents) for contents in (split([*old, *fresh]) if old else fresh)]
    kept = [bundle for bundle in present if bundle.name not in gone]
    names = {bundle.name for bundle in kept}
    new = [(bundle, data) for bundle, data in written if bundle.name not in names]
    files = {bundle.path: data for bundle, data in new}
    removed = tuple(bundle.path for bundle in present if bundle.name in gone and bundle.path not in files)
    return Packed((*kept, *(bundle for bundle, _ in new)), files, removed)
