"""AlphaEdit as an editor (Fang et al. 2025, "Null-Space Constrained Knowledge Editing for Language Models")."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from wisedb.config import Setting
from wisedb.editors.alphaedit.closed_form import projected_update
from wisedb.editors.alphaedit.null_space import null_space
from wisedb.editors.alphaedit.settings import AlphaEditSettings
from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.in_order import plan_in_order
from wisedb.editors.common.layers import by_depth, device_of, edited_layers, empty_delta, layer_paths, write_stream
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
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
class AlphaEdit:
    """One rank an edit in each of some FFN projections, where other text and earlier edits have no part."""

    name: str = "alphaedit"
    kind: str = LowRankDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = "Facts with named subjects, one commit after another; a change that is part of a plain checkpoint."
    bad_at: str = "Small models, whose keys leave little room; more edits than that room has dimensions."

    def configure(self, settings: Mapping[str, Setting]) -> AlphaEditSettings:
        """See :func:`wisedb.editors.common.settings.parse`."""
        return parse(AlphaEditSettings, self.name, settings)

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> AlphaEditSettings:
        """The layers, at the paper's relative depth."""
        return by_depth(base, self.configure(given))

    def needs(self, settings: AlphaEditSettings) -> Sequence[Need]:
        """The contexts, and C of each edited layer."""
        return [Need(POOL), *(Need(COVARIANCE, module) for module in layer_paths(settings.target, settings.layers))]

    def plan(
        self,
        held: Sequence[Held],
        new: Sequence[Edit],
        removed: Collection[str],
        settings: AlphaEditSettings,
        seed: int,
    ) -> list[Planned]:
        """One memory for all edits, see :func:`wisedb.editors.common.in_order.plan_in_order`."""
        return plan_in_order(held, new, removed, seed, together=settings.mass)

    def check(self, base: LoadedBase, settings: AlphaEditSettings, edits: Sequence[Edit]) -> None:
        """The layers must be there, and prompt and target must fit into what the model reads."""
        edited_layers(base, settings.target, settings.layers)
        ensure_fits_model(base.model, base.tokenizer, edits)

    def begin(self, base: LoadedBase, settings: AlphaEditSettings, seed: int) -> LowRankDelta:
        """ΔW of rank 0."""
        return empty_delta(edited_layers(base, settings.target, settings.layers))

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: AlphaEditSettings,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :func:`wisedb.editors.common.layers.write_stream`, with :mod:`wisedb.editors.alphaedit.closed_form`."""
        assert isinstance(start, LowRankDelta)
        spaces = {module: self._room(base, resources, settings, module) for module in start.modules}

        def store(module: str, held: FactoredDelta, keys: Tensor, residuals: Tensor) -> FactoredDelta:
            space, length = spaces[module]
            return projected_update(held, keys, residuals, space, settings.ridge * length)

        contexts = resources.get(POOL).contexts
        change = write_stream(base, contexts, settings, start, done, stream, store, progress)
        return Trained(change, gate_name(settings.gate))

    def merge(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: AlphaEditSettings,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """Always-on changes add up by themselves."""
        return None

    @staticmethod
    def _room(base: LoadedBase, resources: Resources, settings: AlphaEditSettings, module: str) -> tuple[Tensor, float]:
        """The null space at a module, and E‖k‖², the trace of C; found once a loaded model."""

        def find() -> tuple[Tensor, float]:
            covariance = resources.get(COVARIANCE, module)
            length = float(covariance.moment.double().diagonal().sum())
            return null_space(covariance, settings.threshold, device), length

        device = device_of(base.projection(module))
        key = ("null space", module, resources.blob(COVARIANCE, module), settings.threshold, device)
        return base.derived.get(key, find)


EDITOR = AlphaEdit()
