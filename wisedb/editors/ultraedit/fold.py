"""UltraEdit batch by batch: features of all edits on the model as it is, then one linear solve a layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from wisedb.editors.common.rewrites import rewrites
from wisedb.editors.common.standing import standing
from wisedb.editors.streams import StreamItem, batches
from wisedb.editors.ultraedit.closed_form import shift_update, wanted_shift
from wisedb.editors.ultraedit.features import Features, features_of, joined
from wisedb.editors.ultraedit.moments import Moments
from wisedb.editors.ultraedit.settings import UltraEditSettings
from wisedb.editors.ultraedit.state import RANKS, packed, unpacked
from wisedb.edits import Edit
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.model.locate import Projection
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Changes = Mapping[str, FactoredDelta]
"""By module: the ranks of :mod:`wisedb.editors.ultraedit.state`, and behind them those of ΔW."""


def begun(projections: Iterable[Projection]) -> LowRankDelta:
    """ΔW = 0 at each projection, and nothing seen yet."""
    none = {each.name: packed(Moments.none(each.d_ff + each.d_model), each.d_ff) for each in projections}
    return LowRankDelta(
        tuple(none), {name: each.left for name, each in none.items()}, {name: each.right for name, each in none.items()}
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """The method on one model.

    Attributes:
        model: in evaluation mode; no weight of it is changed.
        tokenizer: its tokenizer.
        layers: the edited projections.
        settings: how.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    layers: Sequence[Projection]
    settings: UltraEditSettings

    def prepared(self, changes: Changes, edits: Sequence[Edit]) -> dict[str, FactoredDelta]:
        """With the mean and variance of what edits would be written by; none of them is."""
        seen = [self._features(changes, edit)[0] for edit in edits]
        return {
            each.name: _with_state(changes[each.name], self._moments(changes, seen, each.name)) for each in self.layers
        }

    def written(
        self, changes: Changes, stream: Sequence[StreamItem], progress: Listener | None = None
    ) -> dict[str, FactoredDelta]:
        """With a stream written, batch by batch, float32 from batch to batch as it is stored."""
        found = dict(changes)
        count = 0
        for batch in batches(stream):
            seen = []
            for item in batch:
                features, loss = self._features(found, item.edit)
                seen.append(features)
                count += 1
                if progress is not None:
                    progress(Progress("training", count, len(stream), loss))
            found = {each.name: self._stored(found, seen, each.name) for each in self.layers}
        return found

    def _features(self, changes: Changes, edit: Edit) -> tuple[dict[str, Features], float]:
        rows = rewrites(self.tokenizer, edit, end=self.settings.end, at_subject=False, device=self.model.device)
        with standing({each.module: changes[each.name] for each in self.layers}):
            return features_of(self.model, self.layers, rows)

    def _moments(self, changes: Changes, seen: Sequence[Mapping[str, Features]], module: str) -> Moments:
        moments = unpacked(changes[module])
        if not seen:
            return moments
        found = joined(seen, module)
        return moments.with_rows(torch.cat([found.keys, found.gradients], dim=1))

    def _stored(self, changes: Changes, seen: Sequence[Mapping[str, Features]], module: str) -> FactoredDelta:
        features, moments = joined(seen, module), self._moments(changes, seen, module)
        shift = wanted_shift(features, moments, self.settings.learning_rate)
        length = float(moments.square()[: features.keys.shape[1]].sum())
        update = shift_update(features.keys, shift, self.settings.ridge * length)
        return _with_state(changes[module].beside(update), moments)


def _with_state(change: FactoredDelta, moments: Moments) -> FactoredDelta:
    rest = FactoredDelta(change.left[:, RANKS:], change.right[RANKS:])
    return packed(moments, len(change.left)).beside(rest)
