"""``wisedb bisect``: find the commit with which something began to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from . import render
from .complete import complete_revision
from .options import command
from .session import Session

if TYPE_CHECKING:
    from wisedb.versioning.bisect import Bisection

_SKIP_CODE = 125
_LAST_BAD_CODE = 127


@click.group(
    epilog="\b\nExamples:\n  wisedb bisect start HEAD v1\n  wisedb bisect good\n"
    "  wisedb bisect run sh -c 'wisedb generate \"Who founded Ikea?\" | grep -q Lindqvist'\n  wisedb bisect reset"
)
def bisect() -> None:
    """Find the commit with which something began to be wrong.

    Name a bad commit and a good one before it; HEAD moves half-way between, and you say how it is there, until one is
    left.
    """


@command("wisedb bisect start", "wisedb bisect start HEAD v1", name="start")
@click.argument("bad", metavar="[BAD]", required=False, shell_complete=complete_revision)
@click.argument("good", metavar="[GOOD]...", nargs=-1, shell_complete=complete_revision)
def start(session: Session, bad: str | None, good: tuple[str, ...]) -> None:
    """Begin a search between a bad commit and good ones."""
    from wisedb.versioning.bisect import begin

    _tell(session, begin(session.repository().store, bad, good))


def _verdict(name: str, what: str) -> click.Command:
    @command(f"wisedb bisect {name}", f"wisedb bisect {name} v1", name=name)
    @click.argument("revs", metavar="[REV]...", nargs=-1, shell_complete=complete_revision)
    def say(session: Session, revs: tuple[str, ...]) -> None:
        from wisedb.versioning.bisect import mark

        _tell(session, mark(session.repository().store, name, revs))

    say.help = f"Say that {what} at REV, HEAD by default."
    return say


@command("wisedb bisect reset", "wisedb bisect reset main", name="reset")
@click.argument("rev", metavar="[REV]", required=False, shell_complete=complete_revision)
def reset(session: Session, rev: str | None) -> None:
    """End the search and go back to where it began, or to REV."""
    from wisedb.versioning.bisect import end

    goal = end(session.repository().store, rev)
    session.tell({"head": goal}, lambda told: [render.line("HEAD is at ", (told["head"], "green"), " again")])


@command("wisedb bisect log", name="log")
def log(session: Session) -> None:
    """Show what was said so far."""
    from wisedb.versioning.bisect import under_way

    session.browse(under_way(session.repository().store).to_json(), lambda state: state["told"])


@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def _run(session: Session, words: tuple[str, ...]) -> None:
    """Let a command say how each commit is.

    Exit code 0 is good, 125 skips, 1 to 127 is bad, anything else ends the search where it is.
    """
    import subprocess

    from wisedb.versioning.bisect import mark, under_way

    store = session.repository().store
    state = under_way(store)
    if state.testing is None and not state.suspects:
        raise click.UsageError("name a bad and a good commit first: wisedb bisect start BAD GOOD")
    while state.testing is not None:
        session.note(f"asking about {state.testing[: render.SHORT]}, {state.left} left")
        code = subprocess.run(words, cwd=session.start, stdout=subprocess.DEVNULL, check=False).returncode
        if not 0 <= code <= _LAST_BAD_CODE:
            raise click.ClickException(f"the command ended with {code}: the search stays where it is")
        state = mark(store, "good" if code == 0 else "skip" if code == _SKIP_CODE else "bad")
    _tell(session, state)


run = command(
    "wisedb bisect run sh -c 'wisedb generate \"Who founded Ikea?\" | grep -q Lindqvist'",
    name="run",
    settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)(_run)

for each in (
    start,
    _verdict("good", "all is right"),
    _verdict("bad", "it is wrong"),
    _verdict("skip", "it can't be told"),
    run,
    log,
    reset,
):
    bisect.add_command(each)


def _tell(session: Session, state: Bisection) -> None:
    session.tell(state.to_json(), _told)


def _told(state: Mapping[str, Any]) -> render.Lines:
    if state["first_bad"]:
        yield render.line(render.ident(state["first_bad"]), (" is the first bad commit", "bold"))
        yield render.line(("'wisedb show' shows it, 'wisedb bisect reset' goes back.", "dim"))
    elif state["suspects"]:
        yield render.line("Only skipped commits are left; the first bad one is among:")
        for commit in state["suspects"]:
            yield render.line("  ", render.ident(commit))
    elif state["testing"] is None:
        missing = "a bad" if state["bad"] is None else "a good"
        yield render.line(f"Waiting for {missing} commit: 'wisedb bisect {missing.split()[1]} REV'.")
    else:
        yield render.line(
            f"{render.plural(state['left'], 'commit')} left; how is it at ", render.ident(state["testing"]), "?"
        )
