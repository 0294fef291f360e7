"""``wisedb add``: stage the edits of files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import WisedbError

from . import render
from .options import command
from .session import Session
from .status import newest

if TYPE_CHECKING:
    from wisedb.importers import BadLine, How, Reading

_SHOWN = 3
"""How many edits a dry run shows."""

_LISTED = 20
"""How many bad records are listed."""


@command(
    "wisedb add corrections.jsonl",
    "wisedb add zsre.json counterfact.json",
    "wisedb add questions.csv --fields prompt=question,target=new_answer --dry-run",
    "wisedb add edits/ --skip-bad",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--layout", metavar="NAME", help="The layout of the records, where they don't say it themselves.")
@click.option(
    "--fields",
    metavar="OURS=THEIRS,…",
    help="Which field of the file is which of an edit, as in target=new_answer,prompt=text; what isn't named is left"
    " out. Dots go into nested records.",
)
@click.option("--skip-bad", is_flag=True, help="Stage the rest of a file with bad records; these go to FILE.bad.jsonl.")
@click.option("--dry-run", is_flag=True, help="Show the first three edits as they are understood, and stage nothing.")
def add(
    session: Session, files: tuple[Path, ...], layout: str | None, fields: str | None, skip_bad: bool, dry_run: bool
) -> None:
    """Stage every edit of the files.

    JSON, JSON lines, CSV and Parquet are read, in wisedb's own layout or that of ZsRE, CounterFact, KnowEdit,
    WikiBigEdit, QAEdit, MQuAKE, UnKE, AKEW, RippleEdits or of requests for ROME and MEMIT, or as conversations
    {"messages": [...]}, whose last answer is taught. FILE may be a folder, whose files are added, or - for stdin. Bad
    records are named, and nothing is staged. An edit takes the place of one that is staged with its prompt.
    """
    from wisedb.importers import How, fields_named, read_data

    how = How(layout, fields_named(fields) if fields else {})
    given: list[Path | Reading] = []
    for file in files:
        given.append(read_data(sys.stdin.buffer.read(), "stdin", how) if str(file) == "-" else file)
    if dry_run:
        with session.progress():
            told = _understood(given, how)
        session.show(told, understood)
        return
    with session.progress():
        added = session.repository().add(given, how=how, replace=True, skip_bad=skip_bad)
    document = added.to_json()
    if added.skipped:
        document["skipped_to"] = [str(path) for path in write_bad(added.skipped)]
    if added.left_out:
        session.note(f"left out, since an edit has no place for it: {_counted(added.left_out)}")
    session.show({**document, "given": len(added.given)}, newest)
    if added.skipped:
        session.note(f"{render.plural(len(added.skipped), 'bad record')} skipped: " + ", ".join(document["skipped_to"]))
        for line in list_bad(added.skipped):
            session.note(line)


def _understood(given: Sequence[Path | Reading], how: How) -> dict[str, Any]:
    """What a dry run shows; the store is not needed."""
    from wisedb.importers import read
    from wisedb.repository.adding import warn_of

    reading = read(given, how)
    warn_of(reading.edits)
    bad = (*reading.bad, *(line for _, line in reading.contrary))
    return {
        "edits": len(reading.edits),
        "first": [edit.to_json() for edit in reading.edits[:_SHOWN]],
        "left_out": dict(reading.left_out),
        "bad": [line.problem.details() for line in bad],
    }


def understood(document: Mapping[str, Any]) -> render.Lines:
    """The first edits, each field on a line."""
    yield render.line(f"{render.plural(document['edits'], 'edit')}, nothing is staged. The first as understood:")
    for edit in document["first"]:
        yield render.line("")
        for name, value in edit.items():
            if name != "id" and value not in (None, []):
                yield render.line((f"{name}: ", "dim"), _shown(value))
    if document["left_out"]:
        yield render.line("")
        yield render.line(("left out: ", "dim"), _counted(document["left_out"]))
    bad = document["bad"]
    if bad:
        yield render.line("")
        yield render.line((f"{render.plural(len(bad), 'bad record')}:", "red"))
        for each in bad[:_LISTED]:
            field = f", field '{each['field']}'" if each["field"] else ""
            yield render.line(f"  {each['file']}: record {each['record']}{field}: {each['problem']}")


def _shown(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    texts = [_question(item) if isinstance(item, Mapping) else str(item) for item in value]
    return " | ".join(texts)


def _question(item: Mapping[str, Any]) -> str:
    if "role" in item:
        return f"{item['role']}: {item['content']}"
    return f"{item['prompt']} → {item['answer']}" if item.get("answer") is not None else str(item["prompt"])


def _counted(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in left_out.items())


def list_bad(lines: Sequence[BadLine]) -> list[str]:
    """What is wrong with which record, the first twenty."""
    listed = [f"  {line.problem.message}" for line in lines[:_LISTED]]
    return listed if len(lines) <= _LISTED else [*listed, f"  … and {len(lines) - _LISTED:,} more"]


def write_bad(lines: Sequence[BadLine]) -> list[Path]:
    """Write bad records, one a line as they stand, beside the working directory's files; returns the files.

    Raises:
        WisedbError: a file can't be written.
    """
    by_file: dict[str, list[str]] = {}
    for line in lines:
        by_file.setdefault(line.problem.file, []).append(line.text)
    written = []
    for name, texts in by_file.items():
        path = _free(Path(f"{Path(name).name}.bad.jsonl"))
        try:
            path.write_text("".join(f"{text}\n" for text in texts if text), encoding="utf-8")
        except OSError as error:
            raise WisedbError(
                f"{path} can't be written: {error.strerror or error}", hint="The good records are staged."
            ) from error
        written.append(path)
    return written


def _free(path: Path) -> Path:
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}.{number}{path.suffix}")
    return free
