"""MEMIT as an editor (Meng et al. 2023, "Mass-Editing Memory in a Transformer")."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from wisedb.config import Setting
from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.in_order import plan_in_order
from wisedb.editors.common.layers import by_depth, device_of, edited_layers, empty_delta, layer_paths, write_stream
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.memit.closed_form import spread_update
from wisedb.editors.memit.settings import MemitSettings
from wisedb.editors.resources import Need
from wisedb.editors.streams import Held, Planned, StreamItem, Trained
from wisedb.edits import Edit
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.memory.memory import Memory
from wisedb.progress import Listener

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Memit:
    """One rank an edit in each of some FFN projections, a commit's edits at once."""

    name: str = "memit"
    kind: str = LowRankDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = "Many facts with named subjects in one commit; a change that is part of a plain checkpoint."
    bad_at: str = "One commit after another: each moves what the earlier ones wrote."

    def configure(self, settings: Mapping[str, Setting]) -> MemitSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(MemitSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> MemitSettings:
        """The layers, at the paper's relative depth."""
        return by_depth(base, self.configure(given))

    def needs(self, settings: MemitSettings) -> Sequence[Need]:
        """The contexts, and C of each edited layer."""
        return [Need(POOL), *(Need(COVARIANCE, module) for module in layer_paths(settings.target, settings.layers))]

    def plan(
        self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], settings: MemitSettings, seed: int
    ) -> list[Planned]:
        """One memory for all edits, see :func:`wisedb.editors.common.in_order.plan_in_order`."""
        return plan_in_order(held, new, removed, seed, together=settings.mass)

    def check(self, base: LoadedBase, settings: MemitSettings, edits: Sequence[Edit]) -> None:
        """The layers must be there, and prompt and target must fit into what the model reads."""
        edited_layers(base, settings.target, settings.layers)
        ensure_fits_model(base.model, base.tokenizer, edits)

    def begin(self, base: LoadedBase, settings: MemitSettings, seed: int) -> LowRankDelta:
        """ΔW of rank 0."""
        return empty_delta(edited_layers(base, settings.target, settings.layers))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: MemitSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.common.layers.write_stream`, with :mod:`wisedb.editors.memit.closed_form`."""
        assert isinstance(start, LowRankDelta)
        solvers = {
            module: resources.get(COVARIANCE, module).solver(settings.ridge or None, device_of(base.projection(module)))
            for module in start.modules
        }

        def store(module: str, held: FactoredDelta, keys: Tensor, residuals: Tensor) -> FactoredDelta:
            weight = settings.covariance_weight * len(keys)
            return held.beside(spread_update(keys, residuals, solvers[module], weight))

        contexts = resources.get(POOL).contexts
        change = write_stream(base, contexts, settings, start, done, stream, store, progress)
        return Trained(change, gate_name(settings.gate))

    def merge(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: MemitSettings,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """Always-on changes add up by themselves."""
        return None


EDITOR = Memit()
