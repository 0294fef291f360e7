"""An editor of forty lines, written from the protocol alone: each edit adds one rank whose factors its id draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from wisedb.editors.common.in_order import plan_in_order
from wisedb.editors.common.settings import parse
from wisedb.editors.streams import Trained
from wisedb.memory.kinds.low_rank_delta import LowRankDelta


@dataclass(frozen=True)
class FakeSettings:
    target: str = ""
    gate: str = "always"
    size: float = 0.05


class Fake:
    name, kind, gate, undo = "fake", LowRankDelta.kind, "always", "exact"
    good_at, bad_at = "Being short.", "Everything else."
    configure = staticmethod(partial(parse, FakeSettings, "fake"))

    def calibrate(self, base, resources, given):
        return self.configure({**given, "target": base.projection(str(given.get("target", ""))).name})

    def needs(self, settings):
        return []

    def plan(self, held, new, removed, settings, seed):
        return plan_in_order(held, new, removed, seed)

    def check(self, base, settings, edits):
        pass

    def begin(self, base, settings, seed):
        projection = base.projection(settings.target)
        return LowRankDelta.empty({projection.name: (projection.d_ff, projection.d_model)})

    def train(self, base, resources, settings, seed, start, done, stream, progress=None):
        for item in stream[done:]:
            rows, columns = start.shape(start.modules[0])
            draw = torch.Generator().manual_seed(seed + int(item.edit.id[:8], 16))
            left, right = (torch.randn(shape, generator=draw) for shape in ((rows, 1), (1, columns)))
            start = start.plus(start.modules[0], left * settings.size, right * settings.size)
        return Trained(start, settings.gate)

    def merge(self, base, resources, settings, seed, memories, edits, progress=None):
        return None


EDITOR = Fake()
