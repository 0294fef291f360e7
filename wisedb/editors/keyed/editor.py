"""WISE as an editor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from wisedb.config import Setting
from wisedb.editors.keyed.context import PreparedModel
from wisedb.editors.keyed.merge import consolidate
from wisedb.editors.keyed.settings import MEASURED, WiseConfig
from wisedb.editors.keyed.sharding import plan
from wisedb.editors.keyed.train import train_stream
from wisedb.editors.streams import ShardPlan, ShardStream, StreamItem, TrainedShard
from wisedb.edits import Edit
from wisedb.progress import Listener


@dataclass(frozen=True, slots=True)
class Wise:
    """WISE (Wang et al., NeurIPS 2024): side memories in subspaces of one FFN projection, routed by activation."""

    name: str = "wise"
    settings_type: type[WiseConfig] = WiseConfig
    measured: tuple[str, ...] = MEASURED

    def configure(self, settings: Mapping[str, Setting]) -> WiseConfig:
        """See :meth:`WiseConfig.from_settings`."""
        return WiseConfig.from_settings(settings)

    def plan(
        self,
        shards: Sequence[ShardStream],
        new: Sequence[Edit],
        removed: Collection[str],
        settings: WiseConfig,
        seed: int,
    ) -> list[ShardPlan]:
        """See :func:`wisedb.editors.keyed.sharding.plan`."""
        return plan(shards, new, removed, settings, seed)

    def train(
        self,
        base: PreparedModel,
        settings: WiseConfig,
        seed: int,
        mask: Tensor,
        start: tuple[Tensor, int] | None,
        items: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> TrainedShard:
        """See :func:`wisedb.editors.keyed.train.train_stream`."""
        return train_stream(base, settings, seed, mask, start, items, progress)

    def consolidate(
        self,
        base: PreparedModel,
        settings: WiseConfig,
        seed: int,
        mask: Tensor,
        values: Tensor,
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Tensor:
        """See :func:`wisedb.editors.keyed.merge.consolidate`."""
        return consolidate(base, settings, seed, mask, values, edits, progress)


EDITOR = Wise()
