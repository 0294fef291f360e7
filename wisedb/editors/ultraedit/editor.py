"""UltraEdit as an editor (Gu et al. 2025, "UltraEdit: Training-, Subject-, and Memory-Free Lifelong Editing")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from wisedb.config import Setting
from wisedb.editors.common.layers import device_of, edited_layers
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.editors.ultraedit.fold import Fold, begun
from wisedb.editors.ultraedit.prior import prior_edits
from wisedb.editors.ultraedit.settings import UltraEditSettings, default_count, default_layer
from wisedb.edits import Edit
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.progress import Listener

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class UltraEdit(OneMemory[UltraEditSettings]):
    """One rank a token of an answer in each of some FFN projections; nothing is optimised."""

    name: str = "ultraedit"
    kind: str = LowRankDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = "Milliseconds an edit, of any form: no subject is looked for."
    bad_at: str = "A few edits, or small models: a step along one gradient says few answers whole."

    def configure(self, settings: Mapping[str, Setting]) -> UltraEditSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(UltraEditSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> UltraEditSettings:
        """The layers, at the paper's relative depth."""
        settings = self.configure(given)
        layer = None if settings.target else default_layer(base.projection().layers)
        last = base.projection(settings.target, layer)
        settings = replace(settings, target=last.name, layers=settings.layers or default_count(last.layer))
        edited_layers(base, settings.target, settings.layers)
        return settings

    def needs(self, settings: UltraEditSettings) -> Sequence[Need]:
        """The unrelated prompts by which the running mean and variance begin."""
        return [Need(POOL)]

    def together(self, settings: UltraEditSettings) -> bool:
        """As it is set."""
        return settings.mass

    def check(self, base: LoadedBase, settings: UltraEditSettings, edits: Sequence[Edit]) -> None:
        """The layers must be there, and prompt and target must fit into what the model reads."""
        edited_layers(base, settings.target, settings.layers)
        ensure_fits_model(base.model, base.tokenizer, edits)

    def begin(self, base: LoadedBase, settings: UltraEditSettings, seed: int) -> LowRankDelta:
        """ΔW = 0, and no features seen yet."""
        return begun(edited_layers(base, settings.target, settings.layers))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: UltraEditSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :mod:`wisedb.editors.ultraedit.fold`. Nothing is drawn."""
        assert isinstance(start, LowRankDelta)
        layers = edited_layers(base, settings.target, settings.layers)
        base.model.eval()
        fold = Fold(base.model, base.tokenizer, layers, settings)
        changes = {each.name: start.place(each.name, device_of(each), torch.float32) for each in layers}
        if not done:
            changes = fold.prepared(changes, prior_edits(resources.get(POOL).prompts, settings.prior))
        changes = fold.written(changes, stream[done:], progress)
        change = LowRankDelta(
            start.modules,
            {module: changes[module].left.cpu() for module in start.modules},
            {module: changes[module].right.cpu() for module in start.modules},
        )
        return Trained(change, gate_name(settings.gate))


EDITOR = UltraEdit()
