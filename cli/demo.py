"""``wisedb demo``: the whole tour, on the model that ships inside."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wisedb.config import Setting
from wisedb.edits import Edit
from wisedb.errors import InputError

from . import commit, init, render
from .blame import blamed
from .checkout import moved
from .diff import differences
from .fsck import checked
from .generate import answers
from .options import command, settings_option
from .session import Renderer, Session

if TYPE_CHECKING:
    from wisedb.repository import Repository

FIRST, SECOND = 4, 2
"""Edits in the two commits of the tour."""


@command("wisedb demo", "wisedb demo --dir ./tour", "wisedb demo --json")
@click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Make the store here and keep it; by default it is made in a temporary folder.",
)
@click.option("--model", metavar="M", default="atlas", show_default=True, help="Tour another base model.")
@click.option(
    "--data",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The edits to show, at least 6; by default the first ones of the stream that ships inside.",
)
@settings_option()
def demo(
    session: Session, directory: Path | None, model: str, data: Path | None, settings: tuple[tuple[str, Setting], ...]
) -> None:
    """Take the whole tour in under two minutes.

    Init, edit, commit, ask, diff, blame, rollback, ask again, check. Every step shows the command that it stands for.
    """
    edits = _edits(data)
    with ExitStack() as stack:
        folder = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wisedb-demo-")))
        tour = Tour(session, folder, edits)
        tour.run(init.absolute(model), dict(settings))
    if session.as_json:
        session.show(tour.steps, lambda _: ())
    elif directory is not None:
        render.show([render.line(), f"The store is in {directory}: try 'wisedb -C {quoted(str(directory))} log'."])
    else:
        render.show([render.line(), "'wisedb demo --dir DIR' keeps the store, for you to look around."])


def _edits(data: Path | None) -> list[Edit]:
    from wisedb.atlas import edits_path
    from wisedb.importers import read_edits

    edits = read_edits(data if data is not None else edits_path())
    if len(edits) < FIRST + SECOND:
        raise InputError(
            f"the tour needs {FIRST + SECOND} edits, {data} holds {len(edits)}", hint="Give a file with more edits."
        )
    return edits[: FIRST + SECOND]


class Tour:
    """The steps, told as they happen.

    Attributes:
        steps: ``{"step", "command", "result"}`` each; ``result`` is what the command prints with ``--json``. A step
            that asks something has also ``"checks": [{"prompt", "expected", "ok"}…]``.
    """

    def __init__(self, session: Session, folder: Path, edits: Sequence[Edit]) -> None:
        self.steps: list[dict[str, Any]] = []
        self._session = session
        self._folder = folder
        self._first, self._second = edits[:FIRST], edits[FIRST:]
        self._author = session.who() or "demo"

    def run(self, model: str, settings: dict[str, Setting]) -> None:
        """The whole tour, on a base model with settings for its editor."""
        from wisedb.repository import Repository

        monday, tuesday = self._first[0], self._second[0]
        unrelated = [item.prompt for item in monday.locality[:1]]

        self._tell("A store remembers what was corrected in one base model.")
        with self._session.progress(lines=False) as progress:
            repository = Repository.init(
                self._folder, model=model, settings=settings, author=self._author, progress=progress
            )
        self._step("init", ["init", str(self._folder), "--model", model], init.document(repository), init.created)

        self._tell("What does the model say before anything is corrected?")
        before = self._ask(repository, "ask before", [monday.prompt, *unrelated, tuesday.prompt])

        self._tell(f"On Monday {len(self._first)} corrections arrive. They are trained into the side memory.")
        self._commit(repository, "first commit", self._first, "monday.jsonl", "Monday's corrections")

        self._tell("Ask again: the edited prompt, the same in words that no training saw, and something unrelated.")
        rephrased = dict.fromkeys(monday.rephrases[:1], monday.target)
        same = {prompt: before[prompt] for prompt in unrelated}
        self._ask(repository, "ask edited, rephrased, unrelated", {monday.prompt: monday.target, **rephrased, **same})

        self._tell("On Tuesday some more arrive.")
        self._commit(repository, "second commit", self._second, "tuesday.jsonl", "Tuesday's corrections")

        self._tell("What did the second commit change?")
        difference = repository.diff("HEAD~1", "HEAD").to_json()
        self._step("diff", ["diff", "HEAD~1"], difference, differences)

        self._tell("Who is behind an answer, and since when?")
        self._step("blame", ["blame", tuesday.prompt], repository.blame(tuesday.prompt).to_json(), blamed)
        self._ask(repository, "ask the newest", {tuesday.prompt: tuesday.target})

        self._tell("Tuesday's corrections were a mistake: back to Monday, as a new commit, with the history whole.")
        undone = repository.rollback("HEAD~1", author=self._author).to_json()
        self._step("rollback", ["rollback", "HEAD~1"], undone, lambda made: moved(made, "Rolled back in"))

        self._tell("Is Tuesday's gone, and Monday's still there?")
        self._ask(repository, "ask again", {tuesday.prompt: before[tuesday.prompt], monday.prompt: monday.target})

        self._tell("Every object is checked against its hash.")
        self._step("fsck", ["fsck"], repository.fsck().to_json(), checked)

    def _ask(self, repository: Repository, step: str, prompts: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
        """Ask prompts, hold the answers against those that are expected, and return them."""
        from wisedb.serving.exact_match import same_answer

        found = [answer.to_json() for answer in repository.generate(list(prompts))]
        said = {answer["prompt"]: str(answer["text"]) for answer in found}
        self._step(step, ["generate", *prompts], found, answers)
        if isinstance(prompts, Mapping):
            checks = [
                {"prompt": prompt, "expected": wanted, "ok": same_answer(said[prompt], wanted)}
                for prompt, wanted in prompts.items()
            ]
            self.steps[-1]["checks"] = checks
            self._show(_checked(checks))
        return said

    def _commit(self, repository: Repository, step: str, edits: Sequence[Edit], name: str, message: str) -> None:
        # Real files, so that every command of the tour can be typed again in the folder.
        path = self._folder / name
        path.write_text("".join(f"{json.dumps(edit.content(), ensure_ascii=False)}\n" for edit in edits), "utf-8")
        self._show(render.line("    ", edit.prompt, " ", (edit.target, "bold")) for edit in edits)
        with self._session.progress(lines=False) as progress:
            made = repository.commit(list(edits), message, author=self._author, progress=progress)
        document = {**made.to_json(), "message": message}
        self._step(step, ["commit", name, "-m", message], document, commit.committed)

    def _tell(self, text: str) -> None:
        self._show([render.line(), render.line((text, "italic"))])

    def _step(self, step: str, words: Sequence[str], result: Any, renderer: Renderer) -> None:
        typed = " ".join(["wisedb", *map(quoted, words)])
        self.steps.append({"step": step, "command": typed, "result": result})
        self._show([render.line((f"$ {typed}", "bold cyan")), *renderer(result)])

    def _show(self, lines: render.Lines) -> None:
        if not self._session.as_json:
            render.show(lines)


def _checked(checks: Sequence[Mapping[str, Any]]) -> render.Lines:
    missed = [check for check in checks if not check["ok"]]
    if not missed:
        yield render.line(("✓ as it should be", "green"))
    for check in missed:
        yield render.line((f"✗ {check['prompt']} should be answered by {check['expected']}", "red"))


def quoted(word: str) -> str:
    """The word as a person would type it in a shell: bare, in double quotes, or, if it must be, as shlex has it."""
    if re.fullmatch(r"[\w./:@%+=,-][\w./:@%+=,~-]*", word, re.ASCII):
        return word
    return shlex.quote(word) if re.search(r'["$`\\!\n]', word) else f'"{word}"'
