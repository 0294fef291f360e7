"""Cards to look at, texts that try to be more than text, and what a reader sees of them."""

from __future__ import annotations

from typing import Any

from huggingface_hub import ModelCard, ModelCardData
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.store.conftest import Kit
from wisedb.edits import Edit
from wisedb.sharing.card import Described, Origin
from wisedb.sharing.card_template import BEGIN, END
from wisedb.sharing.markdown import plain
from wisedb.sharing.public_base import PublicBase
from wisedb.store.commits import Commit


def seen(text: str) -> str:
    """What :func:`plain` promises to show of a text."""
    tokens = MARKDOWN.parseInline(plain(text, 200))
    return "".join(child.content for token in tokens for child in token.children or [])


KIT = Kit()


ID = "c" * 64


HUB = PublicBase("org/base", "1" * 40, licence={"license": "mit"})


MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")


# What would hurt, and anything else.
NASTY = st.sampled_from(
    [
        "a | b", "a\n| x | y |", "\n---\nlicense: evil\n---\n", "<script>alert(1)</script>", BEGIN, END, "| --- |",
        "[click](javascript:x)", "![i](http://e.example/i.png)", "`code`", "``a`` | b", "**bold**", "{{ card_data }}",
        "{% for x in y %}", "&#124; &lt;b&gt;", "\\| \\", "http://e.example", "www.e.example", "a@e.example", "$$x$$",
        "\u202eevil", "a\r\nb", "\x00", "\x85| |", "\u2028", "~~gone~~", "# head", "\t- item", "\ud800", "1. x", "ﬁ｜",
    ]
)  # fmt: skip


TEXTS = st.one_of(NASTY, st.text(max_size=60), st.lists(NASTY, min_size=1, max_size=4).map("".join))


def commit(**fields: Any) -> Commit:
    return KIT.commit(message="why", **fields)


def described(*edits: Edit, author: str = "Ada <ada@example.org>", **fields: Any) -> Described:
    name = Commit(parents=(), author=author, date="2026-01-01T00:00:00Z", message="", base=KIT.base).author
    origins = {edit.id: Origin(name, "2026-01-01", ID) for edit in edits}
    return Described(ID, commit(), edits, len(edits), origins, **fields)


def data_of(card: str) -> ModelCardData:
    """The metadata of a card."""
    data = ModelCard(card).data
    assert isinstance(data, ModelCardData)
    return data


def rows(card: str, headed: str) -> list[list[str]]:
    """The cells of the table that has such a heading, as a reader sees their text."""
    tokens = MARKDOWN.parse(ModelCard(card).text)
    tables: list[list[list[str]]] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in ("td_open", "th_open"):
            assert following is not None
            children = following.children or []
            # Children of another type than text would be markup that an edit brought in.
            assert {child.type for child in children} <= {"text", "code_inline"} or tables[-1][0][0] == "base model"
            tables[-1][-1].append("".join(child.content for child in children))
    return next(table[1:] for table in tables if table[0] and table[0][0] == headed)
