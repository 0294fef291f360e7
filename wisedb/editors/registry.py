"""Editors by name: those that entry points of the group ``wisedb.editors`` name, the built-in ones among them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

from wisedb.config import EditorChoice, Setting
from wisedb.editors.protocol import (
    Editor,
    FitsAlwaysOn,
    LearnsInChats,
    MakesPrompts,
    MergesByTies,
    MergesMemories,
    PicksEdits,
)
from wisedb.editors.streams import Held, Planned, StreamItem, Trained
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed, UnknownEditor, UnknownSetting
from wisedb.progress import Listener

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from wisedb.editors.resources import Need, Resources
    from wisedb.memory.kinds.base import Change
    from wisedb.memory.memory import Memory
    from wisedb.model.base import LoadedBase

GROUP = "wisedb.editors"
"""The group of the entry points."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An editor with the settings and the seed of a choice: who plans, trains and merges a memory.

    Which class the settings are of is the editor's own business: only it reads them.

    Attributes:
        choice: what commits record of it.
    """

    choice: EditorChoice
    _editor: Editor[DataclassInstance]
    _settings: DataclassInstance

    def plan(self, held: Sequence[Held], new: Sequence[Edit], removed: Collection[str]) -> list[Planned]:
        """See :meth:`wisedb.editors.protocol.Editor.plan`."""
        return self._editor.plan(held, new, removed, self._settings, self.choice.seed)

    def needs(self) -> Sequence[Need]:
        """See :meth:`wisedb.editors.protocol.Editor.needs`."""
        return self._editor.needs(self._settings)

    def check(self, base: LoadedBase, edits: Sequence[Edit]) -> None:
        """See :meth:`wisedb.editors.protocol.Editor.check`; an editor that doesn't say so teaches no conversation."""
        told = (
            None if isinstance(self._editor, LearnsInChats) else next((edit for edit in edits if edit.messages), None)
        )
        if told is not None:
            raise TrainingFailed(
                f"the editor '{self.choice.name}' can't teach {told.prompt!r} as the end of its conversation",
                hint="Write it with --editor keyed, or leave the messages before the prompt out.",
            )
        self._editor.check(base, self._settings, edits)

    def begin(self, base: LoadedBase, seed: int) -> Change:
        """See :meth:`wisedb.editors.protocol.Editor.begin`."""
        return self._editor.begin(base, self._settings, seed)

    def train(
        self,
        base: LoadedBase,
        resources: Resources,
        start: Change,
        done: int,
        stream: Sequence[StreamItem],
        progress: Listener | None = None,
    ) -> Trained:
        """See :meth:`wisedb.editors.protocol.Editor.train`."""
        return self._editor.train(base, resources, self._settings, self.choice.seed, start, done, stream, progress)

    def merge(
        self,
        base: LoadedBase,
        resources: Resources,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """See :class:`wisedb.editors.protocol.MergesMemories`; ``None`` of an editor that isn't one."""
        if not isinstance(self._editor, MergesMemories):
            return None
        return self._editor.merge(base, resources, self._settings, self.choice.seed, memories, edits, progress)

    def always_on(
        self,
        base: LoadedBase,
        resources: Resources,
        memories: Sequence[Memory],
        edits: Sequence[Edit],
        progress: Listener | None = None,
    ) -> Memory | None:
        """See :class:`wisedb.editors.protocol.FitsAlwaysOn`; ``None`` of an editor that isn't one."""
        if not isinstance(self._editor, FitsAlwaysOn):
            return None
        return self._editor.always_on(base, resources, self._settings, self.choice.seed, memories, edits, progress)

    def picks(self) -> bool:
        """Whether edits are taken out of its memories without training, see :meth:`picked`."""
        return isinstance(self._editor, PicksEdits)

    def picked(self, change: Change, places: Sequence[int]) -> Change:
        """See :class:`wisedb.editors.protocol.PicksEdits`; of an editor that is one."""
        assert isinstance(self._editor, PicksEdits)
        return self._editor.picked(change, places)

    def merge_density(self) -> float | None:
        """See :class:`wisedb.editors.protocol.MergesByTies`; ``None`` of an editor that isn't one."""
        return self._editor.merge_density(self._settings) if isinstance(self._editor, MergesByTies) else None

    def chat_only(self) -> bool:
        """See :class:`wisedb.editors.protocol.LearnsInChats`; false of an editor that isn't one."""
        return isinstance(self._editor, LearnsInChats) and self._editor.chat_only(self._settings)

    def made_prompts(self, base: LoadedBase, resources: Resources, edits: Sequence[Edit]) -> list[str]:
        """See :class:`wisedb.editors.protocol.MakesPrompts`; none of an editor that isn't one."""
        if not isinstance(self._editor, MakesPrompts):
            return []
        return self._editor.made_prompts(base, resources, self._settings, edits)


@dataclass(frozen=True, slots=True)
class Description:
    """An editor as ``wisedb editors`` lists it.

    Attributes:
        name: its name.
        kind: the kind of its memories.
        gate: the gate that they stand behind where nothing else is set.
        undo: ``exact`` where taking an edit out touches no other, ``retrained`` where those behind it are written anew.
        good_at: what it is good at.
        bad_at: what it is bad at.
        settings: the defaults of its settings.
    """

    name: str
    kind: str
    gate: str
    undo: str
    good_at: str
    bad_at: str
    settings: Mapping[str, Setting]

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "name": self.name,
            "kind": self.kind,
            "gate": self.gate,
            "undo": self.undo,
            "summary": f"{self.good_at} {self.bad_at}",
            "good_at": self.good_at,
            "bad_at": self.bad_at,
            "settings": dict(self.settings),
        }


def editors() -> tuple[str, ...]:
    """The names of all editors, without loading one."""
    return tuple(sorted(_found()))


def describe() -> tuple[Description, ...]:
    """All editors, by name."""
    found = [(name, find(name)) for name in editors()]
    return tuple(
        Description(name, editor.kind, editor.gate, editor.undo, editor.good_at, editor.bad_at, settings_of(editor, {}))
        for name, editor in found
    )


def find(name: str) -> Editor[DataclassInstance]:
    """The editor of that name.

    Raises:
        UnknownEditor: there is none; the hint names the nearest.
    """
    found = _found()
    if name not in found:
        near = get_close_matches(name, found, n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(sorted(found))}."
        raise UnknownEditor(f"there is no editor '{name}'", hint=hint)
    # The one place where the class of the settings is lost: what is loaded by name has no type of its own.
    return cast("Editor[DataclassInstance]", found[name].load())


def bind(choice: EditorChoice) -> Owner:
    """The editor of a choice with its settings, which are parsed here.

    Raises:
        UnknownEditor, UnknownSetting: there is no such editor, or it has no such setting.
    """
    editor = find(choice.name)
    return Owner(choice, editor, editor.configure(choice.settings))


def settings_of(editor: Editor[DataclassInstance], given: Mapping[str, Setting]) -> dict[str, Setting]:
    """All settings of an editor, spelled out.

    Raises:
        UnknownSetting: as :meth:`wisedb.editors.protocol.Editor.configure`.
    """
    return asdict(editor.configure(given))


def calibrated(
    name: str, base: LoadedBase, resources: Resources, given: Mapping[str, Setting], seed: int, pool: str | None
) -> EditorChoice:
    """An editor's choice for a model, everything measured and spelled out.

    Raises:
        UnknownEditor, UnknownSetting, UnsupportedModel: see the editor.
    """
    check_given(name, given)
    settings = asdict(find(name).calibrate(base, resources, given))
    return EditorChoice(name, settings, seed, {} if pool is None else {"pool": pool})


def check_given(name: str, given: Mapping[str, Setting]) -> None:
    """Refuse settings that somebody asks for now and that the editor doesn't have.

    Those that only older stores may name are among them.

    Raises:
        UnknownEditor, UnknownSetting: there is no such editor, or it has no such setting.
    """
    there = settings_of(find(name), given)
    if gone := [setting for setting in given if setting not in there]:
        near = get_close_matches(gone[0], there, n=1, cutoff=0.0)
        raise UnknownSetting(f"the editor '{name}' has no setting '{gone[0]}' any more", hint=f"It has '{near[0]}'.")


def chosen(
    default: EditorChoice, seed: int | None = None, settings: Mapping[str, Setting] | None = None
) -> EditorChoice:
    """A choice of the same editor with what one commit asks for on top, everything spelled out.

    Every setting is spelled out, so that a commit means the same whatever a later version's defaults are.

    Raises:
        UnknownEditor, UnknownSetting: see the editor.
    """
    check_given(default.name, settings or {})
    whole = settings_of(find(default.name), {**default.settings, **(settings or {})})
    return replace(default, settings=whole, seed=default.seed if seed is None else seed)


def _found() -> dict[str, EntryPoint]:
    return _on(tuple(sys.path))


@cache
def _on(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    # Looked up once for each search path: every plan binds an editor, and the look-up reads the metadata of all that is
    # installed.
    return {point.name: point for point in entry_points(group=GROUP)}
