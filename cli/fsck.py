"""``wisedb fsck``: check everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from wisedb.errors import UsageError

from . import render
from .options import base_option, command
from .session import Session

_SHOWN: Final = 10


@command("wisedb fsck", "wisedb fsck --repair", "wisedb fsck --repair --from ../other-clone", "wisedb fsck origin")
@click.argument("remote", metavar="[REMOTE]", required=False)
@click.option("--model", is_flag=True, help="Ask the model at HEAD too whether it still computes the same, here.")
@click.option("--repair", is_flag=True, help="Bring back what is lost or rotten; of a pack, send it again from here.")
@click.option(
    "--from",
    "places",
    metavar="PLACE",
    multiple=True,
    help="Where to look: a remote, a pack, another store or an exported adapter; the store's remotes otherwise.",
)
@base_option()
def fsck(session: Session, remote: str | None, model: bool, repair: bool, places: tuple[str, ...]) -> None:
    """Check every object, every ref and the index; or a pack, where a REMOTE is named.

    Exits with 1 when something is wrong. Nothing is changed without --repair. That brings back from the trash, from the
    remotes or from --from what is lost or rotten, makes the index anew, and names what can't be had with all that
    depends on it. With --model the base model is loaded, compared with the one of the store, and asked a few prompts
    whose answers the commit at HEAD kept.
    """
    if places and (not repair or remote is not None):
        raise UsageError("--from says where --repair looks", hint="wisedb fsck --repair --from PLACE")
    if remote is not None and model:
        raise UsageError("a pack has no base model to ask", hint="wisedb fsck --model, in a clone of it.")
    repository = session.repository()
    with session.progress() as listen:
        if remote is not None:
            found = repository.fsck_remote(remote, mend=repair, progress=listen).to_json()
        elif repair:
            found = repository.repair(places, progress=listen).to_json()
        else:
            found = repository.fsck().to_json()
        check = repository.check_model() if model else None
    if check is not None:
        found["model"] = check.to_json()
        if check.problem is not None:
            found["ok"] = False
            found["problems"] = [*found["problems"], {"kind": "model", "object": check.commit, "detail": check.problem}]
    session.show(found, checked)
    if not found["ok"]:
        raise click.exceptions.Exit(1)


def checked(found: Mapping[str, Any]) -> render.Lines:
    """The problems, and the verdict."""
    objects = found["objects"]
    count = objects if isinstance(objects, int) else len(objects)
    if found["problems"]:
        rows = [((item["kind"], "red"), item["object"], item["detail"]) for item in found["problems"]]
        yield render.table("problem", "object", "detail", rows=rows)
        yield render.line()
    for name in found.get("repaired", ()):
        yield render.line(("mended ", "green"), f"{_short(name)}, from {found['sources'][name]}")
    for item in found.get("lost", ()):
        needed = render.plural(len(item["commits"]), "commit")
        told = f" need{'s' if len(item['commits']) == 1 else ''} it"
        yield render.line(("lost ", "red"), f"{_short(item['object'])}: {needed}{told}", *_names(item["commits"]))
        for fact in item["facts"][:_SHOWN]:
            yield render.line(f"  fact {fact['id'][: render.SHORT]} {fact['prompt'] or ''}".rstrip())
        if len(item["facts"]) > _SHOWN:
            yield render.line(f"  and {render.plural(len(item['facts']) - _SHOWN, 'more fact')}")
    if (asked := found.get("model")) is not None:
        told = {None: "kept nothing to compare", True: "answers as it did", False: "answers otherwise"}[asked["same"]]
        yield render.line(f"The model at {asked['commit'][: render.SHORT]} {told}")
    verdict = (render.plural(len(found["problems"]), "problem"), "red") if not found["ok"] else ("all is well", "green")
    yield render.line(f"{render.plural(count, 'object')} checked: ", verdict)


def _short(name: str) -> str:
    return name[: render.SHORT] if len(name) == 64 else name


def _names(commits: Sequence[str]) -> list[str]:
    if not commits:
        return []
    named = ", ".join(commit[: render.SHORT] for commit in commits[:_SHOWN])
    return [f": {named}" + (", …" if len(commits) > _SHOWN else "")]
