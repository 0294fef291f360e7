"""Sharding: which edit goes into which subspace of the side memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, chain, count
from random import Random

from wisedb.canonical import canonical_json, digest
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.streams import Held, Planned, StreamItem, effective
from wisedb.edits import Edit, normalise_prompt

# A shard takes edits on subjects that it knows up to so many times its capacity.
_WIDER = 1.5
# Words of a target that take up as much of a shard as a fact does, which may have up to twice as many.
_WORDS = 8


def seed_of(seed: int, *words: str) -> int:
    """A seed of 63 bits for one purpose, from the store's seed and what names the purpose."""
    return int(digest(canonical_json([seed, *words]))[:15], 16)


def plan(
    shards: Sequence[Held],
    new: Sequence[Edit],
    removed: Collection[str],
    config: KeyedSettings,
    seed: int,
) -> list[Planned]:
    """Split ``new`` over the shards and take ``removed`` out of them.

    A new edit whose prompt an edit in force has goes to that edit's shard and shadows it there, so that one prompt
    never lives in two shards. Where keys route, one on the subject of an edit in force goes to that edit's shard, if it
    is open and has room for half as many again: which of several edits on one thing is meant is the hardest of what
    keys can be asked, and within one shard it needs no answer. The others fill the newest open shard up to
    ``shard_capacity`` edits in force, then a new one. An edit counts once for each full eight words of its target: a
    passage takes up as much of a shard as many facts do.
    An edit that is in force already is not written again. What one call writes into one shard is learned together, in
    lessons of at most ``lesson_size`` edits.

    Args:
        shards: those that exist, oldest first.
        new: the edits to write, in order.
        removed: ids of the edits to take out; an edit that one of them shadowed is in force again.
        config: shard_capacity, lesson_size and replay count here.
        seed: masks and replay prompts come from it and from the edits' ids.

    Returns:
        Only the shards that change, oldest first, new ones last. A shard with an empty stream goes.
    """
    drafts = _Drafts(shards, frozenset(removed))
    for edit in new:
        home = drafts.home(edit.key)
        if home is None and config.keyed:
            home = drafts.kin(edit, int(_WIDER * config.shard_capacity))
        if home is None:
            home = drafts.newest
            if home is None or home.taken >= config.shard_capacity:
                home = drafts.open(edit, seed)
        elif edit.key in home.in_force and home.in_force[edit.key].id == edit.id:
            continue
        replay = drafts.replay(home, edit, config.replay if config.hinged else 0, seed)
        drafts.write(home, StreamItem(edit, replay, home.lesson(config.lesson_size)))
    return list(drafts.changed())


def places(edit: Edit) -> int:
    """How much of a shard an edit takes up, in facts."""
    return max(1, len(edit.target.split()) // _WORDS)


class _Draft:
    """A shard while it is planned.

    Attributes:
        place: which of the drafts it is.
        taken: how much of it the edits in force take up.
        in_force: by prompt, the edits that no newer one shadows, in the order of the stream.
    """

    def __init__(self, place: int, shard: Held | None, mask_seed: int | None, gone: Collection[str]) -> None:
        self.place = place
        self.id = None if shard is None else shard.id
        self.mask_seed = mask_seed  # of an existing shard too, where it is known
        self.before = () if shard is None else shard.stream
        self.stream = [item for item in self.before if item.edit.id not in gone]
        self.in_force = {item.edit.key: item.edit for item in effective(self.stream)}
        self.taken = sum(map(places, self.in_force.values()))
        self._listed: list[Edit] | None = None
        self._lesson = max((item.batch for item in self.stream if item.batch is not None), default=-1)
        self._taught = 0  # edits that this plan adds

    def lesson(self, size: int) -> int:
        """The number of the lesson that takes the next edit, if lessons hold ``size`` edits."""
        if self._taught % size == 0:
            self._lesson += 1
        self._taught += 1
        return self._lesson

    def append(self, item: StreamItem) -> None:
        """Write an edit behind the others; the older one of its prompt is no longer in force."""
        self.stream.append(item)
        older = self.in_force.pop(item.edit.key, None)
        self.taken += places(item.edit) - (0 if older is None else places(older))
        if older is not None:
            self._listed = None
        elif self._listed is not None:
            self._listed.append(item.edit)
        self.in_force[item.edit.key] = item.edit

    def nth(self, position: int) -> Edit:
        """One of the edits in force by its position."""
        if self._listed is None:
            self._listed = list(self.in_force.values())
        return self._listed[position]


class _Drafts:
    """All shards while they are planned, so kept that one more edit costs about as much as the last one did."""

    def __init__(self, shards: Sequence[Held], gone: Collection[str]) -> None:
        self._all = [_Draft(place, shard, shard.seed, gone) for place, shard in enumerate(shards)]
        self._homes: dict[str, _Draft] = {}
        for draft in self._all:
            for key in draft.in_force:
                self._homes.setdefault(key, draft)
        self._masks = {draft.mask_seed for draft in self._all}
        # How many edits are in force in each draft and those before it.
        self._ends = list(accumulate(len(draft.in_force) for draft in self._all))
        usable = [draft for draft, shard in zip(self._all, shards, strict=True) if draft.stream and shard.open]
        self.newest = usable[-1] if usable else None
        """The one that takes edits of new prompts, if any does."""
        self._kin: dict[str, _Draft] = {}
        for draft in usable:
            for edit in draft.in_force.values():
                self._meet(edit, draft)

    def home(self, key: str) -> _Draft | None:
        """The draft that holds a prompt."""
        return self._homes.get(key)

    def kin(self, edit: Edit, capacity: int) -> _Draft | None:
        """The draft that knows an edit's subject, if less than ``capacity`` of it is taken up."""
        found = None if edit.subject is None else self._kin.get(normalise_prompt(edit.subject))
        return found if found is not None and found.taken < capacity else None

    def _meet(self, edit: Edit, draft: _Draft) -> None:
        if edit.subject is not None:
            self._kin.setdefault(normalise_prompt(edit.subject), draft)

    def open(self, edit: Edit, seed: int) -> _Draft:
        """A new draft, for ``edit``."""
        # A shard that this edit opened once may still be there without it: two with one mask would be one memory.
        names = chain([()], ((str(number),) for number in count(1)))
        mask_seed = next(found for name in names if (found := seed_of(seed, "mask", edit.id, *name)) not in self._masks)
        self.newest = _Draft(len(self._all), None, mask_seed, ())
        self._all.append(self.newest)
        self._masks.add(mask_seed)
        self._ends.append(self._ends[-1] if self._ends else 0)
        return self.newest

    def write(self, home: _Draft, item: StreamItem) -> None:
        """Append an item to a draft."""
        if item.edit.key not in home.in_force:
            # The draft that takes new prompts is the last one or has few behind it.
            for place in range(home.place, len(self._ends)):
                self._ends[place] += 1
            self._homes[item.edit.key] = home
            self._meet(item.edit, home)
        home.append(item)

    def replay(self, home: _Draft, edit: Edit, count: int, seed: int) -> tuple[Edit, ...]:
        """Edits in force in the other drafts, chosen by the edit's own seed."""
        mine = len(home.in_force)
        others = self._ends[-1] - mine
        chosen = Random(seed_of(seed, "replay", edit.id)).sample(range(others), min(count, others))
        before = self._ends[home.place] - mine
        return tuple(self._nth(position if position < before else position + mine) for position in chosen)

    def changed(self) -> Iterator[Planned]:
        """What shall become of the drafts that are no longer what they were."""
        for draft in self._all:
            stream = tuple(draft.stream)
            if stream != draft.before:
                yield Planned(draft.id, draft.mask_seed if draft.id is None else None, stream)

    def _nth(self, position: int) -> Edit:
        place = bisect_right(self._ends, position)
        draft = self._all[place]
        return draft.nth(position - self._ends[place] + len(draft.in_force))
