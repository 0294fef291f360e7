"""What goes wrong at the Hub is told in one line, with what to do, and without anything secret."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest
from huggingface_hub import errors
from huggingface_hub.errors import HfHubHTTPError

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
from wisedb.sharing.remotes.hub_errors import HTTPError, HubRepository, hub_errors, is_open, translated

REPOSITORY = HubRepository("org/facts", "https://hub.example")
SECRET = "hf_secretsecret"
URL = f"https://storage.example/x?X-Amz-Signature={SECRET}"


class Response:
    """As much of an HTTP response as an error keeps."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}
        self.request = None


def http(status: int, kind: type[HfHubHTTPError] = HfHubHTTPError, said: str | None = None) -> HfHubHTTPError:
    error: Any = kind
    return error(f"{status} for url {URL}", response=Response(status), server_message=said)  # type: ignore[no-any-return]


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (http(403, errors.GatedRepoError), NotAuthorized, "gated"),
        (http(401, errors.RepositoryNotFoundError), RemoteNotFound, "there is no repository 'org/facts'"),
        (http(401, said="Invalid credentials in Authorization header"), NotAuthorized, "doesn't know your token"),
        (http(403, errors.DisabledRepoError), RemoteUnavailable, "disabled"),
        (http(404, errors.RevisionNotFoundError), RemoteNotFound, "no such branch, tag or commit"),
        (http(404, errors.RemoteEntryNotFoundError), MissingObject, "lacks a file"),
        (http(401), NotAuthorized, "doesn't allow"),
        (http(403, said="write token needed"), NotAuthorized, "write token needed"),
        (http(409), PushRejected, "changed in the meantime"),
        (http(412), PushRejected, "changed in the meantime"),
        (http(429), RemoteUnavailable, "slow down"),
        (http(408), RemoteUnavailable, "status 408"),
        (http(503), RemoteUnavailable, "status 503"),
        (http(400, errors.BadRequestError, f"Bad name.\nSee {URL}"), RemoteError, "at 'org/facts': Bad name. See …"),
        (http(413), RemoteError, "status 413"),
        (errors.OfflineModeIsEnabled("offline"), RemoteUnavailable, "HF_HUB_OFFLINE"),
        (errors.LocalEntryNotFoundError("gone"), RemoteUnavailable, "can't be reached"),
        (caused(errors.LocalEntryNotFoundError("x"), http(500)), RemoteUnavailable, "status 500"),
        (caused(errors.LocalEntryNotFoundError("x"), HTTPError("x")), RemoteUnavailable, "can't be reached"),
        (errors.LocalTokenNotFoundError("x"), NotAuthorized, "no token"),
        (errors.EntryNotFoundError("x"), MissingObject, "lacks a file"),
        (errors.HFValidationError("x"), UsageError, "as a name"),
        (ConnectionError(f"xet {URL}"), RemoteUnavailable, "Xet storage"),
        (ConnectionResetError("x"), RemoteUnavailable, "can't be reached"),
        (TimeoutError("x"), RemoteUnavailable, "can't be reached"),
        (HTTPError(f"no route to {URL}"), RemoteUnavailable, "the Hub at https://hub.example can't be reached"),
        (RuntimeError("upload"), RemoteUnavailable, "upload"),
        (caused(RuntimeError("upload"), http(403)), NotAuthorized, "doesn't allow"),
        (OSError(errno.ENOSPC, "full"), NoSpace, "no room"),
        (PermissionError(errno.EACCES, "x"), StoreNotWritable, "cache can't be written"),
        (json.JSONDecodeError("x", "<html>", 0), RemoteUnavailable, "is no Hub"),
        (ValueError(f"Invalid metadata in README.md.\n- bad {URL}"), RemoteError, "metadata in README.md. - bad …"),
    ],
)  # fmt: skip
def test_each_failure_is_told(error: Exception, kind: type[WisedbError], told: str) -> None:
    with pytest.raises(WisedbError) as caught, hub_errors(REPOSITORY):
        raise error
    assert type(caught.value) is kind and told in caught.value.message
    assert SECRET not in str(caught.value) + caught.value.hint and "\n" not in str(caught.value)
    assert caught.value.__cause__ is error
    if kind is not RemoteError:
        assert caught.value.hint


@pytest.mark.parametrize(
    "error", [http(401, errors.RepositoryNotFoundError), http(404, errors.RepositoryNotFoundError)]
)
def test_not_found_means_not_allowed_where_it_was_found_before(error: HfHubHTTPError) -> None:
    told = translated(error, REPOSITORY, writing=True)
    assert isinstance(told, NotAuthorized) and "hf auth login" in told.hint


def test_errors_of_wisedb_pass() -> None:
    with pytest.raises(PushRejected, match="mine"), hub_errors(REPOSITORY):
        raise PushRejected("mine")


def test_where_it_is_open_whether_it_happened() -> None:
    for error in (
        http(500),
        http(504),
        http(408),
        HTTPError("cut"),
        ConnectionResetError(),
        json.JSONDecodeError("", "", 0),
    ):
        assert is_open(error), error
    for error in (http(400), http(403), http(412), errors.OfflineModeIsEnabled("x"), ValueError(), FileNotFoundError()):
        assert not is_open(error), error


def test_long_words_are_cut() -> None:
    assert len(translated(http(400, said="x" * 5000), REPOSITORY).message) < 300
