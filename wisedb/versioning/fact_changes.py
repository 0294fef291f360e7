"""From the facts that shall be in force to what must be written and taken out. No torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from wisedb.editors.streams import StreamItem
from wisedb.edits import Edit
from wisedb.versioning.streams import Owned


def plan_fact_changes(held: Sequence[Owned], goals: Mapping[str, Edit | None]) -> tuple[list[Edit], set[str]]:
    """What to write and what to take out, so that each of some prompts has the fact that it shall have.

    An edit that a memory still holds below newer ones comes back when these are taken out, and is not written again.

    Args:
        held: the memories.
        goals: prompt, normalised → the fact that it shall have, ``None`` for none.

    Returns:
        The edits to write, and the ids of those to take out.
    """
    found: dict[str, list[list[str]]] = {}
    for owned in held:
        here: dict[str, list[str]] = {}
        for item in owned.held.stream:
            if item.edit.key in goals:
                here.setdefault(item.edit.key, []).append(item.edit.id)
        for key, ids in here.items():
            found.setdefault(key, []).append(ids)
    new: list[Edit] = []
    removed: set[str] = set()
    for key, goal in goals.items():
        lists = found.get(key, [])
        if goal is None:
            removed.update(edit_id for ids in lists for edit_id in ids)
            continue
        below = [ids for ids in lists if goal.id in ids]
        if not below:
            new.append(goal)
        for ids in below:
            removed.update(ids[len(ids) - ids[::-1].index(goal.id) :])
    return new, removed


def without_edits(held: Sequence[Owned], removed: Collection[str]) -> list[Owned]:
    """The memories without some edits."""
    return [replace(owned, held=replace(owned.held, stream=_kept(owned.held.stream, removed))) for owned in held]


def facts_of(held: Sequence[Owned]) -> dict[str, Edit]:
    """Prompt, normalised → the edit in force, memory by memory."""
    return {edit.key: edit for owned in held for edit in owned.held.in_force}


def _kept(stream: Sequence[StreamItem], removed: Collection[str]) -> tuple[StreamItem, ...]:
    return tuple(item for item in stream if item.edit.id not in removed)
