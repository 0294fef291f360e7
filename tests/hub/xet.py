"""Xet over HTTP: the tokens the Hub gives out for the store, and the store itself, a server of its own.

The store speaks version 1 of the Xet protocol; what newer clients ask of version 2 is answered with 404, and they
fall back. It tells no client of chunks others have uploaded (global deduplication).
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any, Literal

from tests.hub.cas import Grant
from tests.hub.state import Call
from tests.hub.wire import HubError, Reply, as_file, as_json
from tests.hub.xet_formats import Term, XetFile

_LIFETIME = 3600
"""Seconds a token says it lasts."""


def read_token(call: Call) -> Reply:
    """``GET …/xet-read-token/{revision}`` of the Hub: who may read the files gets a token for the store."""
    repository = call.open_repository()
    repository.find(call["revision"])
    return _grant(call, "read", repository.id)


def write_token(call: Call) -> Reply:
    """``GET …/xet-write-token/{revision}`` of the Hub; for a pull request a reader may ask."""
    proposing = call.request.flag("create_pr")
    repository = call.proposable() if proposing else call.writable_at(call["revision"])
    return _grant(call, "write", repository.id)


def _grant(call: Call, scope: Literal["read", "write"], repo_id: str) -> Reply:
    if not call.state.xet:
        raise HubError(404, "Xet is not enabled for this repository.")
    token = f"xet_{scope}_{secrets.token_hex(8)}"
    call.state.cas.grants[token] = Grant(scope, repo_id, call.viewer.name)
    url, expires = call.state.cas_url, int(time.time()) + _LIFETIME
    return as_json(
        {"casUrl": url, "accessToken": token, "exp": expires},
        X_Xet_Cas_Url=url,
        X_Xet_Access_Token=token,
        X_Xet_Token_Expiration=str(expires),
    )


def put_xorb(call: Call) -> Reply:
    """``POST /v1/xorbs/default/{xorb}`` of the store."""
    _allowed(call, "write")
    try:
        inserted = call.state.cas.put_xorb(call["xorb"], call.request.body)
    except ValueError as error:
        raise HubError(400, str(error)) from error
    return as_json({"was_inserted": inserted})


def put_shard(call: Call) -> Reply:
    """``POST /v1/shards`` of the store: from here on the repository has the files of the shard."""
    grant = _allowed(call, "write")
    state = call.state
    try:
        files = state.cas.put_shard(call.request.body)
    except ValueError as error:
        raise HubError(400, str(error)) from error
    repository = state.repositories[grant.repo_id]
    for file, content in files.items():
        state.storage.objects[file.sha256] = content
        state.storage.xet[file.sha256] = file.hash
        repository.objects.add(file.sha256)
    reply = as_json({"result": 1})
    reply.files = tuple(f"sha256:{file.sha256}" for file in files)
    return reply


def reconstruction(call: Call) -> Reply:
    """``GET /v1/reconstructions/{file}`` of the store: which chunks of which xorbs, and signed URLs of those.

    With a ``Range`` the runs of chunks that touch it, and how much of the first is before it.
    """
    grant = _allowed(call, "read")
    file = call.state.cas.files.get(call["file"])
    if file is None:
        raise HubError(404, "File not found")
    wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", call.request.headers.get("Range", ""))
    first, last = (int(wanted[1]), int(wanted[2])) if wanted else (0, max(file.size - 1, 0))
    if first >= max(file.size, 1):
        raise HubError(416, "Range not satisfiable")
    skipped, terms = _touching(file, first, last)
    sources = {term.xorb: [_source(call, term.xorb, terms)] for term in terms}
    reply = as_json(
        {
            "offset_into_first_range": first - skipped,
            "terms": [
                {"hash": term.xorb, "unpacked_length": term.size, "range": {"start": term.start, "end": term.stop}}
                for term in terms
            ],
            "fetch_info": sources,
        }
    )
    reply.files = _names(call, grant, file) if first == 0 else ()
    return reply


def get_xorb(call: Call) -> Reply:
    """``GET /xorbs/{xorb}`` of the store, with the signature instead of a token: a range of the chunks."""
    call.require_signature()
    return as_file(call.request, call.state.cas.xorbs[call["xorb"]], {})


def _allowed(call: Call, scope: Literal["read", "write"]) -> Grant:
    grant = call.state.cas.grants.get(call.request.token or "")
    if grant is None:
        raise HubError(401, "Unauthorized")
    if scope == "write" and grant.scope != "write":
        raise HubError(403, "Forbidden")
    return grant


def _touching(file: XetFile, first: int, last: int) -> tuple[int, list[Term]]:
    """The terms that hold the bytes from ``first`` to ``last``, and how many bytes of the file come before them."""
    skipped, at = 0, 0
    found: list[Term] = []
    for term in file.terms:
        if at + term.size > first and at <= last:
            found.append(term)
        elif not found:
            skipped += term.size
        at += term.size
    return skipped, found


def _source(call: Call, xorb: str, terms: list[Term]) -> dict[str, Any]:
    """One stretch of a xorb that holds all the chunks some terms want of it."""
    start = min(term.start for term in terms if term.xorb == xorb)
    stop = max(term.stop for term in terms if term.xorb == xorb)
    chunks = call.state.cas.chunks(xorb)
    return {
        "range": {"start": start, "end": stop},
        "url": call.state.sign(f"/xorbs/{xorb}", call.state.store_url),
        "url_range": {"start": chunks[start].start, "end": chunks[stop - 1].stop - 1},
    }


def _names(call: Call, grant: Grant, file: XetFile) -> tuple[str, ...]:
    """What a file of the store is called in the repository the token is for."""
    repository = call.state.repositories[grant.repo_id]
    for commit in reversed(repository.commits.values()):
        for path, entry in commit.tree.items():
            if entry.xet == file.hash:
                return (f"{repository.id}:{path}",)
    return (f"xet:{file.hash}",)
