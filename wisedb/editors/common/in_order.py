"""The plan of editors that write edits in their order, alone as ROME does or a commit's together. No torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count

from wisedb.editors.common.seeds import seed_of
from wisedb.editors.streams import Held, Planned, StreamItem, in_force
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
    together: bool = False,
) -> list[Planned]:
    """Write new edits behind the others of the newest open memory, and take some out.

    An edit whose prompt that memory has shadows the older one there; from any other memory the older one is taken out,
    so that a prompt lives in one memory. An edit in force is not written again. What had an edit among its companions
    that is taken out now gets those that it would have had without it.

    Args:
        held: the memories that exist, oldest first.
        new: the edits to write, in order.
        removed: ids of the edits to take out.
        seed: a new memory's own seed comes from it and from its first edit.
        capacity: edits in force that a memory takes before the next one is begun; no limit by default.
        companions: which edits in force in other memories go along with an edit; none by default. Taking one of the
            others away must leave the rest of the choice as it is.
        together: whether all that goes into one memory now is one batch, written at once.

    Returns:
        Only the memories that change, oldest first, a new one last. One with an empty stream goes.
    """
    streams = {memory.id: _without(memory.stream, removed) for memory in held}
    if companions is not None:
        streams = _without_companions(streams, removed, companions)
    there = {edit.id for stream in streams.values() for edit in in_force(stream)}
    wanted = [edit for edit in new if edit.id not in there]
    usable = [memory.id for memory in held if memory.open and streams[memory.id]]
    begun: list[tuple[int, tuple[StreamItem, ...]]] = []
    known = {memory.seed for memory in held}
    home = usable[-1] if usable else None
    batch = _unused_batch(streams.values()) if together else None
    for edit in wanted:
        for memory, stream in streams.items():
            if memory != home:
                streams[memory] = tuple(item for item in stream if item.edit.key != edit.key)
        if home is not None and (capacity is None or len(in_force(streams[home])) < capacity):
            others = [stream for memory, stream in streams.items() if memory != home]
            streams[home] = (*streams[home], _item(edit, others, companions, batch))
            continue
        home = None
        if not begun or (capacity is not None and len(in_force(begun[-1][1])) >= capacity):
            begun.append((new_seed(seed, edit, known), ()))
            known.add(begun[-1][0])
        others = [*streams.values(), *(stream for _, stream in begun[:-1])]
        begun[-1] = (begun[-1][0], (*begun[-1][1], _item(edit, others, companions, batch)))
    changed = [Planned(memory.id, None, streams[memory.id]) for memory in held if streams[memory.id] != memory.stream]
    return [*changed, *(Planned(None, own, stream) for own, stream in begun)]


def new_seed(seed: int, first: Edit, known: Collection[int | None]) -> int:
    """A seed of 60 bits for a memory that begins with an edit, unlike those that are known."""
    # A memory that this edit began once may still be there without it.
    found = (seed_of(seed, "memory", first.id, str(number)) for number in count())
    return next(own for own in found if own not in known)


def _unused_batch(streams: Iterable[Sequence[StreamItem]]) -> int:
    numbers = (item.batch for stream in streams for item in stream if item.batch is not None)
    return 1 + max(numbers, default=-1)


def _item(
    edit: Edit, others: Sequence[Sequence[StreamItem]], companions: Companions | None, batch: int | None
) -> StreamItem:
    if companions is None:
        return StreamItem(edit, batch=batch)
    looked_at = companions(edit, [other for stream in others for other in in_force(stream)])
    return StreamItem(edit, tuple(looked_at), batch)


def _without_companions(
    streams: Mapping[str, tuple[StreamItem, ...]], removed: Collection[str], companions: Companions
) -> dict[str, tuple[StreamItem, ...]]:
    # A memory's edits were all written before the next one was begun, so that the others of an edit are those before.
    found: dict[str, tuple[StreamItem, ...]] = {}
    earlier: list[Edit] = []
    for memory, stream in streams.items():
        found[memory] = tuple(
            replace(item, companions=tuple(companions(item.edit, _others(item, removed, earlier))))
            if any(other.id in removed for other in item.companions)
            else item
            for item in stream
        )
        earlier += in_force(stream)
    return found


def _others(item: StreamItem, removed: Collection[str], earlier: Sequence[Edit]) -> list[Edit]:
    left = [other for other in item.companions if other.id not in removed]
    return list({other.id: other for other in (*left, *earlier)}.values())


def _without(stream: Sequence[StreamItem], removed: Collection[str]) -> tuple[StreamItem, ...]:
    return tuple(item for item in stream if item.edit.id not in removed)
