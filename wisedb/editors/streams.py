"""What an editor plans and what it hands back: streams of edits, one a memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from wisedb.edits import Edit

if TYPE_CHECKING:
    from wisedb.memory.gates.base import GateName, KeyFormat
    from wisedb.memory.kinds.base import Change

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class StreamItem:
    """One edit on its way into a memory.

    Attributes:
        edit: what is written.
        companions: other edits that the editor looks at while it writes this one, such as those of other memories whose
            prompts must stay quiet (WISE's L_memo). They are part of the stream, so that the same stream always trains
            the same memory.
        batch: neighbours in a stream with the same number are written together; ``None`` for an edit that is written
            by itself. Only what is equal counts, not which number it is.
    """

    edit: Edit
    companions: tuple[Edit, ...] = ()
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A memory that exists.

    Attributes:
        id: the memory's id.
        stream: everything that it trained on and still holds, in order.
        seed: where its own random choices came from, so that no two memories get the same; ``None`` if that isn't
            known.
        open: whether it may take edits of new prompts: it was begun as new edits are to be written, and no memory that
            rests on it stands behind it.
    """

    id: str
    stream: tuple[StreamItem, ...]
    seed: int | None = None
    open: bool = True

    @property
    def in_force(self) -> tuple[Edit, ...]:
        """The edits that no newer one shadows."""
        return in_force(self.stream)


@dataclass(frozen=True, slots=True)
class Planned:
    """What shall become of one memory.

    Attributes:
        id: the memory's id, or ``None`` for a memory that does not exist yet.
        seed: where a new memory's own random choices come from; ``None`` for one that exists.
        stream: what it holds afterwards; an empty one means that the memory goes.
    """

    id: str | None
    seed: int | None
    stream: tuple[StreamItem, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """A memory as its editor trained it.

    Attributes:
        change: what it changes, its tensors in the dtypes that are stored, on the CPU.
        gate: which gate it is to stand behind; its keys, where it needs some, are made of its edits.
        threshold: ε of that gate, in units of Δ_act.
        statistics: what was measured on the way and is a function of the stream alone, JSON values.
        key_rephrases: whether the gate's keys are made of the edits' rephrases too.
        key_format: whether they are made of plain prompts, of questions in a chat, or of both.
        unlearned: the ids of edits that the editor saw not to be learned, in this call alone.
    """

    change: Change
    gate: GateName
    threshold: float = 0.0
    statistics: Mapping[str, Any] = field(default_factory=dict)
    key_rephrases: bool = False
    key_format: KeyFormat = "both"
    unlearned: frozenset[str] = frozenset()


def effective(stream: Sequence[StreamItem]) -> tuple[StreamItem, ...]:
    """The items that count: those that no later item with the same prompt shadows, in their order."""
    newest = {item.edit.key: position for position, item in enumerate(stream)}
    return tuple(item for position, item in enumerate(stream) if newest[item.edit.key] == position)


def in_force(stream: Sequence[StreamItem]) -> tuple[Edit, ...]:
    """The edits of the items that count, in their order: no two have one prompt."""
    return tuple(item.edit for item in effective(stream))


def batches(stream: Iterable[StreamItem]) -> Iterator[tuple[StreamItem, ...]]:
    """The stream in the groups that are written together, in order; join them and the stream is back."""
    return runs(stream, lambda item: item.batch)


def runs(items: Iterable[_Item], batch: Callable[[_Item], int | None]) -> Iterator[tuple[_Item, ...]]:
    """Neighbours of the same batch; what is of no batch stands by itself."""
    group: list[_Item] = []
    before: int | None = None
    for item in items:
        number = batch(item)
        if group and (number is None or number != before):
            yield tuple(group)
            group = []
        group.append(item)
        before = number
    if group:
        yield tuple(group)


def numbered(stream: Iterable[StreamItem]) -> tuple[int | None, ...]:
    """Each item's batch counted anew from 0, so that equal streams are written down alike; ``None`` stays ``None``."""
    groups = [(place, item) for place, group in enumerate(batches(stream)) for item in group]
    return tuple(None if item.batch is None else place for place, item in groups)
