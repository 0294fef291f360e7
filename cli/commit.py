"""``wisedb commit``: train what is staged, and record it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from wisedb.config import Setting

from . import render
from .options import base_option, command, files_argument, settings_option, signature_options
from .session import Session


@command(
    'wisedb commit -m "capitals of May"',
    'wisedb commit corrections.jsonl -m "from the FAQ" --author "Ada <ada@example.org>"',
    'wisedb commit -m "more steps" --set steps=100 --seed 7',
    'wisedb commit --again -m "what was not learned" --set steps=200',
)
@files_argument(required=False)
@click.option("-m", "--message", metavar="MSG", required=True, help="What the commit is about.")
@click.option("--editor", metavar="NAME", help="The editor that writes; the store's by default.")
@signature_options
@click.option("--seed", type=int, help="Where every random choice comes from; the store's by default.")
@click.option(
    "--train-rephrases",
    is_flag=True,
    help="Learn and find the edits by their rephrases too; generalization is then measured on others.",
)
@click.option(
    "--format",
    type=click.Choice(["raw", "chat", "both"]),
    help="Learn and find the edits as plain prompts, behind the model's chat template, or both ways (the default where"
    " there is a template).",
)
@click.option(
    "--again",
    is_flag=True,
    help="Train edits anew that are in force already; with nothing staged and no FILE, those that were not learned.",
)
@click.option("--strict", is_flag=True, help="Commit nothing, and exit with 1, if an edit is not learned.")
@settings_option()
@base_option()
def commit(
    session: Session,
    files: tuple[Path, ...],
    message: str,
    editor: str | None,
    author: str,
    date: str | None,
    seed: int | None,
    train_rephrases: bool,
    format: str | None,
    again: bool,
    strict: bool,
    settings: tuple[tuple[str, Setting], ...],
) -> None:
    """Train what is staged and record it.

    The edits that are staged, or those of FILE, are trained into the side memory and become one commit. With FILE,
    what is staged stays staged.
    """
    repository = session.repository()
    chosen = dict(settings)
    if train_rephrases:
        chosen["train_rephrases"] = True
    if format is not None:
        chosen["format"] = format
    with session.progress() as progress:
        made = repository.commit(
            files or None,
            message,
            author=author,
            date=date,
            editor=editor,
            seed=seed,
            settings=chosen or None,
            again=again,
            strict=strict,
            progress=progress,
        )
    session.show({**made.to_json(), "message": message}, committed)


def committed(made: Mapping[str, Any]) -> render.Lines:
    """The new commit."""
    branch = made["branch"] or "no branch"
    yield render.line("[", (branch, "green"), " ", render.ident(made["commit"]), "] ", made["message"])
    counts = render.plural(made["edits_added"], "edit") + " added"
    if made["edits_reverted"]:
        counts += f", {made['edits_reverted']} put out of force"
    if made.get("again"):
        counts += f", {len(made['again'])} trained anew"
    if made.get("known"):
        counts += f" ({len(made['known'])} the model said already)"
    if made.get("unlearned"):
        names = ", ".join(edit[: render.SHORT] for edit in made["unlearned"])
        advice = "wisedb commit --again -m MSG --set steps=200"
        yield render.line((f"not learned: {names}; more steps may help, or other settings: {advice}", "red"))
    yield render.line(
        f"{counts} · reliability {render.figure(made['reliability'])}"
        f" · {render.seconds(made['seconds'])}, {render.seconds(made['seconds_per_edit'])} an edit"
        f" · {render.size(made['bytes_written'])}"
    )
