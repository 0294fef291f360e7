"""ROME as an editor (Meng et al. 2022, "Locating and Editing Factual Associations in GPT")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from wisedb.config import Setting
from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.resources import Need
from wisedb.editors.rome.edit import write_edit
from wisedb.editors.rome.settings import RomeSettings, default_layer
from wisedb.editors.streams import StreamItem, Trained
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Rome(OneMemory[RomeSettings]):
    """One rank an edit in one FFN projection, each computed on the model as the earlier edits left it."""

    name: str = "rome"
    kind: str = LowRankDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = "A few facts with a named subject, in any wording; a change that is part of a plain checkpoint."
    bad_at: str = "Many edits: each one moves what the others and everything else say."

    def configure(self, settings: Mapping[str, Setting]) -> RomeSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(RomeSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> RomeSettings:
        """The layer, at the paper's relative depth."""
        target = str(given.get("target", ""))
        layer = None if target else default_layer(base.projection().layers)
        return self.configure({**given, "target": base.projection(target, layer).name})

    def needs(self, settings: RomeSettings) -> Sequence[Need]:
        """The contexts, and C."""
        return [Need(POOL), Need(COVARIANCE, settings.target)]

    def begin(self, base: LoadedBase, settings: RomeSettings, seed: int) -> LowRankDelta:
        """ΔW of rank 0."""
        projection = base.projection(settings.target)
        return LowRankDelta.empty({projection.name: (projection.d_ff, projection.d_model)})

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: RomeSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.rome.edit.write_edit`, edit by edit; nothing is drawn."""
        assert isinstance(start, LowRankDelta)
        projection = base.projection(settings.target)
        device = projection.module.get_parameter("weight").device
        forward = cached_forward_of(base, projection)
        solver = resources.get(COVARIANCE, projection.name).solver(settings.ridge or None, device)
        contexts = resources.get(POOL).contexts
        change = start
        for number, item in enumerate(stream[done:], 1):
            earlier = change.place(projection.name, device, torch.float32)
            applied: FactoredDelta | None = earlier if earlier.rank else None
            written = write_edit(forward, base.tokenizer, solver, item.edit, contexts, settings, applied)
            change = change.plus(projection.name, written.change.left.cpu(), written.change.right.cpu())
            if progress is not None:
                progress(Progress("training", number, len(stream) - done, written.loss))
        return Trained(change, gate_name(settings.gate))


EDITOR = Rome()
