"""``wisedb generate``: what the model says at a commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from . import render
from .options import at_option, command, mode_option
from .session import Session

_TOKENS, _CHAT_TOKENS = 20, 128


@command(
    'wisedb generate "The capital of Australia is"',
    'wisedb generate "Who wrote Emma?" "Who wrote Ulysses?" --at v1 --json',
    'wisedb generate "The capital of Australia is" --base',
    'wisedb generate --chat "What is the capital of Australia?" --system "Be brief."',
)
@click.argument("prompts", metavar="PROMPT...", nargs=-1, required=True)
@at_option("Ask the model at this commit.")
@mode_option()
@click.option("--base", is_flag=True, help="Ask the unedited model.")
@click.option("--chat", is_flag=True, help="Each PROMPT is a user's message behind the model's chat template.")
@click.option("--system", metavar="TEXT", help="The system message in front of it; means --chat.")
@click.option("--greedy", is_flag=True, help="Take the likeliest tokens, whatever settings the model brings along.")
@click.option("--seed", type=int, default=0, show_default=True, help="Where random choices come from, if it samples.")
@click.option(
    "--max-new-tokens",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Longest answer; {_TOKENS} if nothing is said, {_CHAT_TOKENS} in a chat.",
)
def generate(
    session: Session,
    prompts: tuple[str, ...],
    at: str,
    mode: str,
    base: bool,
    chat: bool,
    system: str | None,
    greedy: bool,
    seed: int,
    max_new_tokens: int | None,
) -> None:
    """Let the model answer at a commit.

    Every PROMPT is continued by the model's own settings for generation, greedily where it has none, and the memory
    that answered is named. Whatever measures (commit, eval, explain) is greedy always.
    With --chat each is asked by itself, as a chat application would ask it.
    """
    chat = chat or system is not None
    longest = max_new_tokens or (_CHAT_TOKENS if chat else _TOKENS)
    repository = session.repository()
    with session.progress() as progress:
        found = repository.generate(
            list(prompts),
            at=at,
            mode=mode,
            base=base,
            max_new_tokens=longest,
            progress=progress,
            chat=chat,
            system=system,
            greedy=greedy,
            seed=seed,
        )
    session.show([answer.to_json() for answer in found], answers)


def answers(found: Sequence[Mapping[str, Any]]) -> render.Lines:
    """One line an answer, with the memory that gave it."""
    for answer in found:
        yield render.line(f"{answer['prompt']} ", (answer["text"], "bold"), (f"  [{route(answer)}]", "dim"))


def route(answer: Mapping[str, Any]) -> str:
    """Who answered, in words."""
    if answer.get("facts"):
        names = ", ".join(edit[: render.SHORT] for edit in answer["facts"])
        return f"base model, told {'edits' if len(answer['facts']) > 1 else 'edit'} {names}"
    if not answer["routed"]:
        count = len(answer["always_on"])
        return f"base model and {render.plural(count, 'always-on memory')}" if count else "base model"
    name = answer["memory"]
    where = f"memory {name[: render.SHORT]}" if name else "merged memory"
    if answer["activation"] is None or answer["threshold"] is None:
        return where
    return f"{where}, {answer['activation']:.3g} > {answer['threshold']:.3g}"
