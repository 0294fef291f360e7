"""``wisedb base``: where the base model is, and which one it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from . import render
from .init import absolute
from .options import command
from .session import Session


@click.group(epilog="\b\nExamples:\n  wisedb base set /models/llama\n  wisedb base set gpt2 --accept")
def base() -> None:
    """Say where the base model is, or put another one in its place.

    For one command, --base PATH before its name or WISEDB_BASE says where the model is.
    """


@command("wisedb base set /models/llama", "wisedb base set ./resaved --accept", name="set")
@click.argument("model")
@click.option("--revision", metavar="R", help="The Hub commit, branch or tag of the model.")
@click.option("--gguf-file", metavar="F", help="The GGUF file in the folder or Hub repository.")
@click.option(
    "--accept", is_flag=True, help="Take it though it computes something else; the edits are not trained anew."
)
@click.option(
    "--trust-remote-code/--no-trust-remote-code",
    default=None,
    help="Run Python files that lie beside the model, or never; the store remembers.",
)
def set_(
    session: Session,
    model: str,
    revision: str | None,
    gguf_file: str | None,
    accept: bool,
    trust_remote_code: bool | None,
) -> None:
    """Take the base model from MODEL: a folder, a Hub id, a GGUF file or 'atlas'.

    It is loaded and compared with the one that the store was made for: weights, configuration, tokenizer. What computes
    the same is taken, whatever else differs in its files. What doesn't is refused, and told field by field.
    """
    with session.progress():
        made = session.repository().set_base(
            absolute(model), revision=revision, gguf_file=gguf_file, accept=accept, trust_remote_code=trust_remote_code
        )
    session.show(made.to_json(), _told)


base.add_command(set_)


def _told(made: Mapping[str, Any]) -> render.Lines:
    yield render.line("The base model is ", (made["model"], "bold"), f" ({made['fingerprint']})")
    if made["differences"]:
        rows = [(each["field"], _value(each["was"]), _value(each["is"])) for each in made["differences"]]
        yield render.table("field", "was", "is", rows=rows)


def _value(value: Any) -> str:
    return "" if value is None else str(value)
