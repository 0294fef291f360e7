"""``log``, ``show`` and ``facts``: what was committed, and what is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import UnknownEdit, UnknownRevision
from wisedb.shown import shown_prompt

from . import render
from .diff import fact_changes
from .graph import drawn
from .options import Historic, about_option, command, complete_revision, revision, spoken_date, spoken_end
from .session import Session

if TYPE_CHECKING:
    from wisedb.repository import Repository


@command(
    "wisedb log",
    "wisedb log -3 --oneline",
    "wisedb log v1..main -p",
    "wisedb log --graph --all --oneline",
    "wisedb log --author Ada --since '2 weeks ago' -- Australia",
    'wisedb log --fact "The capital of Australia is"',
    "wisedb log --json",
    cls=Historic,
)
@click.argument("revs", metavar="[REV|A..B]...", nargs=-1, shell_complete=complete_revision)
@click.option(
    "-n", "--number", "limit", metavar="N", type=click.IntRange(min=0), help="The newest N commits only; as well: -N."
)
@click.option("-p", "--patch", is_flag=True, help="With each commit the facts that it changed.")
@click.option("--oneline", is_flag=True, help="A line each.")
@click.option("--graph", is_flag=True, help="Draw how lines of history run.")
@click.option("--all", "every_ref", is_flag=True, help="The history of all branches and tags.")
@click.option("--author", "authors", metavar="PATTERN", multiple=True, help="Only commits of these authors.")
@click.option("--grep", "messages", metavar="PATTERN", multiple=True, help="Only commits with this in their messages.")
@click.option("-i", "--ignore-case", is_flag=True, help="For --author and --grep.")
@click.option("--since", "--after", metavar="DATE", type=spoken_date, help="Not before: 2026-01-31, '2 weeks ago'.")
@click.option("--until", "--before", metavar="DATE", type=spoken_end, help="Not after.")
@click.option("--fact", metavar="PROMPT|ID", help="One fact's life: each commit that gave this prompt another answer.")
@about_option()
def log(
    session: Session,
    revs: tuple[str, ...],
    limit: int | None,
    patch: bool,
    oneline: bool,
    graph: bool,
    every_ref: bool,
    authors: tuple[str, ...],
    messages: tuple[str, ...],
    ignore_case: bool,
    since: datetime | None,
    until: datetime | None,
    fact: str | None,
    subjects: tuple[str, ...],
) -> None:
    """Show the history of REV (HEAD by default), newest first.

    Each commit comes with the names that point at it and with what was measured of it. A..B is what B has and A hasn't.
    PATTERN is a regular expression. Dates are shown in the local zone.
    """
    from wisedb.versioning.log import LogFilter

    repository = session.repository()
    if fact is not None:
        if len(revs) > 1:
            raise click.UsageError("one fact's life is that in the history of one REV")
        life = repository.fact_life(fact, *revs)
        session.browse([event.to_json() for event in life[:limit]], _life)
        return
    wanted = LogFilter(authors, messages, ignore_case, since, until, subjects)
    found = repository.log(revs, limit, wanted if wanted != LogFilter() else None, every_ref=every_ref)
    entries = [entry.to_json() for entry in found]
    if patch:
        entries = [{**entry, "changes": _changes(repository, entry)} for entry in entries]
    if not session.as_json:
        names = _names(repository)
        entries = [{**entry, "refs": names.get(entry["commit"], [])} for entry in entries]
    session.browse(entries, lambda entries: _log(entries, oneline=oneline, graph=graph))


def _changes(repository: Repository, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a commit changed, relative to its first parent, as ``diff`` tells them."""
    if not entry["parents"]:
        added = [edit.to_json() for edit in repository.facts(entry["commit"])]
        return {"added": added, "removed": [], "changed": []}
    found = repository.diff(entry["parents"][0], entry["commit"]).to_json()
    return {name: found[name] for name in ("added", "removed", "changed")}


def _names(repository: Repository) -> dict[str, list[str]]:
    """Commit → the names that point at it."""
    names: dict[str, list[str]] = {}
    head = repository.store.refs.head()
    if head.branch is None and head.commit is not None:
        names[head.commit] = ["HEAD"]
    for ref in repository.branches():
        names.setdefault(ref.commit, []).append(f"HEAD → {ref.name}" if ref.name == head.branch else ref.name)
    for name, commit in repository.remote_branches().items():
        names.setdefault(commit, []).append(name)
    for ref in repository.tags():
        names.setdefault(ref.commit, []).append(f"tag {ref.name}")
    return names


def _log(entries: Sequence[Mapping[str, Any]], *, oneline: bool, graph: bool) -> render.Lines:
    if not entries:
        yield render.line(("No commit yet, or none that is so.", "dim"))
        return
    told = [list(_entry(entry, oneline=oneline)) for entry in entries]
    if graph:
        yield from drawn([(entry["commit"], entry["parents"]) for entry in entries], told, spaced=not oneline)
        return
    for number, lines in enumerate(told):
        if number and not oneline:
            yield render.line()
        yield from lines


def _entry(entry: Mapping[str, Any], *, oneline: bool) -> render.Lines:
    if oneline:
        names = (f"({', '.join(entry['refs'])}) ", "green") if entry["refs"] else None
        first = next(iter(entry["message"].splitlines()), "")
        yield render.line(render.ident(entry["commit"]), " ", names, first)
    else:
        yield from _head(entry, entry["refs"])
    if "changes" in entry:
        if not oneline:
            yield render.line()
        yield from fact_changes(entry["changes"])


_VERBS = {"added": ("+", "green"), "changed": ("~", "yellow"), "reverted": ("-", "red")}


def _life(events: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not events:
        yield render.line(("This fact was never in force in this history.", "dim"))
        return
    yield render.line((events[0]["prompt"], "bold"))
    for event in events:
        sign, style = _VERBS[event["action"]]
        yield render.line()
        yield render.line((f"{sign} {event['action']} ", style), _turn(event))
        yield render.line(("edit   ", "dim"), render.ident(event["edit"]))
        yield render.line(("commit ", "dim"), render.ident(event["commit"]), f"  {event['message'].splitlines()[0]}")
        yield render.line(("author ", "dim"), event["author"])
        yield render.line(("date   ", "dim"), render.date(event["date"]))
        for name in ("reason", "source"):
            if event[name]:
                yield render.line((f"{name} ", "dim"), event[name])


def _turn(event: Mapping[str, Any]) -> str:
    match event["action"]:
        case "added":
            return str(event["target"])
        case "changed":
            return f"{event['was']} → {event['now']}"
        case _:
            return f"{event['was'] or ''}{'' if event['now'] is None else ' → ' + event['now']}"


def _head(entry: Mapping[str, Any], refs: Sequence[str] = ()) -> render.Lines:
    names = (f"  ({', '.join(refs)})", "green") if refs else None
    yield render.line("commit ", render.ident(entry["commit"]), names)
    if len(entry["parents"]) > 1:
        yield render.line(("merge  ", "dim"), " ".join(parent[: render.SHORT] for parent in entry["parents"]))
    yield render.line(("author ", "dim"), entry["author"])
    yield render.line(("date   ", "dim"), render.date(entry["date"]))
    counts = [f"{render.plural(entry['edits_added'], 'edit')} added"]
    if entry["edits_reverted"]:
        counts.append(f"{entry['edits_reverted']} reverted")
    yield render.line(("edits  ", "dim"), ", ".join(counts))
    for name, figures in _scores(entry["scores"]):
        yield render.line(("scores ", "dim"), f"{name}: {figures}" if name else figures)
    for text in entry["message"].splitlines():
        yield render.line("    ", (text, "bold"))


def _scores(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """One line a measurement: the figures that are numbers, by their names."""
    flat = {name: value for name, value in scores.items() if not isinstance(value, Mapping)}
    groups = [("", flat), *((name, value) for name, value in scores.items() if isinstance(value, Mapping))]
    lines = []
    for name, group in groups:
        shares = [
            f"{key.replace('_', ' ')} {value:.3f}"
            for key, value in group.items()
            if isinstance(value, float) and not key.startswith("seconds")
        ]
        if shares:
            lines.append((name, ", ".join(shares)))
    return lines


@command("wisedb show HEAD", "wisedb show 1f3a", "wisedb show v1 --json")
@click.argument("rev", metavar="[REV|EDIT]", default="HEAD", shell_complete=complete_revision)
def show(session: Session, rev: str) -> None:
    """Show one commit in full, or one edit.

    Of a commit: its edits, its memories, the editor's settings and the base model. Of an edit (4 or more digits of its
    id): all of its fields and its fact's life.
    """
    repository = session.repository()
    try:
        found = repository.show(rev)
    except UnknownRevision as error:
        try:
            shown = repository.show_edit(rev)
        except UnknownEdit:
            raise error from None
        session.browse(shown.to_json(), _shown_edit)
        return
    session.browse(found.to_json(), _show)


def _shown_edit(shown: Mapping[str, Any]) -> render.Lines:
    edit = shown["edit"]
    yield render.line("edit ", (edit["id"], "yellow"))
    yield render.line(shown_prompt(edit), " ", (edit["target"], "bold"))
    for name in ("subject", "ground_truth", "reason", "source"):
        if edit[name]:
            yield render.line((f"{name.replace('_', ' '):<13}", "dim"), edit[name])
    for name in ("rephrases", "tags"):
        for text in edit[name]:
            yield render.line((f"{name.removesuffix('s'):<13}", "dim"), text)
    for item in edit["locality"]:
        yield render.line((f"{'unrelated':<13}", "dim"), item["prompt"])
    state = "staged" if shown["staged"] else "in force" if shown["in_force"] else "not in force"
    yield render.line((f"{'now':<13}", "dim"), state)
    if shown["life"]:
        yield render.line()
        yield from _life(shown["life"])


def _show(details: Mapping[str, Any]) -> render.Lines:
    yield from _head(details)
    yield render.line()
    yield from render.edits(details["edits"], "No edit came into force.")
    if details["reverted"]:
        yield render.line()
        yield render.line("Out of force: ", " ".join(edit[: render.SHORT] for edit in details["reverted"]))
    if details["memories"]:
        yield render.line()
        rows = [
            (
                render.ident(memory["id"]),
                memory["kind"],
                render.ident(memory["blob"]),
                str(len(memory["edits"])),
                render.size(memory["bytes"]),
                "–" if memory["threshold"] is None else f"{memory['threshold']:.4g}",
            )
            for memory in details["memories"]
        ]
        yield render.table(
            "memory", "kind", "blob", "edits", "size", "threshold", rows=rows, numbers=("edits", "size", "threshold")
        )
    yield render.line()
    config, base = details["config"], details["base"]
    settings = " ".join(f"{name}={value}" for name, value in sorted(config["settings"].items()))
    yield render.line(
        ("editor ", "dim"), f"{config['name']}, seed {config['seed']}", f" {settings}" if settings else ""
    )
    file = f"/{base['gguf_file']}, dequantised," if "gguf_file" in base else ""
    yield render.line(("base   ", "dim"), f"{base['model']}{file} at {base['target']} ({base['fingerprint']})")


@command(
    "wisedb facts",
    "wisedb facts HEAD~2 --json",
    "wisedb facts --at 2026-01-31",
    "wisedb facts v1 --csv > facts.csv",
)
@revision(default="HEAD")
@click.option("--at", metavar="DATE|REV", help="As it was on REV's line at this time; or at this revision.")
@click.option("-n", "--number", "limit", metavar="N", type=click.IntRange(min=0), help="The first N facts only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a line a fact under one of names, that 'add' reads.")
def facts(session: Session, rev: str, at: str | None, limit: int | None, as_csv: bool) -> None:
    """List the edits in force at REV, in the order in which they came into force.

    Each with the commit that brought it, its author and its date.
    """
    from wisedb.store import history  # not for `--help`
    from wisedb.store.rows import uncollected

    store = session.store()
    if at is not None:
        rev = history.at_time(store, rev, at)
    if as_csv and session.as_json:
        raise click.UsageError("--csv and --json exclude each other")
    with uncollected():
        if as_csv:
            session.write_csv(history.CSV_COLUMNS, history.facts_as(history.CSV, store, rev, limit))
        elif session.as_json:
            session.pass_on(history.facts_as(history.JSON_SINCE, store, rev, limit))
        else:
            found = history.facts_as(history.BRIEF_SINCE, store, rev, limit)
            session.browse_lines(render.dated_listing(found, "No edit is in force."))
