"""Facts in the context as an editor.

Lewis et al. 2020, "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks"; for edits of facts Zheng et al.
2023, "Can We Edit Factual Knowledge by In-Context Learning?". What is retrieved is found by wisedb's keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.config import Setting
from wisedb.editors.common.key_statistics import STATISTICS
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.settings import parse
from wisedb.editors.context.settings import ContextSettings
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.facts_in_context import Fact, FactsInContext
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Context(OneMemory[ContextSettings]):
    """One text an edit, put in front of the prompts that ask for it; no weight is changed."""

    name: str = "context"
    kind: str = FactsInContext.kind
    gate: str = "keys"
    undo: str = "exact"
    good_at: str = "Questions whose answer follows from a fact; nothing is trained, and undoing is exact."
    bad_at: str = "Small models, which read a context badly; each fact costs its tokens at every answer."

    def configure(self, settings: Mapping[str, Setting]) -> ContextSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(ContextSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> ContextSettings:
        """The module; keys' statistics are measured here."""
        settings = self.configure({**given, "target": base.projection(str(given.get("target", ""))).name})
        for need in self.needs(settings):
            # Now rather than within the first commit.
            resources.get(need.resource, need.module)
        return settings

    def needs(self, settings: ContextSettings) -> Sequence[Need]:
        """What keys rest on."""
        return [Need(STATISTICS, settings.target)]

    def begin(self, base: LoadedBase, settings: ContextSettings, seed: int) -> FactsInContext:
        """No facts."""
        projection = base.projection(settings.target)
        return FactsInContext(projection.name, (projection.d_ff, projection.d_model))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: ContextSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """The edits' texts in their order; nothing is drawn, and nothing computed."""
        assert isinstance(start, FactsInContext)
        facts = tuple(Fact(item.edit.prompt, item.edit.target) for item in stream)
        if progress is not None:
            progress(Progress("training", len(stream) - done, len(stream) - done, None))
        return Trained(FactsInContext(start.module, start.widths, facts), "keys", key_rephrases=settings.rephrases)


EDITOR = Context()
