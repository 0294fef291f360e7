"""The page is one file that runs nothing but its own script, whatever anybody wrote into a store."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from tests.report.hostile import SPOOF, TEXTS, hostile_report
from wisedb.report import plots
from wisedb.report.ai_act import articles
from wisedb.report.page import page

VOID = {"meta", "br", "input", "path", "line", "rect", "circle"}


class Reader(HTMLParser):
    """Elements, attributes and texts as a browser's tokenizer would have them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, str] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self.open[-1] if self.open else ""
        self.texts[where] = self.texts.get(where, "") + data


@pytest.fixture(scope="module")
def read() -> Reader:
    report = hostile_report()
    return Reader(page(report, articles(report)))


def test_no_text_becomes_an_element_or_an_attribute(read: Reader) -> None:
    assert (read.tags["script"], read.tags["style"], read.tags["base"]) == (1, 1, 0)
    assert not {"img", "iframe", "object", "embed", "link", "audio", "video"} & set(read.tags)
    assert not [
        name for _, name, _ in read.attributes if name.startswith("on") or name in ("src", "style", "autofocus")
    ]
    assert {value[0] for _, name, value in read.attributes if name == "href"} == {"#"}
    assert [value for _, name, value in read.attributes if name == "http-equiv"] == ["Content-Security-Policy"]
    assert not read.open
    # The same elements as with harmless texts: whatever the texts are, they add nothing.
    harmless = hostile_report(tuple(f"plain {n}" for n in range(len(TEXTS))))
    assert Reader(page(harmless, articles(harmless))).tags == read.tags


def test_every_text_is_there_as_it_was_written(read: Reader) -> None:
    spans = read.texts["span"]
    for text in TEXTS:
        assert text in spans and text in read.texts["li"] + spans


def test_the_policy_knows_the_script_and_the_style_of_the_page_alone(read: Reader) -> None:
    policy = next(
        value for tag, name, value in read.attributes if tag == "meta" and name == "content" and "src" in value
    )
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(read.texts[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy


def test_nothing_is_fetched(read: Reader) -> None:
    ours = [(name, value) for _, name, value in read.attributes if not name.startswith(("xmlns", "data-"))]
    addresses = [value for _, value in ours if "//" in value]
    assert addresses == []
    assert "@import" not in read.texts["style"] and "url(" not in read.texts["style"]
    assert not re.search(r"fetch|XMLHttp|import\(|eval|innerHTML", read.texts["script"])


def test_what_turns_directions_is_shown_as_its_code() -> None:
    text = page(hostile_report((SPOOF,)))
    assert "\u202e" not in text and "\u0007" not in text
    assert r"safe\u202etxt.exe\u0007" in text


def test_what_was_not_asked_is_said_and_has_no_column() -> None:
    text = page(hostile_report(asked=None))
    assert "The model was not asked" in text and "What the model says" not in text
    assert "What the model says" in page(hostile_report())


def test_without_the_extra_there_are_tables_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<svg" in page(hostile_report())
    monkeypatch.setattr(plots, "_MODULES", ("no_such_module",))
    text = page(hostile_report())
    assert "<svg" not in text and "pip install" in text and "0.500" in text


def test_screen_readers_get_titles_and_heads(read: Reader) -> None:
    labelled = [value for tag, name, value in read.attributes if tag == "section" and name == "aria-labelledby"]
    ids = {value for _, name, value in read.attributes if name == "id"}
    assert labelled and set(labelled) <= ids
    scopes = [value for tag, name, value in read.attributes if tag == "th" and name == "scope"]
    assert len(scopes) == read.tags["th"]
    assert ("html", "lang", "en") in read.attributes
    named = [value for _, name, value in read.attributes if name == "href"]
    assert {value.removeprefix("#") for value in named} <= ids
    hidden = [tag for tag, name, value in read.attributes if name == "aria-hidden" and tag == "svg"]
    assert len(hidden) == read.tags["svg"] == read.tags["figure"]


def test_a_store_that_is_intact_says_so() -> None:
    assert "all is well" in page(hostile_report(ok=True)) and "all is well" not in page(hostile_report(ok=False))
