"""The keys of one memory's edits: what tells the router that a prompt means one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.gates.keys.statistics import Statistics

_TENSORS = {
    "owners": torch.int32,
    "relations": torch.float16,
    "knowledge": torch.float32,
    "tokens": torch.int32,
    "readings": torch.int32,
}
# Of plain prompts there are none.
_STOPS = "stops"
# Stores from before these were told apart have neither, and of models of one script there is none.
_TYPED, _SCRIPTS = "typed", "scripts"
# Of edits that stand by themselves there are none.
_CONVERSATIONS = ("conversations", "conversation_lengths")


def _no_numbers() -> torch.Tensor:
    return torch.zeros(0, dtype=torch.int32)


@dataclass(frozen=True, slots=True, eq=False)
class EditKeys:
    """k keys, most often one an edit; a function of the edits, the model and its statistics alone.

    Nothing in it depends on which other edits there are: what is usual among the edits in force is found when the
    memories are put beside the model (:class:`wisedb.memory.gates.keys.index.KeyIndex`).

    Attributes:
        statistics: those of the base model.
        owners: int32 (k,), the place of each key's edit among the memory's edits.
        relations: float16 (k, r), the relation key of each prompt, not centred.
        knowledge: float32 (k,), how much the model's answer depends on who is asked about, 0 to 1.
        tokens: int32 (tokens,), all readings one after the other.
        readings: int32 (n, 4): key, number of tokens, and the first token of the subject and the one behind its last
            (0, 0 where the subject isn't known). A key's first reading is its whole prompt; the others are its subject
            as it is spelt at other places of a sentence.
        stops: int32 (k,): of a question behind the chat template, how many tokens that end a sentence its answer has,
            1 at least; 0 of a plain prompt.
        conversations: int32 (c,), one after the other, the token ids of whole conversations that end with a key's
            question, up to where the reply begins.
        conversation_lengths: int32 (k,), how many of them are each key's; 0 where the question is a first message.
        scripts: int32 (k,), the place of each prompt's script among the statistics' and 1; 0 of any other.
        typed: int32 (k,), 1 of a prompt as people type it, without capitals or with nothing else; else 0. What is usual
            among edits doesn't depend on these.

    Raises:
        CorruptObject: tensors that don't belong together.
    """

    statistics: Statistics
    owners: torch.Tensor
    relations: torch.Tensor
    knowledge: torch.Tensor
    tokens: torch.Tensor
    readings: torch.Tensor
    stops: torch.Tensor = field(default_factory=_no_numbers)
    conversations: torch.Tensor = field(default_factory=_no_numbers)
    conversation_lengths: torch.Tensor = field(default_factory=_no_numbers)
    scripts: torch.Tensor = field(default_factory=_no_numbers)
    typed: torch.Tensor = field(default_factory=_no_numbers)

    def __post_init__(self) -> None:
        for name in (_STOPS, _CONVERSATIONS[1], _TYPED, _SCRIPTS):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, torch.zeros(len(self.owners), dtype=torch.int32))
        if any(getattr(self, name).dtype != kind for name, kind in _TENSORS.items()) or not self._whole():
            raise CorruptObject("the keys' tensors don't belong together", hint="Run `wisedb fsck`.")

    def _whole(self) -> bool:
        count, width = len(self.owners), self.statistics.relation_map.shape[1]
        if self.owners.ndim != 1 or self.relations.shape != (count, width) or self.knowledge.shape != (count,):
            return False
        if self.stops.dtype != torch.int32 or self.stops.shape != (count,) or bool((self.stops < 0).any()):
            return False
        for most, numbers in ((len(self.statistics.scripts.scripts), self.scripts), (1, self.typed)):
            if numbers.dtype != torch.int32 or numbers.shape != (count,):
                return False
            if bool(((numbers < 0) | (numbers > most)).any()):
                return False
        if bool(self.stops.any()) and self.statistics.chat is None:
            return False
        if not self._whole_conversations():
            return False
        if self.tokens.ndim != 1 or self.readings.ndim != 2 or self.readings.shape[1] != 4:
            return False
        key, length, first, last = self.readings.unbind(dim=1)
        return bool(
            (self.owners >= 0).all()
            and torch.isfinite(self.relations).all()
            and torch.isfinite(self.knowledge).all()
            and int(length.sum()) == len(self.tokens)
            and (length > 0).all()
            and (key.diff() >= 0).all()
            and torch.unique(key).tolist() == list(range(count))
            and ((first >= 0) & (first <= last) & (last <= length)).all()
            and (self.tokens >= 0).all()
        )

    def _whole_conversations(self) -> bool:
        ids, lengths = self.conversations, self.conversation_lengths
        if ids.dtype != torch.int32 or lengths.dtype != torch.int32 or lengths.shape != self.owners.shape:
            return False
        sizes = ids.ndim == 1 and int(lengths.sum()) == len(ids) and bool((lengths >= 0).all() and (ids >= 0).all())
        return sizes and not bool((lengths > 0)[self.stops == 0].any())

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def edits(self) -> int:
        """How many edits have keys here."""
        return len(torch.unique(self.owners))

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors().values())

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name, for a blob."""
        held = {name: getattr(self, name) for name in (*_TENSORS, _TYPED)}
        if bool(self.stops.any()):
            held[_STOPS] = self.stops
        if bool(self.scripts.any()):
            held[_SCRIPTS] = self.scripts
        if len(self.conversations):
            held |= {name: getattr(self, name) for name in _CONVERSATIONS}
        return held

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor], statistics: Statistics) -> EditKeys:
        """What :meth:`tensors` gave.

        Raises:
            CorruptObject: something is missing, or doesn't belong together.
        """
        if set(tensors) - {_STOPS, _TYPED, _SCRIPTS, *_CONVERSATIONS} != set(_TENSORS):
            raise CorruptObject(f"these are no keys: {', '.join(sorted(tensors))}", hint="Run `wisedb fsck`.")
        return cls(statistics, **tensors)

    @classmethod
    def empty(cls, statistics: Statistics) -> EditKeys:
        """No keys at all."""
        width = statistics.relation_map.shape[1]
        shapes: dict[str, tuple[int, ...]] = {"relations": (0, width), "readings": (0, 4)}
        return cls(
            statistics, **{name: torch.zeros(shapes.get(name, (0,)), dtype=kind) for name, kind in _TENSORS.items()}
        )

    @classmethod
    def joined(cls, rings: Sequence[tuple[EditKeys, Sequence[int]]]) -> EditKeys:
        """Several rings as one.

        Args:
            rings: each with the new place of each of its edits.

        Raises:
            UsageError: no ring, or rings of different statistics.
        """
        if not rings:
            raise UsageError("there are no keys to join", hint="Give one ring at least.")
        statistics = same_statistics(ring for ring, _ in rings)
        owners, readings, first = [], [], 0
        for ring, places in rings:
            owners.append(torch.tensor(list(places), dtype=torch.int32)[ring.owners.long()])
            moved = ring.readings.clone()
            moved[:, 0] += first
            readings.append(moved)
            first += len(ring)
        parts = {
            name: torch.cat([getattr(ring, name) for ring, _ in rings])
            for name in ("relations", "knowledge", "tokens", _STOPS, _TYPED, _SCRIPTS, *_CONVERSATIONS)
        }
        return cls(statistics, torch.cat(owners), readings=torch.cat(readings), **parts)


def same_statistics(rings: Iterable[EditKeys]) -> Statistics:
    """The statistics that all rings share.

    Raises:
        UsageError: they don't.
    """
    found: Statistics | None = None
    for ring in rings:
        if found is None:
            found = ring.statistics
        elif not found.same(ring.statistics):
            raise UsageError("the memories' keys rest on different statistics", hint="They belong to different stores.")
    if found is None:
        raise UsageError("there are no keys", hint="Give one ring at least.")
    return found
