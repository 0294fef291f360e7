"""MEMIT as an editor (Meng et al. 2023, "Mass-Editing Memory in a Transformer")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.layered import Store
from wisedb.editors.common.layered_editor import LayeredEditor
from wisedb.editors.common.layers import device_of
from wisedb.editors.memit.closed_form import spread_update
from wisedb.editors.memit.settings import MemitSettings
from wisedb.memory.kinds.additive import FactoredDelta

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class Memit(LayeredEditor[MemitSettings]):
    """One rank an edit in each of some FFN projections, a commit's edits at once."""

    settings: ClassVar[type] = MemitSettings

    name: str = "memit"
    good_at: str = "Many facts with named subjects in one commit; a change that is part of a plain checkpoint."
    bad_at: str = "One commit after another: each moves what the earlier ones wrote."

    def closed_form(
        self, base: LoadedBase, resources: Resources, settings: MemitSettings, modules: Sequence[str]
    ) -> Store:
        """See :func:`wisedb.editors.memit.closed_form.spread_update`."""
        solvers = {
            module: resources.get(COVARIANCE, module).solver(settings.ridge or None, device_of(base.projection(module)))
            for module in modules
        }

        def store(module: str, held: FactoredDelta, keys: Tensor, residuals: Tensor) -> FactoredDelta:
            weight = settings.covariance_weight * len(keys)
            return held.beside(spread_update(keys, residuals, solvers[module], weight))

        return store


EDITOR = Memit()
