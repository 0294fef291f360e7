"""Three-way merge of facts: what two lines of history made of the facts that they began with. No store, no torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from wisedb.edits import Edit

Facts = Mapping[str, Edit]
"""Normalised prompt → the edit in force for it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One prompt of which both sides made something else.

    Attributes:
        key: the prompt, normalised.
        base: the edit that both began with, ``None`` where there was none, or where several merge bases don't agree.
        ours: the edit of the side that is merged into, ``None`` where it has none.
        theirs: that of the other side.
    """

    key: str
    base: Edit | None
    ours: Edit | None
    theirs: Edit | None

    @property
    def sides(self) -> tuple[Edit, ...]:
        """The edits that there are: ours, theirs, base."""
        return tuple(edit for edit in (self.ours, self.theirs, self.base) if edit is not None)

    @property
    def prompt(self) -> str:
        """The prompt as our side spells it, or as the other does where ours has none."""
        return self.sides[0].prompt

    def to_json(self) -> dict[str, Any]:
        """``{"prompt", "base", "ours", "theirs"}``, each of the last three an edit or ``None``."""
        edits = {"base": self.base, "ours": self.ours, "theirs": self.theirs}
        return {
            "prompt": self.prompt,
            **{side: None if edit is None else edit.to_json() for side, edit in edits.items()},
        }


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """What a merge of facts came to.

    Attributes:
        facts: the facts of all prompts that are no conflict: ours in their order, then what the other side added.
        conflicts: the prompts that someone has to decide on.
        doubled: (ours, theirs) where both sides gave one prompt the same target in different records. Ours is kept:
            the memory that the merge goes on from holds it already.
    """

    facts: dict[str, Edit]
    conflicts: tuple[Conflict, ...]
    doubled: tuple[tuple[Edit, Edit], ...]


def merge_facts(base: Facts, ours: Facts, theirs: Facts, disputed: Collection[str] = ()) -> ThreeWay:
    """Merge two sets of facts that came from one.

    For each prompt the side counts that has something else than the base: another edit (be it only in its reason or
    rephrases), or none. Where both have, it is no conflict if both have the same edit, the same target behind the
    same messages, or none; otherwise it is one: two targets, or changed on one side and reverted on the other.

    Args:
        base: what both began with.
        ours: the side that is merged into.
        theirs: the other side.
        disputed: prompts of which the base is not known, because several merge bases differ in them: what a side has
            there always counts as changed.
    """
    facts: dict[str, Edit] = {}
    conflicts: list[Conflict] = []
    doubled: list[tuple[Edit, Edit]] = []
    for key in dict.fromkeys([*ours, *theirs]):
        before, one, other = base.get(key), ours.get(key), theirs.get(key)
        known = key not in disputed
        if one == other or (known and other == before):
            kept = one
        elif known and one == before:
            kept = other
        elif one is not None and other is not None and (one.target, one.messages) == (other.target, other.messages):
            doubled.append((one, other))
            kept = one
        else:
            conflicts.append(Conflict(key, before if known else None, one, other))
            continue
        if kept is not None:
            facts[key] = kept
    return ThreeWay(facts, tuple(conflicts), tuple(doubled))
