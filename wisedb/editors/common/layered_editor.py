"""What the editors have in common that spread facts over layers by a closed form: memory, layers, fold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from wisedb.config import Setting
from wisedb.editors.common.covariance import COVARIANCE
from wisedb.editors.common.layered import Store
from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.common.layers import by_depth, edited_layers, empty_delta, layer_paths, write_stream
from wisedb.editors.common.one_memory import OneMemory
from wisedb.editors.common.pool import POOL
from wisedb.editors.common.settings import parse
from wisedb.editors.resources import Need
from wisedb.editors.streams import StreamItem, Trained
from wisedb.edits import Edit
from wisedb.memory.gates.base import gate_name
from wisedb.memory.kinds.base import Change
from wisedb.memory.kinds.low_rank_delta import LowRankDelta
from wisedb.progress import Listener

if TYPE_CHECKING:
    from wisedb.editors.resources import Resources
    from wisedb.model.base import LoadedBase

S = TypeVar("S", bound=LayeredSettings)


@dataclass(frozen=True, slots=True)
class LayeredEditor(OneMemory[S], Generic[S]):
    """An editor whose memory is a rank an edit in each of some FFN projections.

    Attributes:
        settings: the class of its settings.
    """

    settings: ClassVar[type]

    name: str = ""
    kind: str = LowRankDelta.kind
    gate: str = "always"
    undo: str = "retrained"
    good_at: str = ""
    bad_at: str = ""

    @abstractmethod
    def closed_form(self, base: LoadedBase, resources: Resources, settings: S, modules: Sequence[str]) -> Store:
        """What stores a batch's residuals under its keys at each of the modules."""

    def configure(self, settings: Mapping[str, Setting]) -> S:
        """See :func:`wisedb.editors.common.settings.parse`."""
        found: S = parse(self.settings, self.name, settings)
        return found

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> S:
        """The layers, at the papers' relative depth."""
        return by_depth(base, self.configure(given))

    def needs(self, settings: S) -> Sequence[Need]:
        """The contexts, and C of each edited layer."""
        return [Need(POOL), *(Need(COVARIANCE, module) for module in layer_paths(settings.target, settings.layers))]

    def together(self, settings: S) -> bool:
        """As it is set."""
        return settings.mass

    def check(self, base: LoadedBase, settings: S, edits: Sequence[Edit]) -> None:
        """The layers must be there, and prompt and target must fit into what the model reads."""
        edited_layers(base, settings.target, settings.layers)
        OneMemory.check(self, base, settings, edits)

    def begin(self, base: LoadedBase, settings: S, seed: int) -> LowRankDelta:
        """ΔW of rank 0."""
        return empty_delta(edited_layers(base, settings.target, settings.layers))

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
        """See :func:`wisedb.editors.common.layers.write_stream`, with :meth:`closed_form`."""
        assert isinstance(start, LowRankDelta)
        store = self.closed_form(base, resources, settings, start.modules)
        contexts = resources.get(POOL).contexts
        change = write_stream(base, contexts, settings, start, done, stream, store, progress)
        return Trained(change, gate_name(settings.gate))
