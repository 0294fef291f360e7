"""AlphaEdit as an editor (Fang et al. 2025, "Null-Space Constrained Knowledge Editing for Language Models")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from wisedb.editors.alphaedit.closed_form import projected_update
from wisedb.editors.alphaedit.null_space import null_space
from wisedb.editors.alphaedit.settings import AlphaEditSettings
from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.layered import Store
from wisedb.editors.common.layered_editor import LayeredEditor
from wisedb.editors.common.layers import device_of
from wisedb.memory.kinds.additive import FactoredDelta

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


@dataclass(frozen=True, slots=True)
class AlphaEdit(LayeredEditor[AlphaEditSettings]):
    """One rank an edit in each of some FFN projections, where other text and earlier edits have no part."""

    settings: ClassVar[type] = AlphaEditSettings

    name: str = "alphaedit"
    good_at: str = "Facts with named subjects, one commit after another; a change that is part of a plain checkpoint."
    bad_at: str = "Small models, whose keys leave little room; more edits than that room has dimensions."

    def closed_form(
        self, base: LoadedBase, resources: Resources, settings: AlphaEditSettings, modules: Sequence[str]
    ) -> Store:
        """See :func:`wisedb.editors.alphaedit.closed_form.projected_update`."""
        spaces = {module: _null_space_of(base, resources, settings, module) for module in modules}

        def store(module: str, held: FactoredDelta, keys: Tensor, residuals: Tensor) -> FactoredDelta:
            space, length = spaces[module]
            return projected_update(held, keys, residuals, space, settings.ridge * length)

        return store


def _null_space_of(
    base: LoadedBase, resources: Resources, settings: AlphaEditSettings, module: str
) -> tuple[Tensor, float]:
    """The null space at a module, and E‖k‖², the trace of C; found once a loaded model."""

    def find() -> tuple[Tensor, float]:
        covariance = resources.get(COVARIANCE, module)
        length = float(covariance.moment.double().diagonal().sum())
        return null_space(covariance, settings.threshold, device), length

    device = device_of(base.projection(module))
    key = ("null space", module, resources.blob(COVARIANCE, module), settings.threshold, device)
    return base.derived.get(key, find)


EDITOR = AlphaEdit()
