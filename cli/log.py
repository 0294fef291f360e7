"""``log``: what was committed, and one fact's life."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from . import render
from .complete import complete_revision
from .diff import counted, fact_changes, with_stat
from .graph import drawn
from .options import Historic, about_option, command, spoken_date, spoken_end
from .session import Session
from .verify import verdict_pieces

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
@click.option("--show-signature", is_flag=True, help="Check each commit's signature, and say what it is worth.")
@click.option("--stat", is_flag=True, help="With each commit how many facts it changed.")
@click.option("--reverse", is_flag=True, help="Oldest first: of the commits that are shown.")
@click.option("--merges/--no-merges", "merges", default=None, help="Only merges; none of them.")
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
    show_signature: bool,
    stat: bool,
    reverse: bool,
    merges: bool | None,
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

    if graph and reverse:
        raise click.UsageError("--graph and --reverse exclude each other")
    wanted = LogFilter(authors, messages, ignore_case, since, until, subjects, merges)
    if fact is not None and (patch or oneline or graph or stat or show_signature or every_ref or wanted != LogFilter()):
        raise click.UsageError("--fact goes with one REV, --number and --reverse, and with nothing else")
    repository = session.repository()
    if fact is not None:
        if len(revs) > 1:
            raise click.UsageError("one fact's life is that in the history of one REV")
        life = repository.fact_life(fact, *revs)
        events = [event.to_json() for event in life[:limit]]
        session.browse(events[::-1] if reverse else events, life_lines)
        return
    found = repository.log(revs, limit, wanted if wanted != LogFilter() else None, every_ref=every_ref)
    entries = [entry.to_json() for entry in found]
    if show_signature:
        from wisedb.store.signed import check_commit

        trust = session.trust()
        checked = [check_commit(entry.commit, entry.record, trust).to_json() for entry in found]
        entries = [{**entry, "signature": each} for entry, each in zip(entries, checked, strict=True)]
    if reverse:
        entries.reverse()
    if patch or stat:
        entries = [{**entry, "changes": _changes(repository, entry)} for entry in entries]
    if not session.as_json:
        names = _names(repository)
        entries = [{**entry, "refs": names.get(entry["commit"], [])} for entry in entries]
    shown = counted if stat else fact_changes
    session.browse(entries, lambda entries: _log(entries, shown, oneline=oneline, graph=graph))


def _changes(repository: Repository, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a commit changed, relative to its first parent, as ``diff --stat`` tells them."""
    if entry["parents"]:
        found = repository.diff(entry["parents"][0], entry["commit"]).to_json()
    else:
        found = {"added": [edit.to_json() for edit in repository.facts(entry["commit"])], "removed": [], "changed": []}
    return with_stat({name: found[name] for name in ("added", "removed", "changed")})


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


def _log(
    entries: Sequence[Mapping[str, Any]],
    shown: Callable[[Mapping[str, Any]], render.Lines],
    *,
    oneline: bool,
    graph: bool,
) -> render.Lines:
    if not entries:
        yield render.line(("No commit yet, or none that is so.", "dim"))
        return
    told = [list(_entry(entry, shown, oneline=oneline)) for entry in entries]
    if graph:
        yield from drawn([(entry["commit"], entry["parents"]) for entry in entries], told, spaced=not oneline)
        return
    for number, lines in enumerate(told):
        if number and not oneline:
            yield render.line()
        yield from lines


def _entry(
    entry: Mapping[str, Any], shown: Callable[[Mapping[str, Any]], render.Lines], *, oneline: bool
) -> render.Lines:
    if oneline:
        names = (f"({', '.join(entry['refs'])}) ", "green") if entry["refs"] else None
        first = next(iter(entry["message"].splitlines()), "")
        signature = entry.get("signature")
        worth = () if signature is None else (*verdict_pieces(signature)[:1], " ")
        yield render.line(render.ident(entry["commit"]), " ", *worth, names, first)
    else:
        yield from heading(entry, entry["refs"])
    if "changes" in entry:
        if not oneline:
            yield render.line()
        yield from shown(entry["changes"])


_VERBS = {"added": ("+", "green"), "changed": ("~", "yellow"), "reverted": ("-", "red")}


def life_lines(events: Sequence[Mapping[str, Any]]) -> render.Lines:
    """Every turn of one fact's life, with who committed it and why."""
    if not events:
        yield render.line(("This fact was never in force in this history.", "dim"))
        return
    yield render.line((events[0]["prompt"], "bold"))
    for event in events:
        sign, style = _VERBS[event["action"]]
        yield render.line()
        yield render.line((f"{sign} {event['action']} ", style), _turn(event))
        yield render.line(("edit   ", "dim"), render.ident(event["edit"]))
        yield render.line(
            ("commit ", "dim"), render.ident(event["commit"]), f"  {next(iter(event['message'].splitlines()), '')}"
        )
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


def heading(entry: Mapping[str, Any], refs: Sequence[str] = ()) -> render.Lines:
    """What is told of a commit in front of anything else."""
    names = (f"  ({', '.join(refs)})", "green") if refs else None
    yield render.line("commit ", render.ident(entry["commit"]), names)
    if len(entry["parents"]) > 1:
        yield render.line(("merge  ", "dim"), " ".join(parent[: render.SHORT] for parent in entry["parents"]))
    if (signature := entry.get("signature")) is not None:
        yield render.line(("signed ", "dim"), *verdict_pieces(signature))
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
