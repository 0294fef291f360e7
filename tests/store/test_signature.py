"""Who commits, when and why: one line, now, and never without a reason."""

from __future__ import annotations

import pytest

from wisedb.errors import UsageError
from wisedb.store.dates import is_date
from wisedb.store.signature import ANONYMOUS, Signature


def test_what_is_given_is_kept_but_for_blanks() -> None:
    given = Signature(" why\n\nat length \n", " Ada\n <ada@example.org> ", "2026-01-01T00:00:00Z")
    assert given.checked() == ("Ada <ada@example.org>", "2026-01-01T00:00:00Z", "why\n\nat length")


@pytest.mark.parametrize("author", [None, "", " \n"])
def test_what_is_not_given_is_filled_in(author: str | None) -> None:
    who, when, _ = Signature("why", author).checked()
    assert who == ANONYMOUS and is_date(when)


@pytest.mark.parametrize("message", ["", " \n\t"])
def test_a_message_is_needed(message: str) -> None:
    with pytest.raises(UsageError, match="needs a message") as caught:
        Signature(message).checked()
    assert caught.value.hint
