"""What every editor can do, and how one is found by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

from wisedb.config import Setting
from wisedb.editors.streams import ShardPlan, ShardStream, StreamItem, TrainedShard
from wisedb.edits import Edit
from wisedb.errors import UnknownEditor
from wisedb.progress import Listener

if TYPE_CHECKING:
    from torch import Tensor

# Each editor and the module that holds it as `EDITOR`: a list of names must not load torch.
_HOMES = MappingProxyType({"wise": "wisedb.editors.keyed.editor"})


class Editor(Protocol):
    """A way to write edits into side memories.

    An editor is stateless: what it makes is a function of its arguments alone.

    Attributes:
        name: as in :class:`wisedb.config.EditorChoice`.
        settings_type: the frozen dataclass of its settings.
        measured: settings in the units of the model at hand, which a preset leaves as they were measured.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings_type(self) -> type[Any]: ...

    @property
    def measured(self) -> tuple[str, ...]: ...

    def configure(self, settings: Mapping[str, Setting]) -> Any:
        """An instance of :attr:`settings_type`.

        Raises:
            UnknownSetting: a key that the editor doesn't have, or a value that doesn't fit it.
        """

    def plan(
        self,
        shards: Sequence[ShardStream],
        new: Sequence[Edit],
        removed: Collection[str],
        settings: Any,
        seed: int,
    ) -> list[ShardPlan]:
        """Which memories change, and what they shall hold afterwards.

        Args:
            shards: the memories that exist, oldest first.
            new: the edits to write, in order.
            removed: ids of the edits to take out.
            settings: what :meth:`configure` returned.
            seed: where every random choice comes from.
        """

    def train(
        self,
        base: Any,
        settings: Any,
        seed: int,
        mask: Tensor,
        start: tuple[Tensor, int] | None,
        items: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> TrainedShard:
        """Write one stream into one memory, see :func:`wisedb.editors.keyed.train.train_stream`."""

    def consolidate(
        self,
        base: Any,
        settings: Any,
        seed: int,
        mask: Tensor,
        values: Tensor,
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Tensor:
        """Fit the merge of several memories, see :func:`wisedb.editors.keyed.merge.consolidate`."""


def editors() -> tuple[str, ...]:
    """The names of all editors."""
    return tuple(_HOMES)


def editor(name: str) -> Editor:
    """The editor of that name.

    Raises:
        UnknownEditor: there is none; the hint names the nearest.
    """
    if name not in _HOMES:
        near = get_close_matches(name, _HOMES, n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(_HOMES)}."
        raise UnknownEditor(f"there is no editor '{name}'", hint=hint)
    return cast(Editor, import_module(_HOMES[name]).EDITOR)
