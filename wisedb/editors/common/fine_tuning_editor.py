"""What the editors that fine-tune one projection have in common beside their loop: memory, layer, fold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from torch import Tensor

from wisedb.config import Setting
from wisedb.editors.common.cached_forward import cached_forward_of
from wisedb.editors.common.fine_tuning import Fitted
from wisedb.editors.common.frozen import Frozen, Text
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.seeds import seed_of
from wisedb.editors.common.settings import parse
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained, batches
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.full_delta import FullDelta
from wisedb.progress import Listener, Progress

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase


class FineTuningSettings(Protocol):
    """What all of them have to set."""

    @property
    def target(self) -> str:
        """The matrix that is fine-tuned, by its path in the model; empty before the model is known."""

    @property
    def gate(self) -> str:
        """Of :data:`GATES`."""

    @property
    def end(self) -> bool:
        """Whether the answer's end token is learned too."""


S = TypeVar("S", bound=FineTuningSettings)


@dataclass(frozen=True, slots=True)
class FineTuningEditor(OneMemory[S], Generic[S]):
    """An editor whose memory is ΔW of one FFN projection, every entry free, fitted batch by batch.

    Attributes:
        settings: the class of its settings.
        depth: the default layer is the floor of depth · layers.
        looks_back: whether a batch is written with the earlier edits at hand.
    """

    settings: ClassVar[type]
    depth: ClassVar[float]
    looks_back: ClassVar[bool] = False

    name: str = ""
    kind: str = FullDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = ""
    bad_at: str = ""

    @abstractmethod
    def write(
        self,
        frozen: Frozen,
        settings: S,
        delta: Tensor,
        earlier: Sequence[Text],
        new: Sequence[Text],
        chooser: Random,
    ) -> Fitted:
        """Write one batch.

        Args:
            frozen: the model below and above ΔW.
            settings: how.
            delta: ΔW as the earlier batches left it, float32 (d_ff, d_model).
            earlier: the edits of these, in order; none where the editor doesn't look back.
            new: those of this batch.
            chooser: every random choice comes from it.
        """

    def configure(self, settings: Mapping[str, Setting]) -> S:
        """See :func:`wisedb.editors.common.settings.parse`."""
        found: S = parse(self.settings, self.name, settings)
        return found

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> S:
        """The layer; all else is in units of the model already."""
        target = str(given.get("target", ""))
        layer = None if target else int(self.depth * base.projection().layers)
        return self.configure({**given, "target": base.projection(target, layer).name})

    def needs(self, settings: S) -> Sequence[Need]:
        """Nothing."""
        return []

    def begin(self, base: LoadedBase, settings: S, seed: int) -> FullDelta:
        """ΔW = 0."""
        frozen = _frozen(base, settings)
        projection = frozen.projection
        return FullDelta.zero(projection.name, (projection.d_ff, projection.d_model), frozen.stored_dtype)

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: S,
        seed: int,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """A fold over the batches, each with an optimiser of its own; behind each ΔW is rounded as it is stored."""
        assert isinstance(start, FullDelta)
        frozen = _frozen(base, settings)
        edits = [item.edit for item in stream]
        first = 0 if self.looks_back else done
        texts = frozen.edits(edits[first:], end=settings.end)
        matrix = start.matrix.to(frozen.device)
        behind = done
        for group in batches(stream[done:]):
            before, behind = behind, behind + len(group)
            chooser = Random(seed_of(seed, "batch", *(item.edit.id for item in group)))
            earlier = texts[: before - first] if self.looks_back else []
            new = texts[before - first : behind - first]
            fitted = self.write(frozen, settings, matrix.float(), earlier, new, chooser)
            matrix = fitted.delta.to(frozen.stored_dtype)
            if progress is not None:
                progress(Progress("training", behind - done, len(stream) - done, fitted.loss))
        return Trained(FullDelta(start.module, matrix.cpu()), gate_name(settings.gate))


def _frozen(base: LoadedBase, settings: FineTuningSettings) -> Frozen:
    projection = base.projection(settings.target)
    return Frozen(base.model, base.tokenizer, projection, cached_forward_of(base, projection))
