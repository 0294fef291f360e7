"""What depends on an object that is lost: the commits that can't be told or loaded without it, and their facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wisedb.errors import StoreError
from wisedb.store.commits import Commit
from wisedb.store.contents import EDITS, are_ids, read_records
from wisedb.store.objects import Objects


@dataclass(frozen=True, slots=True)
class Lost:
    """An object that nobody has.

    Attributes:
        object: its id.
        commits: the commits that need it, sorted: those that name it, that name a blob which is stored as a difference
            to it, or that descend from it.
        facts: edit id → prompt (``None`` where its record is lost too) of the facts that it held or brought.
    """

    object: str
    commits: tuple[str, ...]
    facts: Mapping[str, str | None]

    def to_json(self) -> dict[str, Any]:
        """``{"object", "commits", "facts"}``; a fact is ``{"id", "prompt"}``."""
        facts = [{"id": edit_id, "prompt": prompt} for edit_id, prompt in self.facts.items()]
        return {"object": self.object, "commits": list(self.commits), "facts": facts}


def dependents(objects: Objects, lost: Collection[str]) -> tuple[Lost, ...]:
    """For each lost object what depends on it; what can't be read itself is passed over."""
    if not lost:
        return ()
    commits: dict[str, Commit] = {}
    for commit_id in objects.commit_ids():
        with suppress(StoreError):
            commits[commit_id] = objects.commit(commit_id)
    references: dict[str, set[str]] = {}
    prompts: dict[str, str] = {}
    for blob_id in objects.ids():
        with suppress(StoreError):
            header = objects.header(blob_id)
            for reference in header.references:
                references.setdefault(reference, set()).add(blob_id)
            if header.kind == EDITS and not objects.is_promised(blob_id):
                prompts |= {edit.id: edit.prompt for edit in read_records(objects.get(blob_id))}
    children: dict[str, set[str]] = {}
    for commit_id, commit in commits.items():
        for parent in commit.parents:
            children.setdefault(parent, set()).add(commit_id)
    found: list[Lost] = []
    for object_id in sorted(lost):
        blobs = _closure({object_id}, references)
        naming = {commit_id for commit_id, commit in commits.items() if commit.blobs & blobs}
        # An edit's record is needed wherever the edit may still be in force.
        brought = {commit_id for commit_id in naming if commits[commit_id].edits in blobs}
        needing = naming | _closure(brought | ({object_id} if object_id in children else set()), children)
        direct = [commits[each] for each in sorted(naming) if object_id in commits[each].blobs]
        edits = _held(objects, object_id) or dict.fromkeys(edit for commit in direct for edit in commit.added)
        if object_id in children:
            edits = _brought(objects, [commits[each] for each in sorted(children[object_id])], commits.values())
        facts = {edit_id: prompts.get(edit_id) for edit_id in edits}
        found.append(Lost(object_id, tuple(sorted(needing - {object_id})), facts))
    return tuple(found)


def _closure(starts: Collection[str], following: Mapping[str, Collection[str]]) -> set[str]:
    seen, stack = set(starts), list(starts)
    while stack:
        fresh = set(following.get(stack.pop(), ())) - seen
        seen |= fresh
        stack.extend(fresh)
    return seen


def _held(objects: Objects, blob_id: str) -> Collection[str]:
    """The edits that a blob lists, if its header is left."""
    with suppress(StoreError):
        listed = objects.meta(blob_id)[1].get("edits")
        if are_ids(listed):
            return listed
    return ()


def _brought(objects: Objects, children: Iterable[Commit], all_commits: Iterable[Commit]) -> Collection[str]:
    """The edits that the children of a lost commit hold and that no commit which is left introduces."""
    known: set[str] = set()
    for commit in all_commits:
        known.update(() if commit.edits is None else _held(objects, commit.edits))
    held = (edit for commit in children for memory in commit.memories for edit in _held(objects, memory.main))
    return dict.fromkeys(edit for edit in held if edit not in known)
