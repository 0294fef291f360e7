"""``wisedb chat``: a conversation with the model at a commit."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from wisedb.errors import UsageError, WisedbError

from . import failures, render
from .generate import route
from .options import base_option, command, mode_option, revision
from .session import Session

if TYPE_CHECKING:
    from wisedb.serving.conversation import Conversation
    from wisedb.serving.generation import Generation

_TOKENS = 512

_COMMANDS = {
    "/base": "ask the unedited model the last question again; its reply is not kept",
    "/reset": "begin a new conversation (/clear does the same)",
    "/quit": "end (Ctrl-D does the same)",
    "/help": "show these; Ctrl-C ends a reply",
}


@command(
    "wisedb chat",
    'wisedb chat v1 --system "Be brief."',
    "wisedb chat --json < questions.txt",
    json_help="Print one JSON document a reply, each on a line of its own.",
)
@revision(default="HEAD")
@mode_option()
@click.option("--system", metavar="TEXT", help="The system message in front of the conversation.")
@click.option(
    "--max-new-tokens",
    metavar="N",
    type=click.IntRange(min=1),
    default=_TOKENS,
    show_default=True,
    help="Longest reply.",
)
@base_option()
def chat(session: Session, rev: str, mode: str, system: str | None, max_new_tokens: int) -> None:
    """Talk with the model at a commit.

    A conversation behind the model's chat template. Replies appear as they come about, and behind each
    stands which edit answered, if one did.

    /base asks the unedited model the last question again, /reset begins a new conversation, /help shows the
    commands, /quit or Ctrl-D ends; Ctrl-C ends a reply.

    Where stdin is no terminal, each line is a message or a command, and the first failure ends it.
    """
    repository = session.repository()
    with ExitStack() as opened:
        with session.progress() as progress:
            talk = repository.chat(rev, mode, system=system, max_new_tokens=max_new_tokens, progress=progress)
            conversation = opened.enter_context(talk)
        dialogue = Dialogue(session, conversation, by_hand=sys.stdin.isatty())
        if dialogue.by_hand:
            session.note(f"{repository.store.config.base.model} at {rev}. /help shows the commands, Ctrl-D ends.")
        dialogue.run()


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation that is read from stdin.

    Attributes:
        session: how to answer.
        conversation: the conversation.
        by_hand: whether somebody types at a terminal, and so can mend what went wrong.
    """

    session: Session
    conversation: Conversation
    by_hand: bool

    def run(self) -> None:
        """Answer line by line, to the end of stdin or ``/quit``."""
        for line in self._lines():
            if line == "/quit":
                return
            try:
                self._answer(line)
            except WisedbError as error:
                if not self.by_hand:
                    raise
                failures.report(error, as_json=self.session.as_json, debug=self.session.debug)

    def _lines(self) -> Iterator[str]:
        """What is asked, without blank lines."""
        for line in _typed() if self.by_hand else sys.stdin:
            if text := line.strip():
                yield text

    def _answer(self, line: str) -> None:
        # A message may begin with a path.
        if not line.startswith("/") or len(line.split()) > 1:
            self._show(lambda listen: self.conversation.say(line, listen))
        elif line == "/base":
            self._show(self.conversation.ask_base, base=True)
        elif line in ("/reset", "/clear"):
            self.conversation.reset()
            self.session.note("a new conversation")
        elif line == "/help":
            for name, text in _COMMANDS.items():
                self.session.note(f"{name:<7} {text}")
        else:
            raise UsageError(f"there is no command '{line}'", hint=f"There are: {', '.join(_COMMANDS)}.")

    def _show(self, ask: Callable[[Callable[[str], object] | None], Generation], *, base: bool = False) -> None:
        with _stopped_by_ctrl_c(self.conversation) if self.by_hand else nullcontext():
            found = ask(None if self.session.as_json else _write).to_json()
        if self.session.as_json:
            click.echo(render.as_json({**found, "base": base}, indent=None))
        else:
            click.echo()
            render.show(render.line((text, "dim")) for text in who_answered(found))


def who_answered(reply: Mapping[str, Any]) -> list[str]:
    """A line for each edit that answered, or else one that says who did."""
    said = [
        f"edit {span['edit'][: render.SHORT]} answered: '{reply['text'][span['start'] : span['end']]}'"
        for span in reply["spans"]
    ]
    return said or [f"[{route(reply)}]"]


def printable(text: str) -> str:
    """The text; its lines stay lines, and nothing else in it steers the terminal."""
    return "\t".join(map(render.clean_lines, text.split("\t")))


def _write(piece: str) -> None:
    click.echo(printable(piece), nl=False)


def _typed() -> Iterator[str]:
    """What somebody types, line by line; Ctrl-C drops the line."""
    with suppress(ImportError):
        import readline  # noqa: F401 - with it, lines can be edited and fetched again
    while True:
        try:
            if sys.stdout.isatty():
                yield input("> ")
            else:
                click.echo("> ", nl=False, err=True)
                yield input()
        except EOFError:
            click.echo(err=True)
            return
        except KeyboardInterrupt:
            click.echo(err=True)


@contextmanager
def _stopped_by_ctrl_c(conversation: Conversation) -> Iterator[None]:
    """Ctrl-C ends the reply that comes about; the next one does what it did before."""
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        conversation.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
