"""What editors have in common that keep all of their edits in one memory, in the order in which they came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from wisedb.editors.common.in_order import plan_in_order
from wisedb.editors.common.limits import ensure_fits_model
from wisedb.editors.streams import Held, Planned
from wisedb.edits import Edit

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase

S_contra = TypeVar("S_contra", contravariant=True)


class OneMemory(Generic[S_contra]):
    """The part of :class:`wisedb.editors.protocol.Editor` that such an editor needs not write."""

    __slots__ = ()

    def together(self, settings: S_contra) -> bool:
        """Whether a commit's edits are one batch; otherwise each is one."""
        return False

    def plan(
        self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], settings: S_contra, seed: int
    ) -> list[Planned]:
        """One memory for all edits, see :func:`wisedb.editors.common.in_order.plan_in_order`."""
        return plan_in_order(held, new, removed, seed, together=self.together(settings))

    def check(self, base: LoadedBase, settings: S_contra, edits: Sequence[Edit]) -> None:
        """Prompt and target must fit into what the model reads.

        Raises:
            TrainingFailed: an edit doesn't.
        """
        ensure_fits_model(base.model, base.tokenizer, edits)
