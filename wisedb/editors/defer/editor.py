"""Defer as an editor (the baseline of Hartvigsen et al. 2023, "Aging with GRACE", §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import torch

from wisedb.config import Setting
from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.common.settings import parse
from wisedb.editors.defer.settings import DeferSettings
from wisedb.editors.defer.train_edit import train_edit
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.deferral import Deferral
from wisedb.model.cached_forward import CachedForward
from wisedb.model.tokens import encode_prompt, pad_batch
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Defer(OneMemory[DeferSettings]):
    """One layer beside one FFN projection, and a scorer that says where it answers; both trained edit by edit."""

    name: str = "defer"
    kind: str = Deferral.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = "A baseline to compare with: one edit, in its own words."
    bad_at: str = (
        "Everything else: nothing keeps its scorer from answering elsewhere, and each edit wears out the last."
    )

    def configure(self, settings: Mapping[str, Setting]) -> DeferSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(DeferSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> DeferSettings:
        """The module, by depth."""
        return self.configure({**given, "target": base.projection(str(given.get("target", ""))).name})

    def needs(self, settings: DeferSettings) -> Sequence[Need]:
        """The unrelated prompts."""
        return [Need(POOL)]

    def begin(self, base: LoadedBase, settings: DeferSettings, seed: int) -> Deferral:
        """A deferral that changes nothing."""
        projection = base.projection(settings.target)
        return Deferral.empty(projection.name, (projection.d_ff, projection.d_model))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: DeferSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.defer.train_edit.train_edit`, edit by edit."""
        assert isinstance(start, Deferral)
        forward = cached_forward_of(base, base.projection(settings.target))
        prompts = resources.get(POOL).prompts
        change = start
        for number, item in enumerate(stream[done:], 1):
            chooser = Random(seed_of(seed, "quiet", item.edit.id))
            some = chooser.sample(prompts, min(settings.quiet, len(prompts)))
            unrelated = inputs_at(base, forward, some)
            found = train_edit(forward, base.tokenizer, change, item.edit, settings, unrelated)
            change = found.change
            if progress is not None:
                progress(Progress("training", number, len(stream) - done, found.loss))
        return Trained(change, gate_name(settings.gate))


@torch.no_grad()
def inputs_at(base: LoadedBase, forward: CachedForward, prompts: Sequence[str]) -> torch.Tensor:
    """What enters the projection at every token of some prompts, float32 (n, d_ff)."""
    encoded = [ids for prompt in prompts if (ids := encode_prompt(base.tokenizer, prompt))]
    if not encoded:
        return torch.zeros(0, forward.projection.d_ff, device=forward.device)
    batch, mask = pad_batch(encoded, 0, "right")
    features, _ = forward.prefix(batch.to(forward.device))
    return features[mask.to(features.device) != 0].float()


EDITOR = Defer()
