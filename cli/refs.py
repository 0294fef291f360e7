"""``branch``, ``tag`` and ``reflog``: the names of commits, and where they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import StoreError

from . import render
from .complete import complete_branch, complete_revision, complete_tag
from .options import command
from .session import Session

if TYPE_CHECKING:
    from wisedb.repository import Repository


@command(
    "wisedb branch",
    "wisedb branch -av",
    "wisedb branch experiment",
    "wisedb branch fix HEAD~2",
    "wisedb branch -m fix mended",
    "wisedb branch --delete experiment",
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_branch)
@click.argument("rev", metavar="[REV]", required=False, shell_complete=complete_revision)
@click.option("-d", "--delete", is_flag=True, help="Delete the branch, if its commits are merged.")
@click.option("-D", "delete_anyway", is_flag=True, help="Delete it even if they aren't: they stay until collected.")
@click.option("-m", "--move", is_flag=True, help="Call branch NAME (or the current one) otherwise: [NAME] NEW.")
@click.option("-M", "move_anyway", is_flag=True, help="The same, in the place of a branch that is called so.")
@click.option("-f", "--force", is_flag=True, help="Move the branch to REV if it exists.")
@click.option("-l", "--list", "only_list", is_flag=True, help="List; NAME is a pattern such as 'fix-*'.")
@click.option("--contains", metavar="REV", help="List those that have this commit.")
@click.option(
    "--merged", metavar="REV", is_flag=False, flag_value="HEAD", help="List those that REV (or HEAD) has all of."
)
@click.option("--no-merged", metavar="REV", is_flag=False, flag_value="HEAD", help="List the others.")
@click.option("-v", "--verbose", is_flag=True, help="List with the last commit, and how far the upstream is apart.")
@click.option("-a", "--all", "everywhere", is_flag=True, help="List those of remotes, too.")
@click.option("-r", "--remotes", is_flag=True, help="List where the branches of remotes were, as last fetched.")
@click.option("-u", "--set-upstream-to", "upstream", metavar="REMOTE/BRANCH", help="What the branch is pushed to.")
@click.option("--unset-upstream", is_flag=True, help="Forget that.")
@click.option("--show-current", is_flag=True, help="Print the current branch's name alone.")
def branch(
    session: Session,
    name: str | None,
    rev: str | None,
    delete: bool,
    delete_anyway: bool,
    move: bool,
    move_anyway: bool,
    force: bool,
    only_list: bool,
    contains: str | None,
    merged: str | None,
    no_merged: str | None,
    verbose: bool,
    everywhere: bool,
    remotes: bool,
    upstream: str | None,
    unset_upstream: bool,
    show_current: bool,
) -> None:
    """List the branches, or make, rename or delete one.

    NAME is made at REV, HEAD by default.
    """
    deletes, moves = delete or delete_anyway, move or move_anyway
    what = {
        "--delete": deletes,
        "--move": moves,
        "--list": only_list or contains is not None or merged is not None or no_merged is not None,
        "--set-upstream-to": upstream is not None,
        "--unset-upstream": unset_upstream,
        "--show-current": show_current,
    }
    asked = [spelling for spelling, given in what.items() if given]
    if len(asked) > 1:
        raise click.UsageError(f"{asked[0]} and {asked[1]} exclude each other")
    if (deletes or moves) and name is None:
        raise click.UsageError(f"{asked[0]} needs the branch's name")
    only_list = "--list" in asked
    if (everywhere or remotes) and (name is not None and not only_list):
        raise click.UsageError("--all and --remotes only list")
    repository = session.repository()
    if show_current:
        current = repository.store.refs.head().branch
        session.show({"branch": current}, lambda told: [render.line(told["branch"])] if told["branch"] else [])
        return
    if moves:
        old, new = (name, rev) if rev is not None else (None, str(name))
        repository.rename_branch(old, new, force=move_anyway or force)
    elif deletes:
        repository.branch(str(name), delete=True, only_merged=not (delete_anyway or force))
    elif upstream is not None or unset_upstream:
        _set_upstream(repository, name, upstream)
    elif name is not None and not only_list:
        repository.branch(name, rev or "HEAD", force=force)
    changed = name is not None and not only_list
    listed = _listed(repository, own=not remotes, remotes=everywhere or remotes, verbose=verbose)
    if only_list and name is not None:
        listed = [each for each in listed if fnmatchcase(each["name"], name)]
    if any(rev is not None for rev in (contains, merged, no_merged)):
        from wisedb.versioning.refs import related

        commits = [each["commit"] for each in listed]
        fitting = related(repository.store, commits, contains=contains, merged=merged, no_merged=no_merged)
        listed = [each for each in listed if each["commit"] in fitting]
    none = "No branch of a remote yet: 'wisedb fetch' brings them." if remotes else "No branch that is called so."
    (session.tell if changed else session.browse)(listed, lambda refs: _refs(refs, none))


def _set_upstream(repository: Repository, name: str | None, upstream: str | None) -> None:
    from wisedb.store.upstream import choose_upstream, forget_upstream

    branch = name or repository.store.refs.head().branch
    if branch is None:
        raise click.UsageError("HEAD is on no branch: name one")
    if upstream is None:
        forget_upstream(repository.store, branch)
    else:
        choose_upstream(repository.store, branch, upstream)


def _listed(repository: Repository, *, own: bool, remotes: bool, verbose: bool) -> list[dict[str, Any]]:
    current = repository.store.refs.head().branch
    found: list[dict[str, Any]] = []
    if own:
        found += [{**ref.to_json(), "current": ref.name == current} for ref in repository.branches()]
    if remotes:
        there = repository.remote_branches().items()
        found += [{"name": name, "commit": commit, **({"current": False} if own else {})} for name, commit in there]
    if not verbose:
        return found
    from wisedb.store.upstream import distance

    for each in found:
        apart = (
            distance(repository.store, each["name"])
            if own and each["name"] in repository.store.refs.branches()
            else None
        )
        try:
            message = repository.store.objects.commit(each["commit"]).message
        except StoreError as error:
            message = f"({error.message})"  # one that can't be read is no reason to list none
        each |= {"message": next(iter(message.splitlines()), "")} | ({} if apart is None else apart.to_json())
    return found


@command(
    "wisedb tag", "wisedb tag v1", "wisedb tag v1 HEAD~3", "wisedb tag -a v2 -m 'As released'", "wisedb tag -l 'v1.*'"
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_tag)
@click.argument("rev", metavar="[REV]", required=False, shell_complete=complete_revision)
@click.option("-d", "--delete", is_flag=True, help="Delete the tag.")
@click.option("-f", "--force", is_flag=True, help="Move the tag to REV if it exists.")
@click.option("-a", "--annotate", is_flag=True, help="Keep who made it, when and why beside it: needs -m.")
@click.option("-m", "--message", metavar="MSG", help="Why; means --annotate.")
@click.option("-s", "--sign/--no-sign", "sign", default=None, help="Sign it with your key: means --annotate.")
@click.option("-l", "--list", "only_list", is_flag=True, help="List; NAME is a pattern such as 'v1.*'.")
@click.option("-n", "with_messages", is_flag=True, help="List with what was said of each.")
def tag(
    session: Session,
    name: str | None,
    rev: str | None,
    delete: bool,
    force: bool,
    annotate: bool,
    message: str | None,
    sign: bool | None,
    only_list: bool,
    with_messages: bool,
) -> None:
    """List the tags, or make one.

    NAME is given to REV, HEAD by default. What --annotate keeps goes along when the tag is pushed.
    """
    if delete and name is None:
        raise click.UsageError("--delete needs the tag's name")
    annotate = annotate or message is not None or (bool(sign) and name is not None and not (delete or only_list))
    if annotate and (delete or only_list or name is None):
        raise click.UsageError("--annotate and --message are for a new tag")
    if annotate and not (message or "").strip():
        raise click.UsageError("an annotated tag needs a message: give -m MSG")
    repository = session.repository()
    if name is not None and not only_list:
        note = None
        if annotate:
            who = session.who()
            if who is None:
                from wisedb.errors import NoIdentity

                raise NoIdentity
            note = (who, str(message))
        repository.tag(
            name, rev or "HEAD", delete=delete, force=force, note=note, sign=session.signer() if sign and note else None
        )
    listed = [
        {**ref.to_json(), **({} if note is None else note.to_json())}
        for ref, note in ((ref, repository.store.tag_notes.read(ref.name)) for ref in repository.tags())
        if not only_list or name is None or fnmatchcase(ref.name, name)
    ]
    show = session.browse if name is None or only_list else session.tell
    show(listed, lambda refs: _refs(refs, "No tag yet.", messages=with_messages))


def _refs(refs: Sequence[Mapping[str, Any]], none: str, *, messages: bool = False) -> render.Lines:
    if not refs:
        yield render.line((none, "dim"))
        return
    titles = ["name", "commit"]
    rows: list[list[Any]] = [[(ref["name"], "green"), render.ident(ref["commit"])] for ref in refs]
    if any("current" in ref for ref in refs):
        titles.insert(0, "")
        rows = [["*" if ref.get("current") else "", *row] for ref, row in zip(refs, rows, strict=True)]
    if any("upstream" in ref for ref in refs):
        titles.append("upstream")
        rows = [[*row, apart(ref)] for ref, row in zip(refs, rows, strict=True)]
    if messages or any("message" in ref and "tagger" not in ref for ref in refs):
        titles.append("message")
        rows = [[*row, (ref.get("message") or "").split("\n")[0]] for ref, row in zip(refs, rows, strict=True)]
    yield render.table(*titles, rows=rows)


def apart(ref: Mapping[str, Any]) -> str:
    """How far a branch and its upstream are apart: ``origin/main: ahead 1, behind 2``; nothing without one."""
    name = ref.get("upstream")
    if not name:
        return ""
    if ref["ahead"] is None:
        return f"{name}: never looked at"
    told = [f"{word} {ref[word]}" for word in ("ahead", "behind") if ref[word]]
    return f"{name}: {', '.join(told)}" if told else str(name)


@command("wisedb reflog", "wisedb reflog main --json")
@click.argument("ref", metavar="[REF]", default="HEAD", shell_complete=complete_branch)
@click.option("-n", "--number", "limit", metavar="N", type=click.IntRange(min=0), help="The newest N moves only.")
def reflog(session: Session, ref: str, limit: int | None) -> None:
    """Show where HEAD or a branch was, and who moved it.

    Every move is listed, the newest first; @{n} names the state n moves ago.
    """
    session.browse([move.to_json() for move in session.repository().reflog(ref)[:limit]], _reflog)


def _reflog(moves: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not moves:
        yield render.line(("Nothing has moved yet.", "dim"))
        return
    rows = [
        (
            f"@{{{number}}}",
            render.ident(move["to"]),
            render.ident(move["from"]),
            render.date(move["date"]),
            move.get("who") or "",
            move["action"],
        )
        for number, move in enumerate(moves)
    ]
    yield render.table("rev", "to", "from", "date", "who", "action", rows=rows)
