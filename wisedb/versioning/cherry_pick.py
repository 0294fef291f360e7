"""What single commits changed, done again on HEAD."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wisedb.editors.registry import chosen
from wisedb.edits import Edit, normalise_prompt
from wisedb.errors import InputError, NothingToCommit, RefMoved, UsageError
from wisedb.progress import Listener
from wisedb.store.signature import Signature
from wisedb.versioning.fact_changes import facts_of, plan_fact_changes
from wisedb.versioning.land import read_tip
from wisedb.versioning.merging.base import facts_at, same_base
from wisedb.versioning.merging.choices import Choices, resolve_conflicts, template
from wisedb.versioning.merging.facts import Conflict, merge_facts
from wisedb.versioning.proposal import CommitResult, commit_proposal, propose
from wisedb.versioning.revert import parent_of
from wisedb.versioning.streams import read_streams

if TYPE_CHECKING:
    from wisedb.model.base import LoadedBase
    from wisedb.store.store import Store
    from wisedb.versioning.land import Tip


@dataclass(frozen=True, slots=True)
class CherryPickResult:
    """What was picked.

    Attributes:
        before: the commit that HEAD was at.
        branch: the branch that moved, ``None`` where HEAD is on a commit.
        picked: (commit picked, commit made), in their order; empty while there is a conflict.
        conflicts: those of the first commit that has any that nobody decided; nothing was changed then.
        stopped: that commit.
    """

    before: str
    branch: str | None
    picked: tuple[tuple[str, CommitResult], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    stopped: str | None = None

    @property
    def commit(self) -> str | None:
        """The last commit that was made, ``None`` while there is a conflict."""
        return self.picked[-1][1].commit if self.picked else None

    def to_json(self) -> dict[str, Any]:
        """As ``wisedb cherry-pick --json`` prints it."""
        record: dict[str, Any] = {
            "head": self.commit or self.before,
            "commit": self.commit,
            "branch": self.branch,
            "conflicts": [conflict.to_json() for conflict in self.conflicts],
            "picked": [{"from": source, **made.to_json()} for source, made in self.picked],
            "stopped": self.stopped,
        }
        if self.conflicts:
            record["resolve"] = template(self.conflicts)
        return record


def cherry_pick(
    store: Store,
    load: Callable[[], LoadedBase],
    revs: Sequence[str],
    signature: Signature | None = None,
    choices: Choices | None = None,
    *,
    mainline: int | None = None,
    progress: Listener | None = None,
) -> CherryPickResult:
    """Bring what commits changed to HEAD, each as a new commit: the edits that it brought in, and those it took out.

    A pick is a three-way merge of facts over the picked commit's parent. Its edits are trained into the memories of
    HEAD. All is worked out before the first commit is made, so that a conflict anywhere changes nothing.

    Args:
        store: the store.
        load: gives the base model, verified; called only where something is to be trained.
        revs: the commits, in the order in which they are picked.
        signature: who, when and why; the picked commit's message by default, and a line that names it in any case.
        choices: what becomes of conflicts.
        mainline: of a merge, the number of the parent, from 1, to which it is compared.
        progress: is told after each edit.

    Raises:
        UsageError: a merge is picked without ``mainline``, or it has no such parent.
        NothingToCommit: a commit changes nothing here, or none is named.
        InputError: see :func:`wisedb.versioning.merging.choices.resolve_conflicts`.
        UnknownRevision, AmbiguousId: a revision names no commit, or several.
        BaseModelMismatch: a commit was made for another base model.
        RefMoved: another writer landed first; what was picked before is there, the rest isn't.
    """
    tip = read_tip(store)
    if not revs:
        raise NothingToCommit("no commit is named to pick", hint="'wisedb log BRANCH' lists those of a branch.")
    sources = [store.resolve(rev) for rev in revs]
    facts = facts_of(read_streams(store, tip.commit))
    pending = _Pending(choices or Choices())
    goals: list[dict[str, Edit | None]] = []
    for rev, source in zip(revs, sources, strict=True):
        picked = store.objects.commit(source)
        same_base(store, tip.commit, picked, rev)
        if len(picked.parents) > 1 and mainline is None:
            raise UsageError(
                f"{source[:12]} is a merge: what it changed depends on the parent it is compared to",
                hint="--mainline 1 means what it brought to the branch it was made on.",
            )
        parent = parent_of(picked, source, mainline)
        merged = merge_facts({} if parent is None else facts_at(store, parent), facts, facts_at(store, source))
        settled = resolve_conflicts(merged, pending.of(merged.conflicts))
        if settled.conflicts:
            return CherryPickResult(tip.id, tip.branch, conflicts=settled.conflicts, stopped=source)
        changed = {
            key: settled.facts.get(key)
            for key in dict.fromkeys([*settled.facts, *facts])
            if facts.get(key) != settled.facts.get(key)
        }
        if not changed:
            raise NothingToCommit(f"'{rev}' changes nothing here", hint="Leave it out.")
        goals.append(changed)
        facts = settled.facts
    pending.check()
    made: list[tuple[str, CommitResult]] = []
    for source, goal in zip(sources, goals, strict=True):
        expected = made[-1][1].commit if made else tip.id
        made.append((source, _land(store, load(), tip.ref, expected, source, goal, signature, progress)))
    return CherryPickResult(tip.id, tip.branch, tuple(made))


def _land(
    store: Store,
    base: LoadedBase,
    ref: str,
    expected: str,
    source: str,
    goals: Mapping[str, Edit | None],
    signature: Signature | None,
    progress: Listener | None,
) -> CommitResult:
    tip: Tip = read_tip(store)
    if (tip.ref, tip.id) != (ref, expected):
        raise RefMoved(
            f"HEAD moved meanwhile: it was at {expected[:12]} and is now at {tip.id[:12]}",
            hint="Another writer landed first and nothing was lost; pick the rest again on top of it.",
        )
    choice = chosen(store.config.editor)
    held = read_streams(store, tip.commit, choice)
    new, removed = plan_fact_changes(held, goals)
    signed = signature or Signature("")
    message = signed.message.strip() or store.objects.commit(source).message
    signed = replace(signed, message=f"{message}\n\n(cherry picked from commit {source})")
    proposal = propose(store, tip, choice, new=new, removed=removed, held=held)
    return commit_proposal(store, base, proposal, signed, action="cherry-pick", progress=progress)


class _Pending:
    """A file of choices that several commits draw on, each its own conflicts."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._used: set[str] = set()

    def of(self, conflicts: Sequence[Conflict]) -> Choices:
        if self._choices.each is None:
            return self._choices
        keys = {conflict.key for conflict in conflicts}
        self._used |= keys
        return Choices(each={text: each for text, each in self._choices.each.items() if normalise_prompt(text) in keys})

    def check(self) -> None:
        for prompt in self._choices.each or ():
            if normalise_prompt(prompt) not in self._used:
                raise InputError(f"the choices name '{prompt}', which is no conflict here", hint="Take it out.")
