"""What becomes of conflicts: one side for all of them, or a choice for each. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import InputError, UsageError
from wisedb.versioning.merging.facts import Conflict, ThreeWay

SIDES = ("ours", "theirs", "base")
"""The words that a choice may be."""

UNDECIDED = "|".join(SIDES)
"""What the template of a file says for each conflict; it is refused until someone has chosen."""

_FILE = 'It maps each prompt to "ours", "theirs", "base", {"target": "…"}, or null for no edit at all.'


@dataclass(frozen=True, slots=True)
class Choices:
    """How conflicts are to be decided.

    Attributes:
        side: ``ours`` or ``theirs`` for all of them.
        each: prompt → ``"ours"``, ``"theirs"``, ``"base"``, ``{"target": …}`` with any other field of an edit but the
            prompt, or ``None`` for no edit. Every conflict must be in it, and nothing else.

    Raises:
        UsageError: both are given, or the side is none.
    """

    side: str | None = None
    each: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.side not in (None, "ours", "theirs"):
            raise UsageError(f"there is no side '{self.side}'", hint="Choose 'ours' or 'theirs'.")
        if self.side is not None and self.each is not None:
            raise UsageError("one side for all conflicts and a choice for each exclude each other", hint="Give one.")

    @classmethod
    def read(cls, path: Path) -> Choices:
        """Those of a JSON file.

        Raises:
            InputError: it is not a JSON object, or names a prompt twice.
            OSError: it can't be read.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is not JSON: {error}", hint=_FILE) from error
        if not isinstance(document, dict):
            raise InputError(f"{path} is not a JSON object", hint=_FILE)
        return cls(each=document)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Facts after all conflicts that could be decided.

    Attributes:
        facts: the facts of the merge; without the prompts of ``conflicts``.
        conflicts: those that nobody decided.
        losers: prompt, normalised → ids of the edits that lost it: they are taken out of their memories, not only
            superseded.
        made: edits that a choice made, which no side has.
    """

    facts: dict[str, Edit]
    conflicts: tuple[Conflict, ...]
    losers: Mapping[str, frozenset[str]]
    made: tuple[Edit, ...]


def resolve_conflicts(merged: ThreeWay, choices: Choices | None = None) -> Resolution:
    """Decide conflicts.

    Raises:
        InputError: a choice is none, its prompt is no conflict, or a conflict has no choice.
    """
    given = choices or Choices()
    chosen = _for_each(merged.conflicts, given.each) if given.each is not None else {}
    facts, made = dict(merged.facts), []
    losers = {ours.key: frozenset({theirs.id}) for ours, theirs in merged.doubled}
    open_: list[Conflict] = []
    for conflict in merged.conflicts:
        if given.side is None and given.each is None:
            open_.append(conflict)
            continue
        winner = _winner(conflict, given.side if given.side is not None else chosen[conflict.key])
        if winner is not None:
            facts[conflict.key] = winner
            if winner not in conflict.sides:
                made.append(winner)
        losers[conflict.key] = frozenset(edit.id for edit in _losers(conflict) if edit != winner)
    return Resolution(facts, tuple(open_), losers, tuple(made))


def template(conflicts: Iterable[Conflict]) -> dict[str, str]:
    """What a file of choices looks like, to be filled in."""
    return {conflict.prompt: UNDECIDED for conflict in conflicts}


def _for_each(conflicts: Iterable[Conflict], each: Mapping[str, Any]) -> dict[str, Any]:
    known = {conflict.key: conflict for conflict in conflicts}
    found: dict[str, Any] = {}
    for prompt, choice in each.items():
        key = normalise_prompt(prompt)
        if key not in known:
            raise InputError(f"the choices name '{prompt}', which is no conflict of this merge", hint="Take it out.")
        if key in found:
            raise InputError(f"the choices name '{prompt}' twice", hint="Keep one of them.")
        found[key] = choice
    missing = [conflict.prompt for key, conflict in known.items() if key not in found]
    if missing:
        named = ", ".join(f"'{prompt}'" for prompt in missing[:3]) + (", …" if len(missing) > 3 else "")
        raise InputError(f"the choices lack {len(missing)} of {len(known)} conflicts: {named}", hint=_FILE)
    return found


def _winner(conflict: Conflict, choice: Any) -> Edit | None:
    if choice is None:
        return None
    if choice in SIDES:
        side: Edit | None = getattr(conflict, choice)
        return side
    if not isinstance(choice, Mapping) or not isinstance(choice.get("target"), str):
        raise InputError(f"the choice for '{conflict.prompt}' is not one: {json.dumps(choice)[:60]}", hint=_FILE)
    if set(choice) == {"target"}:
        same = [edit for edit in conflict.sides if edit.target == choice["target"].strip()]
        if same:
            return same[0]
    # What belongs to the question stays; what belongs to the answer of one side doesn't.
    first = conflict.sides[0]
    plain = replace(first, source=None, reason=None, tags=())
    try:
        return Edit.from_json({**plain.content(), **choice, "prompt": first.prompt})
    except InputError as error:
        raise InputError(f"the choice for '{conflict.prompt}': {error.message}", hint=_FILE) from error


def _losers(conflict: Conflict) -> Iterable[Edit]:
    both = conflict.ours is not None and conflict.theirs is not None
    # Where a side reverted the base's edit, it must not come back from below the winner either.
    return conflict.sides[:2] if both else conflict.sides


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found
