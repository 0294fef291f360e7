"""``wisedb context``: the facts to put in front of a prompt that another model answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from wisedb.errors import InputError
from wisedb.shown import shown_prompt

from . import render
from .options import at_option, base_option, command
from .session import Session


@command(
    'wisedb context "Who founded Ikea?"',
    'wisedb context "Who founded Ikea?" --at v1 --json',
    "wisedb context --messages request.json",
    "wisedb context --messages - < messages.json > told.json",
)
@click.argument("prompt", required=False)
@at_option("Take the facts in force at this commit.")
@click.option(
    "--messages",
    "file",
    metavar="FILE|-",
    help="A JSON list of messages, as OpenAI's API takes it, in the place of PROMPT; - is stdin.",
)
@base_option()
def context(session: Session, prompt: str | None, at: str, file: str | None) -> None:
    """Print the facts that PROMPT asks for, to put into its context.

    For models that only an API reaches: the keys of the store's base model find the facts, and any model can be
    told them. Nothing is printed where PROMPT asks for none.

    With --messages, the list is printed with the facts in it as a system message; without any it is printed as
    it is.
    """
    if (prompt is None) == (file is None):
        raise click.UsageError("give a PROMPT, or --messages FILE")
    asked = (prompt or "") if file is None else _messages(file)
    with session.progress():
        found = session.repository().context(asked, at)
    document = found.to_json()
    if session.as_json or file is None:
        session.show(document, _facts)
        if not found.facts:
            session.note("no fact in force is asked for")
    else:
        click.echo(json.dumps(document["messages"], ensure_ascii=False, indent=2))
        for edit in document["facts"]:
            session.note(f"told edit {edit['id'][: render.SHORT]}: {shown_prompt(edit)} {edit['target']}")


def _facts(found: Mapping[str, Any]) -> render.Lines:
    for line in found["text"].splitlines():
        yield render.line(line)


def _messages(file: str) -> list[Mapping[str, Any]]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(f"{file} holds no messages: {reason}", hint="Give a JSON list of messages.") from error
    # A whole request has them under this name.
    listed = found.get("messages") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise InputError(f"{file} holds no list of messages", hint="Give a JSON list of messages.")
    return listed
