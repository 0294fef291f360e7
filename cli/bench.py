"""``wisedb bench``: editors compared on one stream of edits."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.config import Setting
from wisedb.errors import NotAStore

from . import render
from .demo import quoted
from .init import absolute, unrelated_prompts
from .options import command, settings_option
from .session import Session

if TYPE_CHECKING:
    from wisedb.bench.plan import Plan
    from wisedb.bench.results import Results, Row

PAGE = "table.md"
SHEET = "table.csv"
PICTURES = ("figures.svg", "figures.png")
COMPARED = "compared.svg"


def _listed(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _lengths(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(word.replace("_", "")) for word in _listed(ctx, param, value))
    except ValueError as error:
        raise click.BadParameter(f"'{value}' is not a list of numbers such as 1,10,100") from error


def _seeds(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(dict.fromkeys(_lengths(ctx, param, value)))


@command(
    "wisedb bench --edits 1,10",
    "wisedb bench --editors keyed,rome,rome:gate=keys --edits 10,100 --out bench",
    "wisedb bench --model gpt2 --data zsre.json --edits 1,10,100 --plot zsre.svg --json",
)
@click.option(
    "--editors",
    metavar="A,B,…",
    default="keyed",
    show_default=True,
    callback=_listed,
    help="Who is compared: names as `wisedb editors` lists them, each with settings of its own where wanted, such as"
    " rome:gate=keys.",
)
@click.option("--model", metavar="M", help="The base model; by default the store's, outside of one 'atlas'.")
@click.option("--revision", metavar="R", help="The Hub commit, branch or tag of the model.")
@click.option(
    "--data",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The stream of edits, in any layout that 'wisedb add' takes; by default the one that ships with atlas.",
)
@click.option(
    "--edits",
    "lengths",
    metavar="T,T,…",
    default="1,10,100",
    show_default=True,
    callback=_lengths,
    help="Measure after so many edits of the stream.",
)
@click.option(
    "--protocol",
    type=click.Choice(["one-by-one", "batch"]),
    default="one-by-one",
    show_default=True,
    help="A commit an edit, or one commit up to each T.",
)
@click.option(
    "--modes",
    metavar="M,M,…",
    default="retrieve,merge,oracle",
    show_default=True,
    callback=_listed,
    help="How the memories answer, of retrieve, merge, context, hybrid and oracle, which tells each prompt its memory,"
    " to show what routing costs.",
)
@click.option(
    "--format",
    "asking",
    type=click.Choice(["raw", "chat"]),
    default="raw",
    show_default=True,
    help="Ask prompts as they stand, or each as a user's message behind the model's chat template.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Where every random choice comes from.")
@click.option(
    "--seeds", metavar="N,N,…", callback=_seeds, help="Several seeds: a row for each, mean and spread in the table."
)
@click.option(
    "--without-subjects", is_flag=True, help="Take the subjects out of the stream: what edits give that name none."
)
@settings_option()
@click.option(
    "--pool",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Unrelated prompts of your own, one a line, in place of those that the model writes.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep rows, table, plots and the editors' stores here; an unfinished run is gone on with.",
)
@click.option("--undo", is_flag=True, help="Also revert one edit at each T: how long it takes, and what it leaves.")
@click.option("--flops", is_flag=True, help="Also count training's floating-point operations, which slows it down.")
@click.option("--plot", metavar="FILE", type=click.Path(path_type=Path), help="Draw the figures: an .svg or .png file.")
def bench(
    session: Session,
    editors: tuple[str, ...],
    model: str | None,
    revision: str | None,
    data: Path | None,
    lengths: tuple[int, ...],
    protocol: str,
    modes: tuple[str, ...],
    asking: str,
    seed: int,
    seeds: tuple[int, ...] | None,
    without_subjects: bool,
    settings: tuple[tuple[str, Setting], ...],
    pool: Path | None,
    undo: bool,
    flops: bool,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Compare editors on one stream of edits.

    Each editor writes the stream into a store of its own, in a process of its own, and is measured after every T edits,
    beside the unedited model. Inside a store its base model is taken; the store itself is not touched.
    """
    from wisedb.bench import drawing
    from wisedb.bench import plot as picture

    if plot is not None:
        drawing.require(plot)
    plan = _plan(
        session,
        editors,
        model,
        revision,
        data,
        lengths,
        settings=dict(settings),
        modes=modes,
        protocol=protocol,
        format=asking,
        seeds=(seed,) if seeds is None else seeds,
        subjects=not without_subjects,
        pool=None if pool is None else tuple(unrelated_prompts(pool)),
        undo=undo,
        flops=flops,
    )
    from wisedb.bench.run import asked
    from wisedb.bench.run import bench as measure

    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wisedb-bench-")))
        with session.progress() as progress:
            found = measure(plan, folder, progress=progress)
        rows = found.rows(asked(plan))
        if out is not None:
            _publish(session, plan, found, out)
        if plot is not None:
            drawing.draw(picture.chart, rows, plot)
    session.show([row.to_json() for row in rows], lambda _: _lines(rows))


def _plan(
    session: Session,
    editors: tuple[str, ...],
    model: str | None,
    revision: str | None,
    data: Path | None,
    lengths: tuple[int, ...],
    *,
    settings: dict[str, Setting],
    **more: Any,
) -> Plan:
    from wisedb.atlas import edits_path
    from wisedb.bench.plan import Plan, candidates
    from wisedb.importers import read, refuse_bad
    from wisedb.repository.adding import warn_left_out

    chosen = candidates(editors, settings)
    reading = refuse_bad(read(edits_path() if data is None else data))
    warn_left_out(reading.left_out)
    target = None
    if model is None:
        model = "atlas"
        try:
            config = session.store().config
            known = None if session.base else config.base.revision
            model, revision, target = session.base or config.base.source, revision or known, config.editor.target
        except NotAStore:
            pass
    return Plan.make(
        chosen,
        absolute(model),
        "atlas" if data is None else data.name,
        reading.edits,
        lengths,
        settings=settings,
        revision=revision,
        target=target,
        **more,
    )


def _publish(session: Session, plan: Plan, found: Results, out: Path) -> None:
    """Table and plots of all rows in the folder."""
    from wisedb.bench import compared, drawing, table
    from wisedb.bench import plot as picture
    from wisedb.store.dates import utc_now
    from wisedb.store.files import Disk

    rows = found.rows()
    pictures: dict[str, str] = {}
    if drawing.available():
        for name in PICTURES:
            drawing.draw(picture.chart, rows, out / name)
        pictures[PICTURES[0]] = "Every figure against T"
        if any(row.mode != "base" for row in rows):
            drawing.draw(compared.chart, rows, out / COMPARED)
            pictures[COMPARED] = "The editors beside each other at the largest T"
    else:
        session.note("note: no plots were drawn; for them, pip install 'wisedb[bench]'")
    typed = " ".join(["wisedb", *map(quoted, sys.argv[1:])])
    text = table.page(rows, plan.conditions(), typed, utc_now()[:10], pictures)
    Disk().write(out / PAGE, text.encode())
    Disk().write(out / SHEET, table.sheet(rows).encode())


def _lines(rows: Sequence[Row]) -> render.Lines:
    from wisedb.bench import table

    first = rows[0]
    yield render.line(f"{first.data} on {first.model}, {first.protocol.replace('-', ' ')}, {table.seeds_of(rows)}")
    yield render.line()
    titles = table.titles(rows)
    yield render.table(*titles, rows=table.lines(rows), numbers={"T", *titles[3:]})
    yield render.line()
    yield render.line((table.note(rows), "dim"))
