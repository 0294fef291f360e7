"""An editor of one page, written from the protocol alone: each edit adds one rank whose factors its id draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from wisedb.config import Setting
from wisedb.editors.common.in_order import plan_in_order
from wisedb.editors.common.settings import parse
from wisedb.editors.protocol import Editor
from wisedb.editors.resources import Need, Resources
from wisedb.editors.streams import Held, Planned, StreamItem, Trained
from wisedb.edits import Edit
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.model.base import LoadedBase
from wisedb.progress import Listener


@dataclass(frozen=True)
class FakeSettings:
    target: str = ""
    gate: str = "always"
    size: float = 0.05


class Fake:
    name, kind, gate, undo = "fake", LowRankDelta.kind, "always", "exact"
    good_at, bad_at = "Being short.", "Everything else."

    def configure(self, settings: Mapping[str, Setting]) -> FakeSettings:
        return parse(FakeSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> FakeSettings:
        return self.configure({**given, "target": base.projection(str(given.get("target", ""))).name})

    def needs(self, settings: FakeSettings) -> Sequence[Need]:
        return []

    def plan(
        self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], settings: FakeSettings, seed: int
    ) -> list[Planned]:
        return plan_in_order(held, new, removed, seed)

    def check(self, base: LoadedBase, settings: FakeSettings, edits: Sequence[Edit]) -> None:
        pass

    def begin(self, base: LoadedBase, settings: FakeSettings, seed: int) -> Change:
        projection = base.projection(settings.target)
        return LowRankDelta.empty({projection.name: (projection.d_ff, projection.d_model)})

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: FakeSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        assert isinstance(start, LowRankDelta)
        for item in stream[done:]:
            rows, columns = start.shape(start.modules[0])
            draw = torch.Generator().manual_seed(seed + int(item.edit.id[:8], 16))
            left, right = (torch.randn(shape, generator=draw) for shape in ((rows, 1), (1, columns)))
            start = start.plus(start.modules[0], left * settings.size, right * settings.size)
        return Trained(start, gate_name(settings.gate))


EDITOR: Editor[FakeSettings] = Fake()
