"""What every editor can do.

An editor is a folder with a module that holds it as ``EDITOR``, named by an entry point of the group
``wisedb.editors``; ``docs/adding-an-editor.md`` is the checklist.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from wisedb.config import Setting
from wisedb.editors.streams import Held, Planned, StreamItem, Trained
from wisedb.edits import Edit
from wisedb.progress import Listener

if TYPE_CHECKING:
    from wisedb.editors.resources import Need, Resources
    from wisedb.memory.kinds.base import Change
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase

S = TypeVar("S")
"""The frozen dataclass of an editor's settings."""

S_contra = TypeVar("S_contra", contravariant=True)


@runtime_checkable
class MergesMemories(Protocol[S_contra]):
    """What an editor may have beside :class:`Editor`: it can make one memory of several of its own.

    Those of another editor answer in merge mode as they do in retrieve mode: always-on ones add up, gated ones each
    behind their own gate.
    """

    def merge(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: S_contra,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """One memory that says what several of this editor's say, ``None`` where that can't be.

        Args:
            base: the base model.
            resources: what is shared.
            settings: those of the newest of them.
            seed: where every random choice comes from.
            memories: two or more.
            edits: all edits in force in them.
            progress: is told how far it is.
        """


@runtime_checkable
class MergesByTies(Protocol[S_contra]):
    """What an editor may have beside :class:`Editor`: its masked deltas can be merged by TIES alone.

    So they are in an adapter, which holds no edits to fit a merge by.
    """

    def merge_density(self, settings: S_contra) -> float:
        """The share of each delta's entries that TIES keeps, in (0, 1]."""


@runtime_checkable
class LearnsInChats(Protocol[S_contra]):
    """What an editor has besides that learns edits behind the chat template, also as the ends of conversations.

    Edits with messages before their prompt are refused for every other editor; this one checks them itself.
    """

    def chat_only(self, settings: S_contra) -> bool:
        """Whether it learns all edits there and nowhere else: then none is measured by its plain prompt."""


@runtime_checkable
class FitsAlwaysOn(Protocol[S_contra]):
    """What an editor has besides that can put its gated memories into a weight without their gates.

    Of another editor a plain checkpoint holds what its memories, or their merge, add up to.
    """

    def always_on(
        self,
        base: LoadedBase,
        resources: Resources,
        settings: S_contra,
        seed: int,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """One memory without a gate that says the edits and leaves other text as it was, ``None`` for no such.

        Args:
            base: the base model, with the always-on memories that stand before these.
            resources: what is shared.
            settings: those of the newest of the memories.
            seed: where every random choice comes from.
            memories: one or more.
            edits: all edits in force in them.
            progress: is told how far it is.
        """


@runtime_checkable
class PicksEdits(Protocol):
    """What an editor has besides whose memories hold a part for each edit that depends on no other edit.

    Edits are taken out of a memory without any training then, whatever was written behind them.
    """

    def picked(self, change: Change, places: Sequence[int]) -> Change:
        """The memory as it would be if only some of its edits had been written, in the order in which they were.

        Args:
            change: the memory, as :meth:`Editor.train` gave it.
            places: of the edits to keep, their places among the memory's edits, rising.
        """


class Editor(Protocol[S]):
    """A way to write edits into memories.

    An editor is stateless: what it makes is a function of its arguments alone. The base model comes with the always-on
    memories attached that stand before the one that is trained, and is left as it was.
    """

    @property
    def name(self) -> str:
        """As in :class:`wisedb.config.EditorChoice` and in the entry point."""

    @property
    def kind(self) -> str:
        """The kind of its memories, see :mod:`wisedb.memory.kinds.registry`."""

    @property
    def gate(self) -> str:
        """The gate that they stand behind where nothing else is set."""

    @property
    def undo(self) -> str:
        """``exact`` where taking an edit out touches no other edit's part, otherwise ``retrained``.

        Retrained is then what was written behind it.
        """

    @property
    def good_at(self) -> str:
        """What it is good at, one sentence."""

    @property
    def bad_at(self) -> str:
        """What it is bad at, one sentence."""

    def configure(self, settings: Mapping[str, Setting]) -> S:
        """Settings as they are given → all settings.

        Raises:
            UnknownSetting: a key that the editor doesn't have, or a value that doesn't fit it.
        """

    def calibrate(self, base: LoadedBase, resources: Resources, given: Mapping[str, Setting]) -> S:
        """All settings for a model, those in its own units measured; what is given wins.

        Shared resources that every commit will need may be made here.

        Raises:
            UnknownSetting: as :meth:`configure`.
            UnsupportedModel: the model has no module that the editor can change.
        """

    def needs(self, settings: S) -> Sequence[Need]:
        """The shared resources that training needs.

        They are functions of the base model alone, and are made before any memory is attached to it.
        """

    def plan(
        self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str], settings: S, seed: int
    ) -> list[Planned]:
        """Which memories change, and what they shall hold afterwards. Loads no torch.

        Args:
            held: the memories that this editor began, oldest first.
            new: the edits to write, in order.
            removed: ids of the edits to take out.
            settings: how new edits are written.
            seed: where every random choice comes from.
        """

    def check(self, base: LoadedBase, settings: S, edits: Sequence[Edit]) -> None:
        """Refuse edits that can't be written, before anything is trained.

        Raises:
            TrainingFailed: says which, and what to do.
        """

    def begin(self, base: LoadedBase, settings: S, seed: int) -> Change:
        """A memory that holds nothing yet.

        Args:
            base: the base model.
            settings: how it is to be trained.
            seed: the memory's own.
        """

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
        """Write a stream into a memory: a fold over its batches, whose result doesn't depend on where it starts.

        Args:
            base: the base model.
            resources: what is shared.
            settings: with which the memory was begun.
            seed: where every random choice comes from.
            start: the memory as :meth:`begin` made it, or as it was once the first ``done`` items were written.
            done: how many items of the stream ``start`` holds.
            stream: the EFFECTIVE stream (:func:`wisedb.editors.streams.effective`), not empty.
            progress: is told after each edit.

        Raises:
            TrainingFailed: a value is no longer a number, or an edit can't be written.
        """


@runtime_checkable
class MakesPrompts(Protocol[S_contra]):
    """What an editor has besides that trains edits under prompts which it makes up.

    Prefix contexts in front of an edit's own prompt don't count.
    """

    def made_prompts(
        self, base: LoadedBase, resources: Resources, settings: S_contra, edits: Sequence[Edit]
    ) -> list[str]:
        """Every prompt, the edits' own apart, under which these edits may be trained: nothing is measured by them.

        In whatever order and groups they come.

        Args:
            base: the base model.
            resources: what is shared.
            settings: how edits are written.
            edits: the edits.
        """
