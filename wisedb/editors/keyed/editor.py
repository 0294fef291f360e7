"""Keyed side memories as an editor: ours, after WISE."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from wisedb.config import Setting
from wisedb.editors.common.conversations import ensure_replies_fit
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.teachable import ensure_teachable
from wisedb.editors.keyed.always_on import fit_always_on
from wisedb.editors.keyed.calibrate import calibrate
from wisedb.editors.keyed.context import prepare
from wisedb.editors.keyed.merge import fit_merge
from wisedb.editors.keyed.paraphrases import paraphrases
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.keyed.sharding import plan
from wisedb.editors.keyed.train import train_stream
from wisedb.editors.resources import Need
from wisedb.editors.streams import Held, Planned, StreamItem, Trained
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed, UnknownSetting
from wisedb.memory.gates.base import Gate
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.memory.merging import MERGED, merged_memory
from wisedb.model.chat import chat_format
from wisedb.model.locate import weight_of
from wisedb.progress import Listener

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Keyed:
    """Side memories of one FFN projection, found by keys and fitted in batches; after WISE (Wang et al., 2024)."""

    name: str = "keyed"
    kind: str = MaskedDelta.kind
    gate: str = "keys"
    undo: str = "retrained"
    good_at: str = "Many facts at once, other wordings of them, exact undo; prompts without an edit stay untouched."
    bad_at: str = "Edits whose subject is named otherwise than in the edit; answers of hundreds of tokens."

    def configure(self, settings: Mapping[str, Setting]) -> KeyedSettings:
        """See :meth:`KeyedSettings.from_settings`."""
        return KeyedSettings.from_settings(settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> KeyedSettings:
        """Settings in the units of the model's weights; keys' statistics are measured here."""
        projection = base.projection(str(given.get("target", "")))
        asked = self.configure(given)
        _check_template(base, asked)
        in_chat = asked.format != "raw" and chat_format(base.tokenizer) is not None
        measured = calibrate(weight_of(projection), chat=in_chat)
        settings = self.configure({**measured, **given, "target": projection.name})
        for need in self.needs(settings):
            # Now rather than within the first commit.
            resources.get(need.resource, need.module)
        return settings

    def needs(self, settings: KeyedSettings) -> Sequence[Need]:
        """The pool, and what keys rest on."""
        return [Need(POOL), Need(STATISTICS, settings.target)]

    def plan(
        self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], settings: KeyedSettings, seed: int
    ) -> list[Planned]:
        """See :func:`wisedb.editors.keyed.sharding.plan`."""
        return plan(held, new, removed, settings, seed)

    def check(self, base: LoadedBase, settings: KeyedSettings, edits: Sequence[Edit]) -> None:
        """Prompt and target must fit into what the model reads, and a chat needs a template."""
        _check_template(base, settings)
        ensure_teachable(base.tokenizer, settings.format, edits)
        ensure_fits_model(base.model, base.tokenizer, edits)
        if settings.format != "raw":
            ensure_replies_fit(base.model, base.tokenizer, edits)

    def begin(self, base: LoadedBase, settings: KeyedSettings, seed: int) -> MaskedDelta:
        """ΔW = 0 under a random mask."""
        projection = base.projection(settings.target)
        mask = random_mask((projection.d_ff, projection.d_model), settings.mask_ratio, seed)

        return MaskedDelta.under(projection.name, mask, torch.zeros(int(mask.sum()), dtype=default_dtype(projection)))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: KeyedSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.keyed.train.train_stream`."""
        assert isinstance(start, MaskedDelta)
        begun = (start.values, done) if done else None
        context = prepare(base, resources, settings)
        in_chat = settings.needs_template or any(item.edit.messages for item in stream)
        if in_chat and context.chat is None:
            raise TrainingFailed(
                "this store's statistics know no chat template: nothing can be taught in a conversation",
                hint="It was made by an earlier version: leave format and messages out, or learn them in a new store.",
            )
        found = train_stream(context, settings, seed, start.mask, begun, stream, progress)
        change = MaskedDelta(start.module, start.packed, found.values)
        return Trained(
            change,
            "keys",
            key_rephrases=settings.train_rephrases,
            key_format=settings.key_format,
            unlearned=frozenset(edit for edit, outcome in found.outcomes.items() if not outcome.learned),
        )

    def merge(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: KeyedSettings,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """TIES of all, then fitted until it answers every edit; see :func:`wisedb.editors.keyed.merge.fit_merge`."""
        ties = merged_memory(memories, 0.0, settings.density)
        if not settings.fit_merge:
            return ties
        change = ties.change
        assert isinstance(change, MaskedDelta)
        context = prepare(base, resources, settings)
        settings = replace(settings, format=_format_of(memories, settings.format))
        values = fit_merge(context, settings, seed, change.mask, change.values, edits, progress)
        return replace(ties, change=replace(change, values=values))

    def always_on(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: KeyedSettings,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """See :func:`wisedb.editors.keyed.always_on.fit_always_on`; as :meth:`merge` where merges are not fitted."""
        if not settings.fit_merge:
            return None
        context = prepare(base, resources, settings)
        settings = replace(settings, format=_format_of(memories, settings.format))
        delta = fit_always_on(context, settings, seed, edits, progress)
        change = MaskedDelta.under(context.projection.name, torch.ones_like(delta, dtype=torch.bool), delta.reshape(-1))
        held = tuple(dict.fromkeys(edit for memory in memories for edit in memory.edits))
        return Memory(MERGED, change, Gate("always"), held)

    def chat_only(self, settings: KeyedSettings) -> bool:
        """See :class:`wisedb.editors.protocol.LearnsInChats`."""
        return settings.format == "chat"

    def merge_density(self, settings: KeyedSettings) -> float:
        """See :class:`wisedb.editors.protocol.MergesByTies`."""
        return settings.density

    def made_prompts(
        self, base: LoadedBase, resources: Resources, settings: KeyedSettings, edits: Sequence[Edit]
    ) -> list[str]:
        """What edits borrow from each other where all are learned together and nothing bounds how much."""
        relations = prepare(base, resources, settings).relations
        if relations is None or not edits:
            return []
        borrowed = paraphrases(edits, (), relations([edit.prompt for edit in edits]), len(edits))
        return [prompt for prompts in borrowed for prompt in prompts]


def _check_template(base: LoadedBase, settings: KeyedSettings) -> None:
    if settings.needs_template and chat_format(base.tokenizer) is None:
        raise UnknownSetting(
            f"format={settings.format} needs a chat template, and this model's tokenizer has none that can be read",
            hint="Leave the format out, or give format=raw.",
        )


def _format_of(memories: Sequence[Memory], otherwise: str) -> str:
    """As their keys find the edits of some memories: what a merge must have learned."""
    kinds = {bool(stops) for memory in memories if memory.gate.keys is not None for stops in memory.gate.keys.stops}
    return {(True,): "chat", (False,): "raw", (False, True): "both"}.get(tuple(sorted(kinds)), otherwise)


EDITOR = Keyed()
