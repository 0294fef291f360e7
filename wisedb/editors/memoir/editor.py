"""MEMOIR as an editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from wisedb.config import Setting
from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.dtypes import default_dtype
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.memoir.settings import MemoirSettings
from wisedb.editors.memoir.write import write_edit
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.residual_memory import ResidualMemory
from wisedb.model.locate import weight_of
from wisedb.model.tokens import encode_prompt
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase
    from wisedb.model.cached_forward import CachedForward

# A step of the source, 1, as a share of the Frobenius norm of a weight of LLaMA-3-8B's shape and usual size.
_STEP = 0.01
# Unrelated prompts over which the centre is taken, as in the source's code.
_CENTRE = 100


@dataclass(frozen=True, slots=True)
class Memoir(OneMemory[MemoirSettings]):
    """One residual matrix for all edits, each of which reads and writes the rows of its own mask."""

    name: str = "memoir"
    kind: str = ResidualMemory.kind
    gate: str = "overlap"
    undo: str = "retrained"
    good_at: str = "Many edits one by one in a single matrix, each found by what its prompt excites."
    bad_at: str = "Small models, whose prompts excite much the same: edits overwrite each other and answer elsewhere."

    def configure(self, settings: Mapping[str, Setting]) -> MemoirSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(MemoirSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> MemoirSettings:
        """The module, and the step in units of its weight."""
        projection = base.projection(str(given.get("target", "")))
        settings = self.configure({**given, "target": projection.name})
        if settings.learning_rate:
            return settings
        step = _STEP * float(weight_of(projection).detach().float().norm())
        # Four digits: what another machine's last bit doesn't change.
        return replace(settings, learning_rate=float(f"{step:.4g}"))

    def needs(self, settings: MemoirSettings) -> Sequence[Need]:
        """The contexts, and the unrelated prompts over which features are centred."""
        return [Need(POOL)]

    def begin(self, base: LoadedBase, settings: MemoirSettings, seed: int) -> ResidualMemory:
        """ΔW = 0, and a random permutation; numpy's PCG64 draws it, whose stream is the same on every machine."""
        projection = base.projection(settings.target)
        drawn = np.random.Generator(np.random.PCG64(seed)).permutation(projection.d_ff)
        active = max(1, round(settings.active * projection.d_ff))
        shape = (projection.d_ff, projection.d_model)
        permutation = torch.from_numpy(drawn.astype(np.int32))
        return ResidualMemory.empty(projection.name, shape, active, permutation, default_dtype(projection))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: MemoirSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """A fold over the edits, see :func:`wisedb.editors.memoir.write.write_edit`; rounded as stored after each."""
        assert isinstance(start, ResidualMemory)
        forward = cached_forward_of(base, base.projection(settings.target))
        pool, device = resources.get(POOL), weight_of(forward.projection).device
        prompts = [ids for prompt in pool.prompts[:_CENTRE] if (ids := encode_prompt(base.tokenizer, prompt))]
        centre = start.centre if done else mean_features(forward, prompts)
        hashing = (centre.to(device), start.permutation.long().to(device), start.active)
        matrix, dtype = start.matrix.to(device), start.matrix.dtype
        masks, unlearned = [], set()
        for number, item in enumerate(stream[done:], 1):
            contexts = pool.contexts[: settings.contexts]
            written = write_edit(forward, base.tokenizer, settings, item.edit, contexts, matrix.float(), hashing)
            matrix = written.matrix.to(dtype)
            masks.append(written.mask.cpu())
            unlearned |= set() if written.learned else {item.edit.id}
            if progress is not None:
                progress(Progress("training", number, len(stream) - done, written.loss))
        bits = torch.stack(masks).numpy() if masks else np.zeros((0, len(centre)), dtype=bool)
        packed = torch.cat([start.packed, torch.from_numpy(np.packbits(bits, axis=1))])
        change = replace(start, centre=centre.cpu(), matrix=matrix.cpu(), packed=packed)
        return Trained(change, "overlap", settings.threshold, unlearned=frozenset(unlearned))


@torch.no_grad()
def mean_features(forward: CachedForward, prompts: Sequence[Sequence[int]]) -> Tensor:
    """The mean over prompts of the mean of A(x) over each one's tokens, float32 (d_ff,) on the CPU."""
    found = [
        forward.prefix(torch.tensor([list(ids)], device=forward.device))[0][0].float().mean(dim=0) for ids in prompts
    ]
    return torch.stack(found).mean(dim=0).cpu() if found else torch.zeros(forward.projection.d_ff)


EDITOR = Memoir()
