"""One long stream of edits out of several sets, in a seeded order, so that every stretch of it is alike.

    python -m tests.benchmarks.mixed zsre.json counterfact.json wikibigedit.json --out mixed.jsonl

Then ``wisedb bench --data mixed.jsonl``. Of records that share a prompt the first is taken; the stream that ships with
``atlas`` is added at the end where ``--atlas`` says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import click

from wisedb.atlas import edits_path
from wisedb.edits import Edit
from wisedb.importers import read_edits


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--atlas", is_flag=True, help="The stream that ships with atlas, too.")
@click.option("--edits", "count", default=10_000, help="How many are wanted.")
@click.option("--longest", default=200, help="Records with longer targets, in characters, are left out.")
@click.option("--seed", default=0)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(files: tuple[Path, ...], atlas: bool, count: int, longest: int, seed: int, out: Path) -> None:
    """Write COUNT edits as JSON lines; fewer are refused."""
    first: dict[str, Edit] = {}
    for file in (*files, *([edits_path()] if atlas else [])):
        for edit in read_edits(file):
            if len(edit.target) <= longest:
                first.setdefault(edit.key, edit)
    if len(first) < count:
        raise click.ClickException(f"the files have {len(first)} different prompts, not {count}")
    chosen = Random(seed).sample(list(first.values()), count)
    out.write_text("".join(json.dumps(edit.to_json(), ensure_ascii=False) + "\n" for edit in chosen), encoding="utf-8")
    click.echo(f"{count} of {len(first)} edits")


if __name__ == "__main__":
    main()
