"""``wisedb``: the group of all commands, and the one place where a failure ends."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from wisedb import __version__
from wisedb.errors import WisedbWarning

from . import failures
from .commands import SECTIONS
from .lazy import LazyGroup
from .preferences import defaults
from .session import Session

# Other libraries' chatter; the user's own settings win.
QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",  # its warnings hold signed addresses
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="\b\nExamples:\n  wisedb demo\n  wisedb init --model atlas\n  wisedb -C ~/facts log -n 5",
)
@click.option(
    "-C",
    "directory",
    metavar="DIR",
    envvar="WISEDB_DIR",
    show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Look for the store from DIR upward instead of from the working directory.",
)
@click.option(
    "--base",
    metavar="PATH",
    envvar="WISEDB_BASE",
    show_envvar=True,
    help="Take the base model from PATH (a folder, a GGUF file or a Hub id) instead of where the store says.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say only what was asked for and what failed.")
@click.option("-v", "--verbose", is_flag=True, help="Say each phase of long work, without a terminal too.")
@click.option("--no-pager", is_flag=True, help="Show long listings at once, without a pager.")
@click.option("--debug", is_flag=True, help="Show tracebacks, and what other libraries have to say.")
@click.version_option(__version__, prog_name="wisedb", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    ctx: click.Context,
    directory: Path | None,
    base: str | None,
    quiet: bool,
    verbose: bool,
    no_pager: bool,
    debug: bool,
) -> None:
    """git for what a language model knows: versioned corrections with WISE side memories.

    REV is a branch, a tag, the first 4 or more digits of a commit id, HEAD, HEAD~n, REV^ or @{n} from the reflog.
    Every command takes --json, and then prints exactly one JSON document; chat prints one a reply.
    """
    call = ctx.obj
    ctx.obj = Session(directory=directory, debug=debug, base=base, quiet=quiet, verbose=verbose, paged=not no_pager)
    if isinstance(call, Call):
        call.session = ctx.obj
    ctx.default_map = defaults(ctx.obj.preferences)
    if not debug:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
    # As before when the command has ended.
    ctx.with_resource(warnings.catch_warnings())
    if not debug:
        warnings.simplefilter("ignore")
    warnings.simplefilter("always", WisedbWarning)
    warnings.showwarning = partial(failures.show_warning, ctx.obj, warnings.showwarning)


@dataclass(slots=True)
class Call:
    """One call of the command line, as far as it got.

    Attributes:
        session: what it carries, once it has one.
        interrupted: whether Ctrl-C was pressed.
    """

    session: Session | None = None
    interrupted: bool = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Remember that Ctrl-C was pressed: who imports a library may take the exception for a failure of its own."""
        self.interrupted = True
        raise KeyboardInterrupt

    @property
    def moved(self) -> int:
        """How many refs have moved."""
        return 0 if self.session is None else sum(store.refs.moved for store in self.session.opened)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever goes wrong is told on stderr.

    Args:
        arguments: the words after ``wisedb``.
    """
    as_json = failures.wants("--json", arguments)
    debug = failures.wants("--debug", arguments)
    call = Call()
    before = _listen(call)
    try:
        code = cli.main(list(arguments), prog_name="wisedb", standalone_mode=False, obj=call)
        # What is still buffered belongs to the command: a full disk behind stdout must not pass for success.
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        if as_json:
            return failures.report(error, as_json=True, debug=debug)
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except BrokenPipeError:
        _settle_stdout()
        return 1  # the reader has gone (`wisedb log | head`): nothing to say, nobody to say it to
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last floor: no traceback may leave
        _settle_stdout()
        if call.interrupted or isinstance(error, KeyboardInterrupt):
            error = failures.Interrupted(call.moved)
        return failures.report(error, as_json=as_json, debug=debug)
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _listen(call: Call) -> Callable[[int, FrameType | None], object] | None:
    """Hear of Ctrl-C, where one hears of it at all: what was listening before."""
    try:
        before = signal.getsignal(signal.SIGINT)
        if not callable(before):
            return None
        signal.signal(signal.SIGINT, call.stop)
    except ValueError:
        return None  # in a thread
    return before


def _settle_stdout() -> None:
    """Drop what stdout can't take: the interpreter flushes it once more at its end, and would fail again."""
    try:
        sys.stdout.flush()
    except OSError:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)


def main() -> NoReturn:
    """The entry point of the ``wisedb`` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a letter is no reason to fail
    code = run(sys.argv[1:])
    # What was asked for is done or has failed, and was told: nothing that comes now changes that.
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
