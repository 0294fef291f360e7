"""Who makes a commit, when and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wisedb.errors import UsageError
from wisedb.store.dates import utc_now

ANONYMOUS: Final = "unknown"
"""The author where none is given; the command line knows better and says so."""


Author = str | Callable[[], str]
"""A name, or what gives one or raises."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who commits, when and why.

    Attributes:
        message: why; must not be empty.
        author: who, one line; or who finds out, asked only once a commit is really made.
        date: when, ISO 8601 in UTC; now by default.
        sign: makes a signature over the commit's bytes, as armoured text; ``None`` for an unsigned commit.
    """

    message: str
    author: Author | None = None
    date: str | None = None
    sign: Callable[[bytes], str] | None = None

    def checked(self) -> tuple[str, str, str]:
        """(author, date, message), the defaults filled in.

        Raises:
            UsageError: the message is empty.
        """
        if not self.message.strip():
            raise UsageError("a commit needs a message", hint="Say why, with -m MESSAGE.")
        given = self.author() if callable(self.author) else self.author
        author = " ".join((given or ANONYMOUS).split()) or ANONYMOUS
        return author, self.date or utc_now(), self.message.strip()
