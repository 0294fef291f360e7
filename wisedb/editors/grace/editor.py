"""GRACE as an editor.

Hartvigsen et al. 2023, "Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from wisedb.config import Setting
from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.grace.codebook import GraceCodebook, initial_radius
from wisedb.editors.grace.settings import GraceSettings
from wisedb.editors.grace.values import train_value
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.edits import normalise_prompt
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.codebook import Codebook
from wisedb.model.tokens import encode_prompt, pad_batch
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase

# ε_init as a share of the median distance between neighbouring keys of unrelated prompts: half, so that the balls of
# two prompts as far apart as those are don't meet.
_SHARE = 0.5
_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Grace(OneMemory[GraceSettings]):
    """One key and one value an edit beside one FFN projection; no weight is changed."""

    name: str = "grace"
    kind: str = Codebook.kind
    gate: str = "nearest"
    undo: str = "exact"
    good_at: str = "Thousands of edits that are asked word for word; nothing else changes."
    bad_at: str = "Other wordings: a prompt that isn't near the edit's own is answered by the base model."

    def configure(self, settings: Mapping[str, Setting]) -> GraceSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(GraceSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> GraceSettings:
        """The module, and ε_init on the scale on which this model's prompts differ."""
        settings = self.configure({**given, "target": base.projection(str(given.get("target", ""))).name})
        if settings.radius:
            return settings
        prompts = resources.get(POOL).prompts
        radius = initial_radius(last_inputs(base, settings.target, prompts), _SHARE)
        # Four digits: what another machine's last bit doesn't change.
        return self.configure({**given, "target": settings.target, "radius": float(f"{radius:.4g}")})

    def needs(self, settings: GraceSettings) -> Sequence[Need]:
        """Nothing."""
        return []

    def begin(self, base: LoadedBase, settings: GraceSettings, seed: int) -> Codebook:
        """A codebook without keys."""
        projection = base.projection(settings.target)
        return Codebook.empty(projection.name, (projection.d_ff, projection.d_model))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: GraceSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """A fold over the edits in their order; see :mod:`wisedb.editors.grace.codebook`. Nothing is drawn."""
        assert isinstance(start, Codebook)
        forward = cached_forward_of(base, base.projection(settings.target))
        held = [item.edit for item in stream[:done]]
        labels = [normalise_prompt(edit.target) for edit in held]
        book = GraceCodebook.of(start, labels, [edit.id for edit in held], settings.radius)
        for number, item in enumerate(stream[done:], 1):
            found = train_value(forward, base.tokenizer, item.edit, settings)
            book = book.add(found.key.cpu(), found.value.cpu(), normalise_prompt(item.edit.target), item.edit.id)
            if progress is not None:
                progress(Progress("training", number, len(stream) - done, found.loss))
        return Trained(book.change(settings.target), "nearest")


@torch.no_grad()
def last_inputs(base: LoadedBase, module: str, prompts: Sequence[str]) -> torch.Tensor:
    """What enters a module at each prompt's last token, float32 (n, d_in) on the CPU."""
    forward = cached_forward_of(base, base.projection(module))
    encoded = [ids for prompt in prompts if (ids := encode_prompt(base.tokenizer, prompt))]
    rows = [torch.zeros(0, forward.projection.d_ff)]
    for start in range(0, len(encoded), _TOGETHER):
        some = encoded[start : start + _TOGETHER]
        batch, _ = pad_batch(some, 0, "right")
        features, _ = forward.prefix(batch.to(base.model.device))
        last = torch.tensor([len(each) - 1 for each in some], device=features.device)
        rows.append(features[torch.arange(len(some), device=features.device), last].float().cpu())
    return torch.cat(rows)


EDITOR = Grace()
