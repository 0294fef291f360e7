"""What an editor plans and what it hands back: streams of edits, one a side memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from wisedb.edits import Edit

if TYPE_CHECKING:
    from torch import Tensor

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class StreamItem:
    """One edit on its way into a side memory.

    Attributes:
        edit: what is written.
        replay: edits of other memories whose prompts must stay quiet while it is written (L_memo). They are part of
            the stream, so that the same stream always trains the same memory.
        lesson: neighbours in a stream with the same number are learned together, as one lesson; ``None`` for an edit
            that is learned by itself. Only what is equal counts, not which number it is.
    """

    edit: Edit
    replay: tuple[Edit, ...] = ()
    lesson: int | None = None


@dataclass(frozen=True, slots=True)
class ShardStream:
    """A side memory that exists.

    Attributes:
        id: the id of its mask.
        stream: everything that it trained on and still holds, in order.
        mask_seed: where its mask came from, so that no two memories get the same one; ``None`` if that isn't known.
        open: whether it may take edits of new prompts: it was begun with the settings and the seed that new edits are
            to be written with.
    """

    id: str
    stream: tuple[StreamItem, ...]
    mask_seed: int | None = None
    open: bool = True

    @property
    def in_force(self) -> tuple[Edit, ...]:
        """The edits that no newer one shadows."""
        return tuple(item.edit for item in effective(self.stream))


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What shall become of one side memory.

    Attributes:
        id: the id of its mask, or ``None`` for a memory that does not exist yet.
        mask_seed: where a new memory's mask comes from; ``None`` for one that exists.
        stream: what it holds afterwards; an empty one means that the memory goes.
    """

    id: str | None
    mask_seed: int | None
    stream: tuple[StreamItem, ...]


@dataclass(frozen=True, slots=True)
class TrainedShard:
    """A trained side memory.

    Attributes:
        values: ΔW at the entries of the mask, row-major, ``(entries,)``, in the dtype that is stored, on the CPU.
        threshold: ε, in units of Δ_act.
        statistics: what was measured on the way, JSON values only.
    """

    values: Tensor
    threshold: float
    statistics: Mapping[str, Any] = field(default_factory=dict)


def effective(stream: Sequence[StreamItem]) -> tuple[StreamItem, ...]:
    """The items that count: those that no later item with the same prompt shadows, in their order."""
    newest = {item.edit.key: position for position, item in enumerate(stream)}
    return tuple(item for position, item in enumerate(stream) if newest[item.edit.key] == position)


def lessons(stream: Iterable[StreamItem]) -> Iterator[tuple[StreamItem, ...]]:
    """The stream in the groups that are learned together, in order; join them and the stream is back."""
    return runs(stream, lambda item: item.lesson)


def runs(items: Iterable[_Item], lesson: Callable[[_Item], int | None]) -> Iterator[tuple[_Item, ...]]:
    """Neighbours of the same lesson; what is of no lesson stands by itself."""
    group: list[_Item] = []
    before: int | None = None
    for item in items:
        number = lesson(item)
        if group and (number is None or number != before):
            yield tuple(group)
            group = []
        group.append(item)
        before = number
    if group:
        yield tuple(group)


def numbered(stream: Iterable[StreamItem]) -> tuple[int | None, ...]:
    """Each item's lesson counted anew from 0, so that equal streams are written down alike; ``None`` stays ``None``."""
    groups = [(place, item) for place, group in enumerate(lessons(stream)) for item in group]
    return tuple(None if item.lesson is None else place for place, item in groups)
