"""From the facts that shall be in force to what must be written and taken out. No torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from wisedb.editors.streams import ShardStream
from wisedb.edits import Edit


def towards(streams: Sequence[ShardStream], goals: Mapping[str, Edit | None]) -> tuple[list[Edit], set[str]]:
    """What to write and what to take out, so that each of some prompts has the fact that it shall have.

    An edit that a memory still holds below newer ones comes back when these are taken out, and is not written again.

    Args:
        streams: what the memories hold.
        goals: prompt, normalised → the fact that it shall have, ``None`` for none.

    Returns:
        The edits to write, and the ids of those to take out.
    """
    held: dict[str, list[list[str]]] = {}
    for stream in streams:
        here: dict[str, list[str]] = {}
        for item in stream.stream:
            if item.edit.key in goals:
                here.setdefault(item.edit.key, []).append(item.edit.id)
        for key, ids in here.items():
            held.setdefault(key, []).append(ids)
    new: list[Edit] = []
    removed: set[str] = set()
    for key, goal in goals.items():
        lists = held.get(key, [])
        if goal is None:
            removed.update(edit_id for ids in lists for edit_id in ids)
            continue
        below = [ids for ids in lists if goal.id in ids]
        if not below:
            new.append(goal)
        for ids in below:
            removed.update(ids[len(ids) - ids[::-1].index(goal.id) :])
    return new, removed


def without(streams: Sequence[ShardStream], removed: Collection[str]) -> list[ShardStream]:
    """The streams without some edits."""
    return [
        replace(stream, stream=tuple(item for item in stream.stream if item.edit.id not in removed))
        for stream in streams
    ]


def facts_of(streams: Sequence[ShardStream]) -> dict[str, Edit]:
    """Prompt, normalised → the edit in force, memory by memory."""
    return {edit.key: edit for stream in streams for edit in stream.in_force}
