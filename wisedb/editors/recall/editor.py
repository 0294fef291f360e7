"""Rows of low rank, one an edit, as an editor: ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.config import Setting
from wisedb.editors.common.conversations import ensure_replies_fit
from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.common.teachable import ensure_teachable
from wisedb.editors.recall.context import prepare
from wisedb.editors.recall.row import fit_row
from wisedb.editors.recall.settings import RecallSettings
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed, UnknownSetting
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_rows import LowRankRows
from wisedb.model.chat import chat_format
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Recall(OneMemory[RecallSettings]):
    """One ΔW of low rank an edit, fitted on it alone, that answers where the edit's keys say that it is meant."""

    name: str = "recall"
    kind: str = LowRankRows.kind
    gate: str = "keys"
    undo: str = "exact"
    good_at: str = "Any number of facts in any order, taken out and merged exactly; other wordings of them."
    bad_at: str = "Edits whose subject is named otherwise than in the edit; answers of hundreds of tokens."

    def configure(self, settings: Mapping[str, Setting]) -> RecallSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(RecallSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> RecallSettings:
        """The module; what every commit needs is measured here."""
        settings = self.configure({**given, "target": base.projection(str(given.get("target", ""))).name})
        if settings.needs_template and chat_format(base.tokenizer) is None:
            raise UnknownSetting(
                f"format={settings.format} needs a chat template, and this model's tokenizer has none that can be read",
                hint="Leave the format out, or give format=raw.",
            )
        for need in self.needs(settings):
            # Now rather than within the first commit.
            resources.get(need.resource, need.module)
        return settings

    def needs(self, settings: RecallSettings) -> Sequence[Need]:
        """The pool, what keys rest on, and the second moment of what enters the module."""
        return [Need(POOL), Need(STATISTICS, settings.target), Need(COVARIANCE, settings.target)]

    def check(self, base: LoadedBase, settings: RecallSettings, edits: Sequence[Edit]) -> None:
        """Prompt and target must fit into what the model reads, and conversations into its template."""
        ensure_teachable(base.tokenizer, settings.format, edits)
        ensure_fits_model(base.model, base.tokenizer, edits)
        if settings.format != "raw":
            ensure_replies_fit(base.model, base.tokenizer, edits)

    def begin(self, base: LoadedBase, settings: RecallSettings, seed: int) -> LowRankRows:
        """No rows."""
        projection = base.projection(settings.target)
        return LowRankRows.empty(projection.name, (projection.d_ff, projection.d_model), default_dtype(projection))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: RecallSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """A row for each edit, see :func:`wisedb.editors.recall.row.fit_row`; none looks at another."""
        assert isinstance(start, LowRankRows)
        context = prepare(base, resources, settings)
        in_chat = settings.needs_template or any(item.edit.messages for item in stream)
        if in_chat and context.chat is None:
            raise TrainingFailed(
                "this store's statistics know no chat template: nothing can be taught in a conversation",
                hint="It was made by an earlier version: leave format and messages out, or learn them in a new store.",
            )
        rows, unlearned = [], set()
        for number, item in enumerate(stream[done:], 1):
            row = fit_row(context, settings, seed, item.edit)
            rows.append((row.left, row.right))
            unlearned |= set() if row.learned else {item.edit.id}
            if progress is not None:
                progress(Progress("training", number, len(stream) - done, row.loss))
        return Trained(
            start.plus(rows),
            "keys",
            key_rephrases=settings.train_rephrases,
            key_format=settings.key_format,
            unlearned=frozenset(unlearned),
        )

    def picked(self, change: Change, places: Sequence[int]) -> LowRankRows:
        """See :class:`wisedb.editors.protocol.PicksEdits`: their rows."""
        assert isinstance(change, LowRankRows)
        return change.only(places)

    def chat_only(self, settings: RecallSettings) -> bool:
        """See :class:`wisedb.editors.protocol.LearnsInChats`."""
        return settings.format == "chat"


EDITOR = Recall()
