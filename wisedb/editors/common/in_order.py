"""The plan of editors that write one edit after the other into one memory, as ROME and GRACE do. No torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count

from wisedb.editors.common.seeds import seed_of
from wisedb.editors.streams import Held, Planned, StreamItem, effective
from wisedb.edits import Edit

Companions = Callable[[Edit, Sequence[Edit]], Sequence[Edit]]
"""Of an edit and those in force in other memories, the ones that are looked at while it is written."""


def plan_in_order(
    held: Sequence[Held],
    new: Sequence[Edit],
    removed: Collection[str],
    seed: int,
    *,
    capacity: int | None = None,
    companions: Companions | None = None,
) -> list[Planned]:
    """Write new edits behind the others of the newest open memory, and take some out.

    An edit whose prompt that memory has shadows the older one there; from any other memory the older one is taken out,
    so that a prompt lives in one memory. An edit in force is not written again.

    Args:
        held: the memories that exist, oldest first.
        new: the edits to write, in order.
        removed: ids of the edits to take out.
        seed: a new memory's own seed comes from it and from its first edit.
        capacity: edits in force that a memory takes before the next one is begun; no limit by default.
        companions: which edits in force in other memories go along with an edit; none by default.

    Returns:
        Only the memories that change, oldest first, a new one last. One with an empty stream goes.
    """
    streams = {memory.id: _without(memory.stream, removed) for memory in held}
    there = {edit.id for stream in streams.values() for edit in _in_force(stream)}
    wanted = [edit for edit in new if edit.id not in there]
    usable = [memory.id for memory in held if memory.open and streams[memory.id]]
    begun: list[tuple[int, tuple[StreamItem, ...]]] = []
    known = {memory.seed for memory in held}
    home = usable[-1] if usable else None
    for edit in wanted:
        for memory, stream in streams.items():
            if memory != home:
                streams[memory] = tuple(item for item in stream if item.edit.key != edit.key)
        if home is not None and (capacity is None or len(_in_force(streams[home])) < capacity):
            others = [stream for memory, stream in streams.items() if memory != home]
            streams[home] = (*streams[home], _item(edit, others, companions))
            continue
        home = None
        if not begun or (capacity is not None and len(_in_force(begun[-1][1])) >= capacity):
            begun.append((new_seed(seed, edit, known), ()))
            known.add(begun[-1][0])
        others = [*streams.values(), *(stream for _, stream in begun[:-1])]
        begun[-1] = (begun[-1][0], (*begun[-1][1], _item(edit, others, companions)))
    changed = [Planned(memory.id, None, streams[memory.id]) for memory in held if streams[memory.id] != memory.stream]
    return [*changed, *(Planned(None, own, stream) for own, stream in begun)]


def new_seed(seed: int, first: Edit, known: Collection[int | None]) -> int:
    """A seed of 60 bits for a memory that begins with an edit, unlike those that are known."""
    # A memory that this edit began once may still be there without it.
    found = (seed_of(seed, "memory", first.id, str(number)) for number in count())
    return next(own for own in found if own not in known)


def _item(edit: Edit, others: Sequence[Sequence[StreamItem]], companions: Companions | None) -> StreamItem:
    if companions is None:
        return StreamItem(edit)
    return StreamItem(edit, tuple(companions(edit, [other for stream in others for other in _in_force(stream)])))


def _in_force(stream: Sequence[StreamItem]) -> list[Edit]:
    return [item.edit for item in effective(stream)]


def _without(stream: Sequence[StreamItem], removed: Collection[str]) -> tuple[StreamItem, ...]:
    return tuple(item for item in stream if item.edit.id not in removed)
