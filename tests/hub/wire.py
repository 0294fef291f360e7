"""HTTP as the rest of the Hub sees it: a request that was read whole, a reply that is written whole, an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: ``GET``, ``HEAD``, ``POST``, ``PUT`` or ``DELETE``.
        target: path and query as they came, still percent-encoded.
        headers: looked up without regard to case.
        body: the whole body, chunked transfers already joined.
    """

    method: str
    target: str
    headers: Message
    body: bytes = b""

    @property
    def raw_path(self) -> str:
        """The path, still percent-encoded: ``%2F`` inside a revision isn't a separator."""
        return urlsplit(self.target).path

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def option(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        return self.option(name).lower() in {"1", "true"}

    @property
    def token(self) -> str | None:
        """The bearer token, None without an ``Authorization`` header."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return value.strip() if scheme.lower() == "bearer" else None

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def lines(self) -> list[Any]:
        """The body read as NDJSON."""
        return [json.loads(line) for line in self.body.splitlines() if line.strip()]


@dataclass(slots=True)
class Reply:
    """One reply.

    Attributes:
        body: what a GET is answered with; a HEAD gets the same headers, its length among them, and no body.
        files: what travelled with this exchange, in either direction, as ``org/name:path`` or ``sha256:…``.
        cut_after: close the connection after so many bytes of the body.
        silent: close the connection without a word.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    files: tuple[str, ...] = ()
    cut_after: int | None = None
    silent: bool = False


class HubError(Exception):
    """A refusal, with the headers the client tells refusals apart by."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.reply = refusal(status, message, code, headers)


def refusal(status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """``{"error": message}`` with ``X-Error-Message`` and, where there is one, ``X-Error-Code``."""
    reply = as_json({"error": message}, status)
    reply.headers["X-Error-Message"] = message
    if code:
        reply.headers["X-Error-Code"] = code
    reply.headers.update({name.replace("_", "-"): value for name, value in (headers or {}).items()})
    return reply


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"Content-Type": "application/json; charset=utf-8", **named}, json.dumps(value).encode())


def as_file(request: Request, content: bytes, headers: Mapping[str, str], files: tuple[str, ...] = ()) -> Reply:
    """The bytes of a file, or the range of them that was asked for (206; 416 where it starts behind the end)."""
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **headers}
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if wanted is None or wanted.group(1) == wanted.group(2) == "":
        return Reply(200, headers, content, files)
    first, last = wanted.groups()
    size = len(content)
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= max(size, 1):
        return Reply(416, {**headers, "Content-Range": f"bytes */{size}"})
    return Reply(206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}, content[start:stop], files)
