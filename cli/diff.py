"""``wisedb diff``: what two commits say differently, or what is staged changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from wisedb.shown import shown_prompt

from . import render
from .complete import complete_revision
from .options import Historic, about_option, base_option, command
from .session import Session

if TYPE_CHECKING:
    from wisedb.store.store import Store


@command(
    "wisedb diff",
    "wisedb diff HEAD~1 --stat",
    "wisedb diff v1 v2 --behaviour",
    "wisedb diff v1..v2 -- Australia",
    "wisedb diff main experiment --tensors --json",
    cls=Historic,
)
@click.argument("revs", metavar="[A [B]]", nargs=-1, shell_complete=complete_revision)
@click.option("--staged", "--cached", is_flag=True, help="What is staged; the default, as git's users type it.")
@click.option("--stat", is_flag=True, help="Only count, thing by thing.")
@click.option("--tensors", is_flag=True, help="Compare the memories too: norms and overlap, shard by shard.")
@click.option("--behaviour", is_flag=True, help="Ask the model every prompt that differs, at A and at B.")
@about_option()
@base_option()
def diff(
    session: Session,
    revs: tuple[str, ...],
    staged: bool,
    stat: bool,
    tensors: bool,
    behaviour: bool,
    subjects: tuple[str, ...],
) -> None:
    """Show which facts differ.

    Without A: what is staged, against HEAD. With A: what HEAD and what is staged make of it. With A and B, or A..B: the
    facts that were added, removed and changed on the way from A to B; A...B begins where both come from. The tensors
    and the behaviour of what is staged aren't known before it is committed: there B is HEAD.
    """
    repository = session.repository()
    a, b = _ends(repository.store, revs)
    if staged and b is not None:
        raise click.UsageError("what is staged belongs to no commit: leave B or --staged out")
    with session.progress() if tensors or behaviour else nullcontext():
        found = repository.diff(a, b, tensors=tensors, behaviour=behaviour, subjects=subjects).to_json()
    if stat:
        found = with_stat(found)
    session.browse(found, differences)


def _ends(store: Store, revs: Sequence[str]) -> tuple[str, str | None]:
    """A and B; B ``None`` for what is staged."""
    # Here, so that the list of all commands needs no store.
    from wisedb.store.ranges import split_range

    if len(revs) > 2:
        raise click.UsageError(f"at most two commits can be compared, and {len(revs)} are named")
    if len(revs) == 1 and (ends := split_range(revs[0])) is not None:
        older, newer, forked = ends
        if not forked:
            return older, newer
        from wisedb.store.graph import merge_base

        base = merge_base(store.objects, store.resolve(older), store.resolve(newer))
        if base is None:
            raise click.ClickException(f"'{older}' and '{newer}' have no commit in common")
        return base, newer
    return (revs[0] if revs else "HEAD"), (revs[1] if len(revs) == 2 else None)


def differences(diff: Mapping[str, Any]) -> render.Lines:
    """The facts that differ, then tensors and answers where they were asked for."""
    yield render.line(
        render.ident(diff["from"]),
        " → ",
        render.ident(diff["to"]),
        " and what is staged" if diff.get("staged") else None,
    )
    if not (diff["added"] or diff["removed"] or diff["changed"]):
        yield render.line(("The same facts are in force.", "dim"))
    yield from counted(diff) if "stat" in diff else fact_changes(diff)
    if "tensors" in diff:
        yield render.line()
        yield from _tensors(diff["tensors"])
    if "behaviour" in diff:
        yield render.line()
        rows = [(item["prompt"], (item["from"], "red"), (item["to"], "green")) for item in diff["behaviour"]]
        if rows:
            yield render.table("prompt", "says at A", "says at B", rows=rows)
        else:
            yield render.line(("The model answers the same.", "dim"))


def fact_changes(diff: Mapping[str, Any]) -> render.Lines:
    """A line for each fact that was removed, added or changed."""
    for edit in diff["removed"]:
        yield render.line((f"- {shown_prompt(edit)} {edit['target']}", "red"))
    for edit in diff["added"]:
        yield render.line((f"+ {shown_prompt(edit)} {edit['target']}", "green"))
    for change in diff["changed"]:
        yield render.line(
            f"~ {change['prompt']} ", (_target(change["from"]), "red"), " → ", (_target(change["to"]), "green")
        )


def with_stat(diff: Mapping[str, Any]) -> dict[str, Any]:
    """A comparison with the numbers of its facts."""
    return {**diff, "stat": {name: len(diff[name]) for name in ("added", "removed", "changed")}}


def counted(diff: Mapping[str, Any]) -> render.Lines:
    """How many facts changed of each thing, and in all."""
    signs: dict[str, Counter[str]] = {}
    edits = [("+", edit) for edit in diff["added"]] + [("-", edit) for edit in diff["removed"]]
    for sign, edit in [*edits, *(("~", change["to"]) for change in diff["changed"])]:
        signs.setdefault(edit["subject"] or edit["prompt"], Counter())[sign] += 1
    rows = [
        (about, str(count.total()), " ".join(f"{sign}{count[sign]}" for sign in "+-~" if count[sign]))
        for about, count in sorted(signs.items())
    ]
    if rows:
        yield render.table("about", "facts", "changes", rows=rows, numbers=("facts",))
    stat = diff["stat"]
    yield render.line(f"{stat['added']} added(+), {stat['removed']} removed(-), {stat['changed']} changed(~)")


def _target(side: Any) -> str:
    return render.answer(side) if isinstance(side, Mapping) else str(side)


def _tensors(tensors: Mapping[str, Any]) -> render.Lines:
    """The norms of every memory at A and at B, and how far the memories of B share their entries."""
    if not tensors["memories"]:
        yield render.line(("Neither has a memory.", "dim"))
        return
    norms = ("entries", "norm at a", "norm at b", "change")
    rows = [
        (render.ident(item["id"]), str(item["entries"]), *(_number(item[side]) for side in ("from", "to", "change")))
        for item in tensors["memories"]
    ]
    yield render.table("memory", *norms, rows=rows, numbers=norms)
    if tensors["overlaps"]:
        yield render.line()
        shares = ("shared entries", "equal signs")
        pairs = [
            (
                render.ident(item["one"]),
                render.ident(item["other"]),
                _number(item["shared"]),
                _number(item["sign_agreement"]),
            )
            for item in tensors["overlaps"]
        ]
        yield render.table("memory", "and", *shares, rows=pairs, numbers=shares)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
