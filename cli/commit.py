"""``wisedb commit``: train what is staged, and record it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from wisedb.config import Setting
from wisedb.errors import NothingToCommit
from wisedb.store.signature import Author

from . import render
from .complete import complete_editor
from .message import NO_MESSAGE, has_terminal, message_of, named_editor, written_message
from .options import base_option, command, files_argument, settings_option
from .session import Session
from .signatures import late_signature_options, sign_option

if TYPE_CHECKING:
    from wisedb.signing.signer import Sign


@command(
    'wisedb commit -m "capitals of May"',
    'wisedb commit corrections.jsonl -m "from the FAQ" --author "Ada <ada@example.org>"',
    'wisedb commit -m "more steps" --set steps=100 --seed 7',
    'wisedb commit --amend -m "a better message"',
    'wisedb commit --again -m "what was not learned" --set steps=200',
)
@files_argument(required=False)
@click.option(
    "-m",
    "--message",
    "messages",
    metavar="MSG",
    multiple=True,
    help="What the commit is about; several are paragraphs. Without it an editor asks: core.editor, VISUAL or EDITOR.",
)
@click.option(
    "-F",
    "--file",
    "message_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take the message from this file; - is stdin.",
)
@click.option("--amend", is_flag=True, help="Replace the newest commit: by the same, and what is staged.")
@click.option("--no-edit", is_flag=True, help="With --amend: keep the message, and ask for none.")
@click.option("-a", "--all", "everything", is_flag=True, help="All that is staged: always so, as git's users type it.")
@click.option(
    "--editor", metavar="NAME", shell_complete=complete_editor, help="The editor that writes; the store's by default."
)
@late_signature_options
@sign_option
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
@click.pass_context
def commit(
    ctx: click.Context,
    session: Session,
    files: tuple[Path, ...],
    messages: tuple[str, ...],
    message_file: Path | None,
    amend: bool,
    no_edit: bool,
    everything: bool,
    editor: str | None,
    author: Author,
    date: str | None,
    sign: Sign | None,
    seed: int | None,
    train_rephrases: bool,
    format: str | None,
    again: bool,
    strict: bool,
    settings: tuple[tuple[str, Setting], ...],
) -> None:
    """Train what is staged and record it.

    The edits that are staged, or those of FILE, are trained into the side memory and become one commit. With FILE,
    what is staged stays staged. --amend keeps message, author and date of the commit that it replaces where none are
    given, and trains nothing where nothing is staged.
    """
    if amend and again:
        raise click.UsageError("--again trains edits of earlier commits anew, and --amend replaces one: leave one out")
    if everything and files:
        raise click.UsageError("--all commits what is staged, and FILE something else: leave one out")
    message = message_of(session, messages, message_file)
    can_ask = has_terminal() or named_editor(session) is not None
    if message is None and not amend and not can_ask:
        raise click.UsageError(NO_MESSAGE)
    repository = session.repository()
    if message is None and not (amend and (no_edit or not can_ask)):
        staged = () if files else repository.store.staging.edits()
        if not (staged or files or amend or again):
            raise NothingToCommit("there is nothing to commit", hint="Stage edits with 'wisedb add', or name a file.")
        message = written_message(session, staged, repository.show().entry.record.message if amend else "")
    chosen = dict(settings)
    if train_rephrases:
        chosen["train_rephrases"] = True
    if format is not None:
        chosen["format"] = format
    with session.progress() as progress:
        made = (repository.amend if amend else partial(repository.commit, again=again))(
            files or None,
            message or "",
            author=None if amend and not _given(ctx, "author") else author,
            date=date,
            sign=sign,
            editor=editor,
            seed=seed,
            settings=chosen or None,
            strict=strict,
            progress=progress,
        )
    told = message or repository.show().entry.record.message
    session.tell({**made.to_json(), "message": told}, committed)
    if session.quiet and made.unlearned and not session.as_json:
        session.warn(f"not learned: {', '.join(edit[: render.SHORT] for edit in made.unlearned)}")


def _given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


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
        why = "a token of the answer was still not the likeliest when the steps were over"
        yield render.line((f"not learned: {names}: {why}; more steps may help: {advice}", "red"))
    yield render.line(
        f"{counts} · reliability {render.figure(made['reliability'])}"
        f" · {render.seconds(made['seconds'])}, {render.seconds(made['seconds_per_edit'])} an edit"
        f" · {render.size(made['bytes_written'])}"
    )
