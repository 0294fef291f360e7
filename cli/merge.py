"""``wisedb merge`` and ``wisedb cherry-pick``: what other lines of history say, brought here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.shown import shown_prompt
from wisedb.store.signature import Author

from . import render
from .complete import complete_revision
from .options import Callback, base_option, command
from .session import Session
from .signatures import late_signature_options, sign_option, signature_options

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign
    from wisedb.store.store import Store

_MESSAGE = click.option(
    "-m", "--message", metavar="MSG", help="The new commit's message; says what it does by default."
)


def _choice_options(function: Callback) -> Callback:
    """``--ours``, ``--theirs`` and ``--resolve FILE``: what becomes of conflicts."""
    ours = click.option("--ours", "side", flag_value="ours", help="Decide every conflict for what is here.")
    theirs = click.option("--theirs", "side", flag_value="theirs", help="Decide every conflict for the other side.")
    each = click.option(
        "--resolve",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help='A choice for each conflict, as JSON: {"PROMPT": "ours" | "theirs" | "base" | {"target": …} | null}.',
    )
    return ours(theirs(each(function)))


@command(
    "wisedb merge experiment",
    "wisedb merge origin/main --preview",
    "wisedb merge experiment --resolve choices.json",
    'wisedb merge experiment --theirs -m "what the second team found"',
)
@click.argument("rev", metavar="[BRANCH|REV]", required=False, shell_complete=complete_revision)
@_choice_options
@click.option("--preview", is_flag=True, help="Say what would happen, and do nothing.")
@click.option("--no-ff", "fast_forward", flag_value="never", help="Make a commit where the branch could just move.")
@click.option("--ff-only", "fast_forward", flag_value="only", help="Merge only where the branch can just move.")
@click.option(
    "--allow-unrelated-histories", "allow_unrelated", is_flag=True, help="Merge histories with no common commit too."
)
@_MESSAGE
@late_signature_options
@sign_option
@base_option()
def merge(
    session: Session,
    rev: str | None,
    side: str | None,
    resolve: Path | None,
    preview: bool,
    fast_forward: str | None,
    allow_unrelated: bool,
    message: str | None,
    author: Author,
    date: str | None,
    sign: Sign | None,
) -> None:
    """Merge another branch into this one.

    The facts of both come together, and the memories that hold them. Where both sides changed one prompt, and not
    alike, that is a conflict: all are listed, and nothing changes until --ours, --theirs or --resolve decides them.
    'merge --preview --json' has a file for --resolve under "resolve", to be filled in. Without REV, the upstream of
    the current branch is merged as it was last fetched.
    """
    repository = session.repository()
    if rev is None:
        rev = _upstream(repository.store)
    with session.progress() as progress:
        found = repository.merge(
            rev,
            message,
            side=side,
            resolve=resolve,
            fast_forward=fast_forward or "auto",
            allow_unrelated=allow_unrelated,
            preview=preview,
            author=author,
            date=date,
            sign=sign,
            progress=progress,
        )
    _finish(session, found.to_json(), lambda record: merged(record, rev), f"wisedb merge {rev}")


@command(
    "wisedb cherry-pick 4f1c",
    "wisedb cherry-pick experiment~1 experiment",
    "wisedb cherry-pick 4f1c --theirs",
)
@click.argument("revs", metavar="REV...", nargs=-1, required=True, shell_complete=complete_revision)
@_choice_options
@click.option("--mainline", type=int, metavar="N", help="Of a merge: the parent to compare it to, from 1.")
@_MESSAGE
@signature_options
@sign_option
@base_option()
def cherry_pick(
    session: Session,
    revs: tuple[str, ...],
    side: str | None,
    resolve: Path | None,
    mainline: int | None,
    message: str | None,
    author: str,
    date: str | None,
    sign: Sign | None,
) -> None:
    """Bring what single commits changed here.

    The edits that REV brought in, and those it took out, make a new commit on this branch, one for each REV. Conflicts
    are settled as in a merge; while there is one, nothing changes.
    """
    with session.progress() as progress:
        found = session.repository().cherry_pick(
            revs,
            message,
            side=side,
            resolve=resolve,
            mainline=mainline,
            author=author,
            date=date,
            sign=sign,
            progress=progress,
        )
    _finish(session, found.to_json(), picked, f"wisedb cherry-pick {' '.join(revs)}")


def _upstream(store: Store) -> str:
    from wisedb.store.upstream import upstream_of

    branch = store.refs.head().branch
    found = None if branch is None else upstream_of(store, branch)
    if found is None or store.refs.read(found.ref) is None:
        raise click.UsageError("Missing argument 'BRANCH|REV': the current branch has no upstream to merge")
    return found.name


def merged(record: Mapping[str, Any], rev: str) -> render.Lines:
    """What a merge did or would do."""
    branch = record["branch"] or "no branch"
    if record["how"] == "up-to-date":
        yield render.line("Already up to date: ", (branch, "green"), f" has all that {rev} has.")
        return
    if record["conflicts"]:
        yield from conflicts(record["conflicts"])
    else:
        goal = render.ident(record["commit"] or record["from"])
        verb = ("Would merge ", "Would move ") if record["preview"] else ("Merged ", "Moved ")
        if record["how"] == "fast-forward":
            yield render.line(verb[1], (branch, "green"), " on to ", goal, " (fast-forward)")
        else:
            made = (" in ", goal) if record["commit"] else ("", None)
            yield render.line(verb[0], rev, " into ", (branch, "green"), *made)
    if record["preview"]:
        yield from _facts(record)
    if record["conflicts"]:
        rest = f"{render.plural(record['edits_added'], 'edit')} added, {record['edits_reverted']} put out of force"
        yield render.line((f"Without conflict: {rest}", "dim"))
    else:
        yield render.line(_counts(record))
    for each in record["doubled"]:
        yield render.line((f"kept our record of “{each['prompt']}”: both sides give the same answer", "dim"))
    if record["unlearned"]:
        names = ", ".join(edit[: render.SHORT] for edit in record["unlearned"])
        yield render.line((f"not answered as they should be: {names}; 'wisedb explain' shows why", "yellow"))


def conflicts(records: Sequence[Mapping[str, Any]]) -> render.Lines:
    """The conflicts as a table."""
    sides = ("base", "ours", "theirs")
    rows = [(each["prompt"], *(_target(each[side]) for side in sides)) for each in records]
    yield render.table("prompt", *sides, rows=rows)


def picked(record: Mapping[str, Any]) -> render.Lines:
    """What cherry-pick did."""
    if record["conflicts"]:
        yield render.line("Picking ", render.ident(record["stopped"]), ":")
        yield from conflicts(record["conflicts"])
    branch = record["branch"] or "no branch"
    for each in record["picked"]:
        counts = f"{render.plural(each['edits_added'], 'edit')} added"
        if each["edits_reverted"]:
            counts += f", {each['edits_reverted']} put out of force"
        where = ("[", (branch, "green"), " ", render.ident(each["commit"]), "] ")
        yield render.line(*where, "picked ", render.ident(each["from"]), f": {counts}")


def _facts(record: Mapping[str, Any]) -> render.Lines:
    for edit in record["removed"]:
        yield render.line((f"- {shown_prompt(edit)} {edit['target']}", "red"))
    for edit in record["added"]:
        yield render.line((f"+ {shown_prompt(edit)} {edit['target']}", "green"))
    for change in record["changed"]:
        before, after = render.answer(change["from"]), render.answer(change["to"])
        yield render.line(f"~ {change['prompt']} ", (before, "red"), " → ", (after, "green"))


def _counts(record: Mapping[str, Any]) -> str:
    parts = [f"{render.plural(record['edits_added'], 'edit')} added, {record['edits_reverted']} put out of force"]
    memories = record["memories"]
    if memories:
        kept = sum(memory["kept"] for memory in memories)
        gone = sum(not memory["kept"] and not memory["edits"] for memory in memories)
        other = len(memories) - kept - gone
        trained = "to train" if record["preview"] else "trained"
        parts.append(
            f"{render.plural(kept, 'memory')} kept"
            + (f", {other} written ({render.plural(record['edits_to_train'], 'edit')} {trained})" if other else "")
            + (f", {gone} gone" if gone else "")
        )
    if record["commit"] and record["how"] == "merge":
        parts.append(f"reliability {render.figure(record['reliability'])}")
        parts.append(render.seconds(record["seconds"]))
    return " · ".join(parts)


def _target(edit: Mapping[str, Any] | None) -> tuple[str, str]:
    return ("–", "dim") if edit is None else (render.answer(edit), "bold")


def _finish(session: Session, record: Mapping[str, Any], renderer: Callable[[Any], render.Lines], again: str) -> None:
    session.tell(record, renderer)
    count = len(record["conflicts"])
    if count:
        # The document is the answer; for people the failure is told as any other.
        session.note(f"error: {render.plural(count, 'conflict')}, and nothing was changed")
        example = json.dumps({record["conflicts"][0]["prompt"]: "theirs"}, ensure_ascii=False)
        session.note(
            f"hint: decide all of them with --ours or --theirs, or each: {again} --resolve FILE, "
            f"where FILE says {example}"
        )
        raise click.exceptions.Exit(1)
