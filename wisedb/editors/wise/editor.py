"""WISE as an editor: the source's method (Wang et al., NeurIPS 2024), with its own activation router."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import torch

from wisedb.config import Setting
from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.frozen import Frozen
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.resources import Need
from wisedb.editors.streams import Held, Planned, StreamItem, Trained
from wisedb.editors.wise.calibrate import calibrate
from wisedb.editors.wise.merge import merge
from wisedb.editors.wise.settings import WiseSettings
from wisedb.editors.wise.sharding import plan
from wisedb.editors.wise.train import Material, train_stream
from wisedb.editors.wise.unrelated import Prompts
from wisedb.edits import Edit
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.masked_delta import MaskedDelta
from wisedb.memory.kinds.masks import random_mask
from wisedb.memory.memory import Memory
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Wise:
    """Side memories in random subspaces of one FFN projection, written one edit at a time, routed by activation."""

    name: str = "wise"
    kind: str = MaskedDelta.kind
    gate: str = "activation"
    undo: str = "retrained"
    good_at: str = "The method of the paper, step by step, to compare others with; no subject needs to be given."
    bad_at: str = "Hundreds of edits: prompts without an edit excite some memory too, and each edit takes seconds."

    def configure(self, settings: Mapping[str, Setting]) -> WiseSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(WiseSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> WiseSettings:
        """The paper's settings in the units of the model; see :mod:`wisedb.editors.wise.calibrate`."""
        self.configure(given)
        frozen = self._frozen(base, base.projection(str(given.get("target", ""))).name)
        texts = frozen.prompts(resources.get(POOL).prompts)
        measured = calibrate(frozen.weight, texts)
        return self.configure({**asdict(measured), **given, "target": frozen.projection.name})

    def needs(self, settings: WiseSettings) -> Sequence[Need]:
        """Unrelated prompts and prefix contexts."""
        return [Need(POOL)]

    def plan(
        self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], settings: WiseSettings, seed: int
    ) -> list[Planned]:
        """See :func:`wisedb.editors.wise.sharding.plan`."""
        return plan(held, new, removed, settings.shard_size, settings.replay, seed)

    def check(self, base: LoadedBase, settings: WiseSettings, edits: Sequence[Edit]) -> None:
        """Prompt and target must fit into what the model reads."""
        ensure_fits_model(base.model, base.tokenizer, edits)

    def begin(self, base: LoadedBase, settings: WiseSettings, seed: int) -> MaskedDelta:
        """W_v' = W_v under a random mask with ratio ρ."""
        frozen = self._frozen(base, settings.target)
        projection = frozen.projection
        mask = random_mask((projection.d_ff, projection.d_model), settings.mask_ratio, seed)
        return MaskedDelta.under(projection.name, mask, torch.zeros(int(mask.sum()), dtype=frozen.stored_dtype))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: WiseSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.wise.train.train_stream`."""
        assert isinstance(start, MaskedDelta)
        new = [(item.edit, item.companions) for item in stream[done:]]
        held = [item.edit for item in stream[:done]]

        def told(count: int, loss: float) -> None:
            if progress is not None:
                progress(Progress("training", count, len(new), loss))

        material = self._material(base, resources, settings.target)
        found = train_stream(material, settings, seed, start.mask, start.values, new, held, told)
        return Trained(replace(start, values=found.values.cpu()), "activation", found.threshold)

    def merge(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: WiseSettings,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """WISE-Merge, see :func:`wisedb.editors.wise.merge.merge`."""
        frozen = self._frozen(base, settings.target)
        own = Prompts(frozen.prompts([edit.prompt for edit in edits]))
        return merge(memories, own, settings.threshold_ratio, frozen.device, settings.density)

    def merge_density(self, settings: WiseSettings) -> float:
        """See :class:`wisedb.editors.protocol.MergesByTies`."""
        return settings.density

    def _frozen(self, base: LoadedBase, target: str) -> Frozen:
        projection = base.projection(target)
        return Frozen(base.model, base.tokenizer, projection, cached_forward_of(base, projection))

    def _material(self, base: LoadedBase, resources: Resources, target: str) -> Material:
        frozen, pool = self._frozen(base, target), resources.get(POOL)
        # The way through the model is another one wherever the model computes anything else.
        key = ("wise", id(frozen.forward), resources.blob(POOL))
        return base.derived.get(key, lambda: Material.of(frozen, pool.prompts, pool.contexts))


EDITOR = Wise()
