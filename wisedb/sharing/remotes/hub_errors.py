"""What goes wrong at the Hub, said in one line with what to do about it.

Messages of ``huggingface_hub`` hold URLs, and those of its storage hold signatures: none of them is passed on. What the
Hub itself says (``server_message``) is, without any address.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Final

from huggingface_hub import constants, errors

from wisedb.errors import (
    MissingObject,
    NoSpace,
    NotAuthorized,
    PushRejected,
    RemoteError,
    RemoteNotFound,
    RemoteUnavailable,
    StoreNotWritable,
    UsageError,
    WisedbError,
)

# The HTTP library changed its name between versions of huggingface_hub; its root error is imported there.
HTTPError: Final[type[Exception]] = errors.HTTPError  # type: ignore[attr-defined]

LOG_IN: Final = "log in with `hf auth login`, or set HF_TOKEN"
PULL: Final = "Run `wisedb pull`, then push again."

_AGAIN: Final = "Try again later; what was sent already is not sent again."
_XET: Final = "Try again; where the Hub's Xet storage can't be reached, setting HF_HUB_DISABLE_XET=1 helps."
_ADDRESS: Final = re.compile(r"\S*://\S*")
_LONGEST: Final = 200

_LOCAL: Final = (errors.OfflineModeIsEnabled, FileNotFoundError, PermissionError, IsADirectoryError)

CAUGHT: Final = (HTTPError, OSError, ValueError, RuntimeError, errors.EntryNotFoundError)
"""All that ``huggingface_hub`` raises; a ``RuntimeError`` comes from its uploads."""


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository, as messages name it.

    Attributes:
        repo: ``org/name``.
        endpoint: the Hub's address.
    """

    repo: str
    endpoint: str

    @property
    def page(self) -> str:
        """The page that people look at."""
        return f"{self.endpoint}/{self.repo}"


@contextmanager
def hub_errors(repository: HubRepository, *, writing: bool = False) -> Iterator[None]:
    """Whatever the Hub or the way to it raises inside, as an error of wisedb.

    Args:
        repository: the repository.
        writing: whether it is known to be there, so that "not found" means "not allowed".
    """
    try:
        yield
    except WisedbError:
        raise
    except CAUGHT as error:
        raise translated(error, repository, writing=writing) from error


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error came with."""
    return int(error.response.status_code) if isinstance(error, errors.HfHubHTTPError) else None


def is_open(error: BaseException) -> bool:
    """Whether it is open if the request was carried out: the answer was lost, or was a server's error."""
    status = status_of(error)
    if status is not None:
        return status >= 500 or status == 408
    # An answer that can't be read is a lost one.
    if isinstance(error, HTTPError | JSONDecodeError):
        return True
    return isinstance(error, OSError) and not isinstance(error, _LOCAL)


def translated(error: BaseException, repository: HubRepository, *, writing: bool = False) -> WisedbError:
    """The error of wisedb for one of ``huggingface_hub``."""
    if isinstance(error, errors.OfflineModeIsEnabled):
        return RemoteUnavailable(
            "the Hub is switched off by HF_HUB_OFFLINE", hint="Unset HF_HUB_OFFLINE, or work with what is here."
        )
    if isinstance(error, errors.LocalEntryNotFoundError):
        if isinstance(error.__cause__, CAUGHT) and error.__cause__ is not error:
            return translated(error.__cause__, repository, writing=writing)
        return _unreachable(repository)
    if isinstance(error, errors.LocalTokenNotFoundError):
        return NotAuthorized("there is no token for the Hub", hint=f"For this, {LOG_IN}.")
    if isinstance(error, errors.HfHubHTTPError):
        return _answered(error, repository, writing)
    if isinstance(error, errors.EntryNotFoundError):
        return MissingObject(
            f"'{repository.repo}' lacks a file that its manifest names", hint="Ask whoever published it."
        )
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"the Hub doesn't take '{repository.repo}' as a name", hint="A name is org/name.")
    if isinstance(error, RuntimeError):
        if isinstance(error.__cause__, CAUGHT) and error.__cause__ is not error:
            return translated(error.__cause__, repository, writing=writing)
        return RemoteUnavailable(f"the upload to '{repository.repo}' failed", hint=_XET)
    if isinstance(error, OSError):
        return _of_the_system(error, repository)
    if isinstance(error, HTTPError):
        return _unreachable(repository)
    if isinstance(error, JSONDecodeError):
        return RemoteUnavailable(f"what answers at {repository.endpoint} is no Hub", hint="Check HF_ENDPOINT.")
    return RemoteError(f"the Hub's client refuses this at '{repository.repo}': {_said(str(error))}")


def _answered(error: errors.HfHubHTTPError, repository: HubRepository, writing: bool) -> WisedbError:
    """What the Hub answered with a status."""
    status, said = error.response.status_code, _said(error.server_message or "")
    if isinstance(error, errors.GatedRepoError):
        return NotAuthorized(
            f"'{repository.repo}' is gated, and you have no access to it",
            hint=f"Accept its conditions at {repository.page}; then {LOG_IN}.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return RemoteNotFound(
            f"'{repository.repo}' has no such branch, tag or commit",
            hint=f"`wisedb ls-remote {repository.repo}` shows those that it has.",
        )
    if isinstance(error, errors.EntryNotFoundError):
        return MissingObject(
            f"'{repository.repo}' lacks a file that its manifest names", hint="Ask whoever published it."
        )
    if status == 401 and "Authorization header" in (error.server_message or ""):
        return NotAuthorized("the Hub doesn't know your token", hint=f"It may have expired: {LOG_IN}.")
    if isinstance(error, errors.RepositoryNotFoundError) and not writing:
        return RemoteNotFound(
            f"there is no repository '{repository.repo}' on the Hub, or you may not see it",
            hint=f"Check the name; if it is private, {LOG_IN}.",
        )
    if isinstance(error, errors.DisabledRepoError):
        return RemoteUnavailable(f"the Hub has disabled '{repository.repo}'", hint=f"See {repository.page}.")
    if status in (401, 404) and writing:
        return NotAuthorized(f"you may not write to '{repository.repo}'", hint=f"With a token that may, {LOG_IN}.")
    if status in (401, 403):
        return NotAuthorized(
            f"the Hub doesn't allow this at '{repository.repo}'{said and ': '}{said}",
            hint=f"With a token that may, {LOG_IN}; `hf auth whoami` tells who you are.",
        )
    if status in (409, 412):
        return PushRejected(f"'{repository.repo}' has changed in the meantime; nothing was published", hint=PULL)
    if status == 429:
        return RemoteUnavailable("the Hub asks to slow down: too many requests", hint=_AGAIN)
    if status >= 500 or status == 408:
        return RemoteUnavailable(f"the Hub failed with status {status} at '{repository.repo}'", hint=_AGAIN)
    return RemoteError(f"the Hub refuses this with status {status} at '{repository.repo}'{said and ': '}{said}")


def _of_the_system(error: OSError, repository: HubRepository) -> WisedbError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            "there is no room left for what the Hub sends", hint="Make room, or set HF_HOME and TMPDIR to another disk."
        )
    if type(error).__module__ == "hf_xet" or type(error) is ConnectionError:
        # There is no way back from Xet to LFS inside the client: without a token for Xet it stops here.
        return RemoteUnavailable(f"the Hub's Xet storage can't be reached for '{repository.repo}'", hint=_XET)
    if isinstance(error, PermissionError):
        return StoreNotWritable(
            f"the Hub's cache can't be written: {constants.HF_HUB_CACHE}", hint="Set HF_HOME to a folder of yours."
        )
    return _unreachable(repository)


def _unreachable(repository: HubRepository) -> WisedbError:
    return RemoteUnavailable(
        f"the Hub at {repository.endpoint} can't be reached", hint="Check the network, and try again."
    )


def _said(message: str) -> str:
    """The Hub's own words on one line, without addresses."""
    line = " ".join(_ADDRESS.sub("…", message).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
