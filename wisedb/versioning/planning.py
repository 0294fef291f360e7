"""From the edits that come and go to plans, memory by memory: each memory is planned by the editor that began it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from wisedb.config import EditorChoice
from wisedb.editors.registry import bind
from wisedb.editors.streams import Held, Planned, in_force
from wisedb.edits import Edit
from wisedb.versioning.streams import Owned, alike


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall become of one memory, and who does it.

    Attributes:
        owner: who began it, or begins it.
        planned: what it shall hold.
    """

    owner: EditorChoice
    planned: Planned


@dataclass(frozen=True, slots=True)
class NewEdits:
    """Edits to write, and how.

    Attributes:
        choice: the editor, its settings and its seed.
        edits: the edits, in order.
    """

    choice: EditorChoice
    edits: tuple[Edit, ...]


def plan(held: Sequence[Owned], new: Sequence[NewEdits], removed: Collection[str]) -> list[Plan]:
    """Plan to write and to take out edits.

    The memories are grouped by the editor that began them, and each editor plans its own. A prompt lives in one place:
    where a new edit has the prompt of one that another editor's memory holds, that one is taken out there.

    Args:
        held: the memories that exist, oldest first.
        new: the edits to write, by how they are to be written.
        removed: ids of the edits to take out.

    Returns:
        Only the memories that change, in the order of ``held``, new ones last.
    """
    names = dict.fromkeys([*(owned.owner.name for owned in held), *(each.choice.name for each in new)])
    plans: list[Plan] = []
    for name in names:
        own = [owned for owned in held if owned.owner.name == name]
        plans += _by_one_editor(name, own, new, set(removed))
    place = {owned.held.id: number for number, owned in enumerate(held)}
    return sorted(plans, key=lambda each: place.get(each.planned.id or "", len(place)))


def in_force_after(held: Sequence[Owned], plans: Sequence[Plan]) -> dict[str, Edit]:
    """Id → edit, of those in force once the plans are carried out, memory by memory."""
    planned = {each.planned.id: each.planned.stream for each in plans if each.planned.id is not None}
    streams = [planned.get(owned.held.id, owned.held.stream) for owned in held]
    streams += [each.planned.stream for each in plans if each.planned.id is None]
    return {edit.id: edit for stream in streams for edit in in_force(stream)}


def _by_one_editor(name: str, own: Sequence[Owned], new: Sequence[NewEdits], removed: set[str]) -> Iterable[Plan]:
    gone = removed | _superseded(own, [each for each in new if each.choice.name != name])
    mine = [each for each in new if each.choice.name == name and each.edits]
    if not mine:
        if not any(item.edit.id in gone for owned in own for item in owned.held.stream):
            return []
        mine = [NewEdits(own[-1].owner, ())]
    streams = {owned.held.id: owned.held for owned in own}
    owners = {owned.held.id: owned.owner for owned in own}
    changed: dict[str, Planned] = {}
    begun: list[Plan] = []
    for each in mine:
        found = bind(each.choice).plan(
            [replace(held, open=held.open and alike(owners[held.id], each.choice)) for held in streams.values()],
            each.edits,
            gone,
        )
        for planned in found:
            if planned.id is None:
                begun.append(Plan(each.choice, planned))
            else:
                changed[planned.id] = planned
                streams[planned.id] = Held(planned.id, planned.stream, streams[planned.id].seed)
    return [*(Plan(owners[memory], planned) for memory, planned in changed.items()), *begun]


def _superseded(held: Sequence[Owned], new: Sequence[NewEdits]) -> set[str]:
    """The edits of these memories whose prompts are to be another editor's."""
    keys = {edit.key for each in new for edit in each.edits}
    return {item.edit.id for owned in held for item in owned.held.stream if item.edit.key in keys}
