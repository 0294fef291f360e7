"""Sharding: which edit goes into which side memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, count

from wisedb.editors.common.seeds import seed_of
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.streams import Held, Planned, StreamItem, effective
from wisedb.edits import Edit, normalise_prompt
from wisedb.model.subjects import subject_of
from wisedb.model.words import count_words

# A shard takes edits on subjects that it knows up to so many times its capacity. Set by hand: room for a few more
# facts on what is known, without a shard that has no end.
_WIDER = 1.5
# Words of a target that fill one slot of a shard, which a fact of up to twice as many fills too. Set by hand, so that
# the targets of ZsRE, CounterFact and atlas, one to fifteen words, each take one slot.
_WORDS = 8


def size_in_slots(edit: Edit) -> int:
    """How many of a shard's slots an edit takes: one for each full eight words of its target, one at least."""
    return max(1, count_words(edit.target) // _WORDS)


def plan(
    shards: Sequence[Held],
    new: Sequence[Edit],
    removed: Collection[str],
    settings: KeyedSettings,
    seed: int,
) -> list[Planned]:
    """Split ``new`` over the shards and take ``removed`` out of them.

    A new edit whose prompt an edit in force has goes to that edit's shard and shadows it there, so that one prompt
    never lives in two shards. One on the subject of an edit in force goes to that edit's shard, if it is open and has
    room for half as many again: which of several edits on one thing is meant is the hardest of what keys can be asked,
    and within one shard it needs no answer. The others fill the newest open shard up to ``shard_capacity`` slots, then
    a new one. An edit that is in force already is not written again. What one call writes into one shard is one edit
    batch.

    Args:
        shards: those that exist, oldest first.
        new: the edits to write, in order.
        removed: ids of the edits to take out; an edit that one of them shadowed is in force again.
        settings: shard_capacity counts here.
        seed: masks come from it and from the ids of the edits that open a shard.

    Returns:
        Only the shards that change, oldest first, new ones last. A shard with an empty stream goes.
    """
    builders = _ShardBuilders(shards, frozenset(removed))
    for edit in new:
        chosen = builders.with_prompt(edit)
        if chosen is None:
            chosen = builders.with_subject(edit, int(_WIDER * settings.shard_capacity))
        if chosen is None:
            chosen = builders.newest
            if chosen is None or chosen.taken >= settings.shard_capacity:
                chosen = builders.open(edit, seed)
        elif edit.key in chosen.in_force and chosen.in_force[edit.key].id == edit.id:
            continue
        builders.append(chosen, edit)
    return list(builders.changed())


class _ShardBuilder:
    """A shard while it is planned.

    Attributes:
        id: the existing shard's id, None for a new one.
        seed: where its mask comes from; of an existing shard too, where it is known.
        before: its stream before the plan.
        stream: its stream so far.
        in_force: by prompt, the edits that no newer one shadows.
        taken: slots that the edits in force take.
    """

    def __init__(self, shard: Held | None, seed: int | None, removed: Collection[str]) -> None:
        self.id = None if shard is None else shard.id
        self.seed = seed
        self.before = () if shard is None else shard.stream
        self.stream = [item for item in self.before if item.edit.id not in removed]
        self.in_force = {item.edit.key: item.edit for item in effective(self.stream)}
        self.taken = sum(map(size_in_slots, self.in_force.values()))
        # All that this plan adds is one batch, whose number none of the others has.
        self._batch = 1 + max((item.batch for item in self.stream if item.batch is not None), default=-1)

    def append(self, edit: Edit) -> None:
        """Write an edit behind the others; the older one of its prompt is no longer in force."""
        self.stream.append(StreamItem(edit, batch=self._batch))
        older = self.in_force.get(edit.key)
        self.taken += size_in_slots(edit) - (0 if older is None else size_in_slots(older))
        self.in_force[edit.key] = edit


class _ShardBuilders:
    """All shards while they are planned, found by prompt and by subject so that each edit costs the same."""

    def __init__(self, shards: Sequence[Held], removed: Collection[str]) -> None:
        self._all = [_ShardBuilder(shard, shard.seed, removed) for shard in shards]
        self._seeds = {builder.seed for builder in self._all}
        self._by_prompt: dict[str, _ShardBuilder] = {}
        for builder in self._all:
            for key in builder.in_force:
                self._by_prompt.setdefault(key, builder)
        usable = [builder for builder, shard in zip(self._all, shards, strict=True) if builder.stream and shard.open]
        self.newest = usable[-1] if usable else None
        """The one that takes edits of new prompts, if any does."""
        self._by_subject: dict[str, _ShardBuilder] = {}
        for builder in usable:
            for edit in builder.in_force.values():
                self._add_subject(edit, builder)

    def with_prompt(self, edit: Edit) -> _ShardBuilder | None:
        """The shard that holds an edit's prompt."""
        return self._by_prompt.get(edit.key)

    def with_subject(self, edit: Edit, capacity: int) -> _ShardBuilder | None:
        """The shard that holds edits on an edit's subject, if less than ``capacity`` of its slots are taken."""
        subject = subject_of(edit)
        found = None if subject is None else self._by_subject.get(normalise_prompt(subject))
        return found if found is not None and found.taken < capacity else None

    def open(self, edit: Edit, seed: int) -> _ShardBuilder:
        """A new shard, for ``edit``."""
        # A shard that this edit opened once may still be there without it: two with one mask would be one memory.
        names = chain([()], ((str(number),) for number in count(1)))
        own = next(found for name in names if (found := seed_of(seed, "mask", edit.id, *name)) not in self._seeds)
        self.newest = _ShardBuilder(None, own, ())
        self._all.append(self.newest)
        self._seeds.add(own)
        return self.newest

    def append(self, builder: _ShardBuilder, edit: Edit) -> None:
        """Write an edit into a shard."""
        if edit.key not in builder.in_force:
            self._by_prompt[edit.key] = builder
            self._add_subject(edit, builder)
        builder.append(edit)

    def changed(self) -> Iterator[Planned]:
        """What shall become of the shards that are no longer what they were."""
        for builder in self._all:
            stream = tuple(builder.stream)
            if stream != builder.before:
                yield Planned(builder.id, builder.seed if builder.id is None else None, stream)

    def _add_subject(self, edit: Edit, builder: _ShardBuilder) -> None:
        subject = subject_of(edit)
        if subject is not None:
            self._by_subject.setdefault(normalise_prompt(subject), builder)
