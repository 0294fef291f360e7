"""Whatever stands in a text, in Markdown it is that text and nothing more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sharing.cards import MARKDOWN, TEXTS, seen
from wisedb.sharing.markdown import plain

# What would hurt, and anything else.


@settings(deadline=None)
@given(TEXTS)
def test_no_text_is_more_than_text(text: str) -> None:
    written = plain(text)
    assert not set(written) & set("|<>`*_[]{}\\\n\r\x00\u202e")
    tokens = MARKDOWN.parseInline(written)
    assert {child.type for token in tokens for child in token.children or []} <= {"text"}


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Z")), max_size=60))
def test_a_text_without_what_cannot_be_seen_is_shown_as_it_is(text: str) -> None:
    assert seen(text) == text


def test_white_space_and_what_is_not_seen() -> None:
    assert plain(" a\n\n b\t\u2028c ") == "a b c"
    assert seen("a\u202eb\x00") == "a\\u202eb\\u0000"
    assert plain("see www.e.example and WWW.x") == "see www&#46;e.example and WWW&#46;x"
    assert plain("x" * 50, 10) == "x" * 9 + "…"
