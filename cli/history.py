"""``log``, ``show`` and ``facts``: what was committed, and what is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from . import render
from .options import command, revision
from .session import Session


@command("wisedb log", "wisedb log v1 -n 5", "wisedb log --json")
@revision(default="HEAD")
@click.option("-n", "--number", "limit", metavar="N", type=click.IntRange(min=0), help="The newest N commits only.")
def log(session: Session, rev: str, limit: int | None) -> None:
    """Show the history of REV, newest first.

    Each commit comes with the names that point at it and with what was measured of it.
    """
    repository = session.repository()
    entries = [entry.to_json() for entry in repository.log(rev, limit)]
    if session.as_json:
        session.show(entries, _log)
        return
    names: dict[str, list[str]] = {}
    branch = repository.store.refs.head().branch
    for ref in repository.branches():
        names.setdefault(ref.commit, []).append(f"HEAD → {ref.name}" if ref.name == branch else ref.name)
    for ref in repository.tags():
        names.setdefault(ref.commit, []).append(f"tag {ref.name}")
    session.show([{**entry, "refs": names.get(entry["commit"], [])} for entry in entries], _log)


def _log(entries: Sequence[Mapping[str, Any]]) -> render.Lines:
    if not entries:
        yield render.line(("No commit yet.", "dim"))
        return
    for number, entry in enumerate(entries):
        if number:
            yield render.line()
        yield from _head(entry, entry["refs"])


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


@command("wisedb show HEAD", "wisedb show v1 --json")
@revision(default="HEAD")
def show(session: Session, rev: str) -> None:
    """Show one commit in full.

    Its edits, its memories, the editor's settings and the base model.
    """
    session.show(session.repository().show(rev).to_json(), _show)


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


@command("wisedb facts", "wisedb facts HEAD~2 --json")
@revision(default="HEAD")
@click.option("-n", "--number", "limit", metavar="N", type=click.IntRange(min=0), help="The first N facts only.")
def facts(session: Session, rev: str, limit: int | None) -> None:
    """List the edits in force at REV, in the order in which they came into force."""
    from wisedb.store import history  # not for `--help`
    from wisedb.store.rows import uncollected

    store = session.store()
    with uncollected():
        if session.as_json:
            session.pass_on(history.facts_as(history.JSON, store, rev, limit))
        else:
            render.show(render.listing(history.facts_as(history.BRIEF, store, rev, limit), "No edit is in force."))
