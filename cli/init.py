"""``wisedb init``: a new store for a base model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.config import DEFAULT_EDITOR, Setting
from wisedb.errors import InputError
from wisedb.model.gguf import split_gguf
from wisedb.paths import expanded

from . import render
from .complete import complete_editor
from .options import command, settings_option
from .session import Session
from .signatures import optional_signature_options

if TYPE_CHECKING:
    from wisedb.repository import Repository

FEWEST = 10
"""Fewer unrelated prompts than this say nothing about what is unrelated."""


@command(
    "wisedb init",
    "wisedb init ~/facts --model gpt2",
    "wisedb init --model ./my-model --layer 20 --set steps=40",
    "wisedb init --model ./models --gguf-file llama.Q4_K_M.gguf",
)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--model",
    metavar="M",
    default="atlas",
    show_default=True,
    help="The base model: a Hub id, a local folder, a GGUF file, or 'atlas', the small model that ships inside.",
)
@click.option("--revision", metavar="R", help="The Hub commit, branch or tag of the model.")
@click.option(
    "--gguf-file",
    metavar="F",
    help="Load the model from this GGUF file in the folder or Hub repository, dequantised: needs wisedb[gguf].",
)
@click.option("--layer", type=click.IntRange(min=0), help="Edit this layer; by default one at 27/32 of the depth.")
@click.option(
    "--editor",
    metavar="NAME",
    shell_complete=complete_editor,
    default=DEFAULT_EDITOR,
    show_default=True,
    help="Who writes the edits.",
)
@click.option("--target", metavar="MODULE", help="Edit this module, as model.get_submodule takes its name.")
@click.option(
    "--pool",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Unrelated prompts of your own, one a line, in place of those that the model writes; a fifth is kept for"
    " measuring.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Where every random choice comes from.")
@click.option(
    "--trust-remote-code", is_flag=True, help="Run Python files that lie beside the model; the store remembers."
)
@settings_option()
@optional_signature_options
def init(
    session: Session,
    directory: Path | None,
    model: str,
    revision: str | None,
    gguf_file: str | None,
    layer: int | None,
    target: str | None,
    editor: str,
    pool: Path | None,
    seed: int,
    trust_remote_code: bool,
    settings: tuple[tuple[str, Setting], ...],
    author: str | None,
    date: str | None,
) -> None:
    """Make a new store, in DIR or here, for a base model.

    The model is looked at once: its fingerprint is recorded, the matrix to edit is found, and it writes the unrelated
    prompts that later keep edits apart from everything else. The model itself is neither changed nor copied.
    """
    if layer is not None and target is not None:
        raise click.UsageError("--layer and --target exclude each other: a module's name says its layer")
    from wisedb.repository import Repository

    with session.progress() as progress:
        made = Repository.init(
            directory if directory is not None else session.start,
            model=absolute(model),
            revision=revision,
            gguf_file=gguf_file,
            layer=layer,
            target=target,
            editor=editor,
            settings=dict(settings),
            seed=seed,
            pool=None if pool is None else unrelated_prompts(pool),
            author=author,
            date=date,
            progress=progress,
            trust_remote_code=trust_remote_code,
        )
    session.tell(document(made), created)


def unrelated_prompts(file: Path) -> list[str]:
    """A pool file's prompts, one a line.

    Raises:
        InputError: it can't be read, or holds too few.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(
            f"the pool {file} can't be read: {reason}", hint="Give a text file with a prompt a line."
        ) from error
    if len(found := [line.strip() for line in lines if line.strip()]) < FEWEST:
        raise InputError(
            f"the pool {file} holds {len(found)} prompts",
            hint=f"Give {FEWEST} or more, one a line; hundreds are better.",
        )
    return found


def document(repository: Repository) -> dict[str, Any]:
    """What ``init --json`` prints."""
    from wisedb.model.chat import chat_format, template_digest

    base, tokenizer = repository.store.config.base, repository.base.tokenizer
    # Nothing is said of a model without a template.
    chat = None if template_digest(tokenizer) is None else chat_format(tokenizer) is not None
    return {
        "path": str(repository.path),
        "model": base.model,
        "revision": base.revision,
        "gguf_file": base.gguf_file,
        "fingerprint": base.fingerprint,
        "target": repository.store.config.editor.target,
        "branch": repository.store.refs.head().branch,
        "chat": chat,
    }


def absolute(model: str) -> str:
    """The model as others find it: a folder or a file by its absolute path, anything else as it is."""
    # What is named relative to here must still be found from elsewhere.
    path = expanded(model)
    if path.is_dir() and model != "atlas":
        return str(path.resolve())
    # The file itself may be a link into a cache, where it has another name.
    return str(path.absolute()) if path.is_file() and split_gguf(model)[1] is not None else model


def created(made: Mapping[str, Any]) -> render.Lines:
    """The new store."""
    yield render.line("New store in ", (made["path"], "bold"), f" on branch {made['branch']}")
    revision = f" at {made['revision'][:12]}" if made["revision"] else ""
    file = f", dequantised from {made['gguf_file']}" if made["gguf_file"] else ""
    yield render.line(f"Base model {made['model']}{revision}{file}, edited at ", (made["target"], "cyan"))
    if made["chat"] is False:
        yield render.line("Its chat template can't be taken apart: edits are learned and found as plain prompts.")
