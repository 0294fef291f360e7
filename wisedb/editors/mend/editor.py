"""MEND as an editor (Mitchell et al. 2022, "Fast Model Editing at Scale")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisedb.config import Setting
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.mend.decompose import EditedModel
from wisedb.editors.mend.made_up import prompts_of
from wisedb.editors.mend.resource import edited_projections, editor_network, made_up
from wisedb.editors.mend.settings import MendSettings
from wisedb.editors.mend.write import write_edits
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained, batches
from wisedb.edits import Edit
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Mend(OneMemory[MendSettings]):
    """An edit is one gradient, which a trained network turns into a low-rank change of several FFN projections."""

    name: str = "mend"
    kind: str = LowRankDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = "One edit or very few, in a fraction of a second, once its network was trained for the model."
    bad_at: str = "Many edits: its network never saw a model that was edited before, and each one wears it down."

    def configure(self, settings: Mapping[str, Setting]) -> MendSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(MendSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> MendSettings:
        """The last block's projection, if none is named."""
        settings = self.configure(given)
        projections = edited_projections(base, settings.target, settings.blocks)
        return self.configure({**given, "target": projections[-1].name})

    def needs(self, settings: MendSettings) -> Sequence[Need]:
        """The contexts, and the editor network."""
        return [Need(POOL), Need(editor_network(settings.network), settings.target)]

    def together(self, settings: MendSettings) -> bool:
        """As it is set."""
        return settings.together

    def begin(self, base: LoadedBase, settings: MendSettings, seed: int) -> LowRankDelta:
        """ΔW of rank 0 at each projection."""
        projections = edited_projections(base, settings.target, settings.blocks)
        return LowRankDelta.empty({each.name: (each.d_ff, each.d_model) for each in projections})

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: MendSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.mend.write.write_edits`, batch by batch; nothing is drawn."""
        assert isinstance(start, LowRankDelta)
        trained = resources.get(editor_network(settings.network), settings.target)
        networks = trained.networks.to(base.model.device)
        model = EditedModel.of(base, start.modules)
        change, written = start, 0
        for group in batches(stream[done:]):
            edits = [item.edit for item in group]
            change, loss = write_edits(model, base.tokenizer, networks, edits, change, end=settings.end)
            written += len(group)
            if progress is not None:
                progress(Progress("training", written, len(stream) - done, loss))
        return Trained(change, gate_name(settings.gate))

    def made_prompts(
        self, base: LoadedBase, resources: Resources, settings: MendSettings, edits: Sequence[Edit]
    ) -> list[str]:
        """Whatever the editor network saw of the model's own texts; no edit is trained under it."""
        trained = resources.get(editor_network(settings.network), settings.target)
        return prompts_of(trained.texts, made_up(trained, resources.get(POOL).contexts))


EDITOR = Mend()
