"""``wisedb eval``: the figures of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from wisedb.errors import UsageError

from . import render
from .options import base_option, command, mode_option, revision
from .session import Session


@command(
    "wisedb eval",
    "wisedb eval v1 --mode merge",
    "wisedb eval --data zsre.json --limit 100 --json",
    "wisedb eval --chat",
    "wisedb eval --forms --limit 50",
    name="eval",
)
@revision(default="HEAD")
@click.option(
    "--data",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Measure over the edits of this file; by default over those in force.",
)
@mode_option()
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Measure the first N edits only.")
@click.option("--chat", is_flag=True, help="Ask everything as a user's message behind the model's chat template.")
@click.option("--forms", is_flag=True, help="Measure also in many forms of writing; takes a while.")
@click.option("--seed", type=int, help="Where the choices of --forms come from; 0 if nothing is said.")
@base_option()
def evaluate(
    session: Session,
    rev: str,
    data: Path | None,
    mode: str,
    limit: int | None,
    chat: bool,
    forms: bool,
    seed: int | None,
) -> None:
    """Measure how well a commit answers.

    Reliability, generalization, locality, exact match and the router, at REV, HEAD by default. The
    unedited model is measured beside it. The figures are kept, and 'wisedb log' shows them.

    With --chat a reply counts by what it says: the target and not the old answer.
    With --forms two tables are added: the fact asked in many forms, and prompts that come near it without asking it.
    """
    if seed is not None and not forms:
        raise UsageError("--seed is for --forms alone", hint="Give --forms too, or leave out --seed.")
    with session.progress() as progress:
        found = session.repository().evaluate(
            rev, data=data, mode=mode, limit=limit, chat=chat, forms=forms, seed=seed or 0, progress=progress
        )
    session.show(found.to_json(), _lines)


def _lines(found: Mapping[str, Any]) -> render.Lines:
    chat = found["format"] == "chat"
    yield render.line(
        "commit ",
        render.ident(found["commit"]),
        f", {found['mode']}, {'in a chat, ' if chat else ''}{render.plural(found['n'], 'edit')},"
        f" {render.seconds(found['seconds'])}",
    )
    yield render.line()
    base, oracle = found["base"], found["oracle"]
    said = ("says it", "says it reph.") if chat else ("exact", "exact reph.")
    titles = ("rel.", "gen.", "loc.", *said)
    asked = ("says_it", "says_it_rephrase") if chat else ("exact_match", "exact_match_rephrase")
    columns = ("reliability", "generalization", "locality", *asked)
    # The unedited model agrees with itself by definition; a dash is what was not measured.
    rows = [
        ("unedited model", *_figures({"locality": 1.0, **base}, columns)),
        ("this commit", *_figures(found, columns)),
        ("told the right memory", *_figures(oracle, columns)),
    ]
    yield render.table("model", *titles, rows=rows, numbers=titles)
    yield render.line()
    router = found["router"]
    yield render.line(
        f"router: {render.figure(router['recall_at_1'])} of the edits and"
        f" {render.figure(router['recall_at_1_rephrase'])} of their rephrases reach their own memory,"
        f" {render.figure(router['false_fire'])} of the unrelated prompts reach any"
    )
    if found["portability"] is not None:
        yield render.line(
            f"of what follows from the edits {render.figure(found['portability'])} of the tokens and"
            f" {render.figure(found['exact_match_portability'])} of the answers are right; unedited model:"
            f" {render.figure(base.get('portability'))} and {render.figure(base.get('exact_match_portability'))}"
        )
    text = found["text"]
    if text is not None:
        yield render.line(
            f"of the unedited model's own text about other things {render.figure(text['agreement'])} stays,"
            f" perplexity {text['perplexity']:.2f} for {text['base_perplexity']:.2f}"
        )
    forced = found["forced"]
    if forced is not None:
        yield render.line(
            f"a memory forced on: {render.figure(forced['agreement'])} of the unedited model's own text stays,"
            f" perplexity {forced['perplexity']:.2f} for {forced['base_perplexity']:.2f}"
        )
    yield render.line(("greedy, whatever settings for generation the model brings along", "dim"))
    if chat:
        yield render.line(("loc. is the share of replies that are the unedited model's, word for word", "dim"))
    else:
        yield render.line(("loc. is agreement with the unedited model, not accuracy on the locality answer", "dim"))
    if found["how_asked"] is not None:
        yield from _form_lines(found["how_asked"], found["must_not_fire"])


def _form_lines(how_asked: Mapping[str, Any], must_not_fire: Mapping[str, Any]) -> render.Lines:
    from wisedb.serving.forms.figures import CHANGED_AIM, RIGHT_AIM

    yield render.line()
    titles: tuple[str, ...] = ("edits", "right", "as it is", "kept", "unedited", "knew")
    rows: list[tuple[str, ...]] = []
    for name, row in how_asked.items():
        shown = _figures(row, ("right", "plain_right", "kept", "base_right", "base_old"))
        missed = row["kept"] is not None and row["kept"] < RIGHT_AIM
        rows.append((name, str(row["n"]), *shown, "✗" if missed else ""))
    yield render.table("how it is asked", *titles, "", rows=rows, numbers=titles)
    yield render.line()
    titles, rows = ("edits", "changed"), []
    for name, row in must_not_fire.items():
        missed = row["changed"] is not None and row["changed"] > CHANGED_AIM
        rows.append((name, str(row["n"]), render.figure(row["changed"]), "✗" if missed else ""))
    yield render.table("what must not fire", *titles, "", rows=rows, numbers=titles)
    yield render.line()
    yield render.line(
        (
            "kept: of the share that the same edits have as they are; knew: the unedited model says the old answer;"
            " changed: replies that are not the unedited model's."
            f" ✗ is below {RIGHT_AIM:.2f} or above {CHANGED_AIM:.2f}",
            "dim",
        )
    )


def _figures(values: Mapping[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [render.figure(values.get(column)) for column in columns]
