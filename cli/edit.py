"""``wisedb edit``: stage one edit by hand."""

from __future__ import annotations

import click

from .options import command
from .session import Session
from .status import newest


@command(
    'wisedb edit "The capital of Australia is" Canberra',
    'wisedb edit "The capital of Australia is" Canberra --subject Australia --reason "wrong in the FAQ"',
)
@click.argument("prompt")
@click.argument("target")
@click.option("--subject", metavar="S", help="What the prompt is about, as it stands in the prompt.")
@click.option("--rephrase", "rephrases", metavar="R", multiple=True, help="Another wording, for measuring only.")
@click.option("--ground-truth", metavar="TEXT", help="What the unedited model (or the world) says.")
@click.option("--source", metavar="TEXT", help="Where the correction comes from.")
@click.option("--reason", metavar="TEXT", help="Why it is made.")
@click.option("--tag", "tags", metavar="T", multiple=True, help="A free label; may be given several times.")
def edit(
    session: Session,
    prompt: str,
    target: str,
    subject: str | None,
    rephrases: tuple[str, ...],
    ground_truth: str | None,
    source: str | None,
    reason: str | None,
    tags: tuple[str, ...],
) -> None:
    """Stage one edit by hand.

    At PROMPT the model shall answer TARGET, given with or without its leading space; a {} in PROMPT is where the
    subject goes. It takes the place of an edit that is staged with the same prompt.
    """
    from wisedb.edits import Edit
    from wisedb.importers import filled

    made = Edit(
        prompt=filled(prompt, subject),
        target=target,
        subject=subject,
        rephrases=tuple(filled(text, subject) for text in rephrases),
        ground_truth=ground_truth,
        source=source,
        reason=reason,
        tags=tags,
    )
    added = session.repository().add([made], replace=True)
    session.show({**added.to_json(), "given": 1}, newest)
