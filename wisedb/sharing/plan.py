"""What has to travel: pure decisions from the history and a manifest, nothing is read or sent here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from wisedb.errors import CorruptObject
from wisedb.sharing.manifest import Bundle


@dataclass(frozen=True, slots=True)
class Layout:
    """How many bundles a pack may have before small ones are put together.

    Attributes:
        most: bundles that a push may leave; with more it puts some together.
        small: bytes below which a bundle may be put together with others.
        sum: bytes that are put together in one push at most.
    """

    most: int = 32
    small: int = 8 << 20
    sum: int = 32 << 20


LAYOUT: Final = Layout()


def ancestry(parents: Callable[[str], Iterable[str]], starts: Iterable[str], stop: Collection[str] = ()) -> list[str]:
    """All commits that ``starts`` descend from, themselves included, parents before children.

    Args:
        parents: a commit's parents.
        starts: commit ids.
        stop: ids of commits to leave out; with a commit it must hold all of its ancestors.
    """
    order: list[str] = []
    done: set[str] = set()
    stack = [(start, False) for start in starts]
    while stack:
        commit_id, followed = stack.pop()
        if followed:
            order.append(commit_id)
        elif commit_id not in done and commit_id not in stop:
            done.add(commit_id)
            stack.append((commit_id, True))
            stack.extend((parent, False) for parent in parents(commit_id) if parent not in done)
    return order


def levels(links: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Blobs in steps: each needs nothing but what came in the steps before. What has no entry counts as there.

    Args:
        links: blob id → the blobs that must be there first.

    Raises:
        CorruptObject: some need one another, which no honest store makes.
    """
    sorter = TopologicalSorter({blob: [other for other in needed if other in links] for blob, needed in links.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise CorruptObject(
            f"blob {str(error.args[1][0])[:12]} is stored as a difference to itself",
            hint="Don't trust where it came from.",
        ) from error
    steps: list[list[str]] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        steps.append(ready)
        sorter.done(*ready)
    return steps


def wanted_bundles(bundles: Iterable[Bundle], has: Callable[[str], bool]) -> list[Bundle]:
    """Those of the bundles that hold something new for a store: it lacks one of their tips.

    A bundle without commits is always wanted.
    """
    return [bundle for bundle in bundles if not bundle.tips or not all(has(tip) for tip in bundle.tips)]


def together(bundles: Sequence[Bundle], coming: int, layout: Layout = LAYOUT) -> list[Bundle]:
    """Which bundles are put together with the new ones, so that their number stays bounded.

    The smallest are taken, at least half of them, and of the next those that are no larger than what is taken already.
    So an object is moved a number of times that grows with the logarithm of the pack's size only.

    Args:
        bundles: those that are there.
        coming: how many new ones there will be.
        layout: when and what.
    """
    if len(bundles) + coming <= layout.most:
        return []
    chosen: list[Bundle] = []
    weight = 0
    for bundle in sorted(bundles, key=lambda bundle: (bundle.bytes, bundle.name)):
        enough = len(chosen) * 2 > layout.most and bundle.bytes > weight
        if enough or bundle.bytes >= layout.small or weight + bundle.bytes > layout.sum:
            break
        chosen.append(bundle)
        weight += bundle.bytes
    return chosen
