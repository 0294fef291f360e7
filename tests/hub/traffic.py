"""What went over the wire, so that a test can say "two files travelled, and nothing else"."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply.

    Attributes:
        kind: of the route: ``download``, ``upload``, ``commit``, ``resolve``, ``listing``, ``refs``, …; ``unknown``
            where no route matched.
        path: percent-decoded, without the query.
        user: name of who asked, ``anonymous`` without a token.
        received: bytes of the request's body.
        sent: bytes of the reply's body that were written; 0 for a HEAD.
        files: what travelled, as ``org/name:path`` (downloads, regular files in a commit) or ``sha256:…`` (uploads).
    """

    kind: str
    method: str
    path: str
    status: int
    user: str
    received: int
    sent: int
    files: tuple[str, ...]

    def matches(self, method: str, pattern: str) -> bool:
        return fnmatchcase(self.method, method) and fnmatchcase(self.path, pattern)


class Traffic:
    """Every exchange since the beginning, or since :meth:`clear`."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def clear(self) -> None:
        self.exchanges.clear()

    def count(self, method: str = "*", pattern: str = "*") -> int:
        """Requests with a method and a path, both with ``*`` for anything (slashes too)."""
        return sum(exchange.matches(method, pattern) for exchange in self.exchanges)

    def kinds(self) -> Counter[str]:
        """Requests by kind."""
        return Counter(exchange.kind for exchange in self.exchanges)

    def sent(self, kind: str | None = None) -> int:
        """Bytes the Hub sent in bodies, of one kind of exchange or of all."""
        return sum(exchange.sent for exchange in self.exchanges if kind in (None, exchange.kind))

    def received(self, kind: str | None = None) -> int:
        """Bytes the Hub got in bodies, of one kind of exchange or of all."""
        return sum(exchange.received for exchange in self.exchanges if kind in (None, exchange.kind))

    def downloaded(self) -> list[str]:
        """Files whose bytes were sent, in order, as ``org/name:path``; one that was asked for twice stands twice.

        Through Xet a file stands here when the client asked what it is made of; the bytes are those of xorbs.
        """
        return [
            file
            for exchange in self.exchanges
            if exchange.kind in {"download", "reconstruction"} and exchange.method == "GET" and exchange.status < 300
            for file in exchange.files
        ]

    def uploaded(self) -> list[str]:
        """What was sent to the Hub: ``sha256:…`` of objects, ``org/name:path`` of regular files in commits."""
        return [
            file
            for exchange in self.exchanges
            if exchange.kind in {"upload", "commit"} and exchange.status < 300
            for file in exchange.files
        ]
