"""What the index does without: commits that can't be read, and those that descend from them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wisedb.errors import StoreError, WisedbWarning

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a commit is left out.

    Attributes:
        commit: the commit at fault: itself, or one that it descends from.
        error: what is wrong with that one, or with a blob that it names.
    """

    commit: str
    error: StoreError


@dataclass(slots=True)
class LeftOut:
    """The commits that are left out of an answer.

    Attributes:
        faults: commit → why.
        frontier: sound commits that have such a child: what they descend from is still history.
    """

    faults: dict[str, Fault] = field(default_factory=dict)
    frontier: set[str] = field(default_factory=set)

    def inherit(self, commit_id: str, parents: Iterable[str]) -> bool:
        """Leave a commit out if one of its parents is; whether that is so."""
        fault = next((self.faults[parent] for parent in parents if parent in self.faults), None)
        if fault is not None:
            self.faults[commit_id] = fault
        return fault is not None

    def join(self, other: LeftOut) -> None:
        """Leave out what another leaves out, too."""
        self.faults |= other.faults
        self.frontier |= other.frontier

    def border(self, commits: Mapping[str, Iterable[str]]) -> None:
        """Note the sound parents of what was left out.

        Args:
            commits: commit → its parents; those that are not left out don't count.
        """
        for commit_id, parents in commits.items():
            if commit_id in self.faults:
                self.frontier.update(parent for parent in parents if parent not in self.faults)

    def sound(self, roots: Iterable[str]) -> tuple[str, ...]:
        """In the place of ``roots`` those of them that are not left out, and the frontier; sorted."""
        return tuple(sorted({root for root in roots if root not in self.faults} | self.frontier))

    def tell(self, roots: Iterable[str], asked: Iterable[str] = ()) -> None:
        """Say what an answer doesn't know: a warning, or an error where the question is about just that.

        Args:
            roots: what the answer is about is what these lead to.
            asked: the commits that were asked about.

        Raises:
            StoreError: one of those can't be read, or one that it descends from.
        """
        for commit_id in asked:
            if commit_id in self.faults:
                raise self.faults[commit_id].error
        errors = list(dict.fromkeys(self.faults[root].error.message for root in roots if root in self.faults))
        if not errors:
            return
        told = "; ".join(errors[:_NAMED]) + (f"; and {len(errors) - _NAMED} more" if len(errors) > _NAMED else "")
        warnings.warn(
            f"the answer leaves out what can't be read: {told}. `wisedb fsck --repair` mends what can be mended.",
            WisedbWarning,
            stacklevel=2,
        )
