"""A card that is there already: the users' words and metadata stay."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.sharing.cards import HUB, KIT, TEXTS, data_of, described
from wisedb.sharing.card import render
from wisedb.sharing.card_merge import DATASET
from wisedb.sharing.card_template import BEGIN, END
from wisedb.sharing.public_base import PublicBase

OURS = st.sampled_from(["tags", "license", "base_model", "model-index"])


KEYS = st.text("abcdefgh_-", min_size=1, max_size=8)


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists, max_leaves=5)


def test_the_users_words_stay() -> None:
    first = render(described(KIT.edit(1)), HUB, url="hf://org/name")
    mine = first.replace("# org/name\n", "# Our corrections\n\nRead this first.\n") + "\nThanks to Ada.\n"
    second = render(described(KIT.edit(2)), HUB, url="hf://org/name", existing=mine)
    assert "# Our corrections\n\nRead this first." in second and second.endswith(f"{END}\n\nThanks to Ada.\n")
    assert "land 2" in second and "land 1" not in second and "# org/name\n" not in second


def test_a_card_without_the_section_gets_it_at_its_end() -> None:
    card = render(described(KIT.edit(1)), HUB, existing="---\nlicense: cc0-1.0\nextra: 2020-01-01\n---\n# My\n\nWords.")
    assert card.startswith("---\nlicense: cc0-1.0\nextra: 2020-01-01\n")
    assert f"---\n# My\n\nWords.\n\n{BEGIN}\n" in card and card.endswith(f"{END}\n")
    data = ModelCard(card).data.to_dict()
    assert data["license"] == "cc0-1.0" and data["base_model"] == "org/base"


def test_the_card_of_a_new_repository_gets_everything() -> None:
    card = render(described(), HUB, url="hf://org/name", existing="---\nlicense: mit\n---\n")
    assert card.count("# org/name\n") == 1 and BEGIN in card


def test_own_metadata_stay() -> None:
    old = {
        "language": ["en"], "tags": ["mine", "wise"], "library_name": "transformers", "pipeline_tag": None,
        "x": {"y": 1}, "license": "other", "license_name": "ours",
        "model-index": [
            {"name": "a", "results": [{"task": {"type": "t"}, "dataset": {"type": "d", "name": "d"}, "metrics": []}]},
            {"name": "b", "results": [{"dataset": {"type": DATASET}}]},
        ],
    }  # fmt: skip
    base = PublicBase("org/base", None, licence={"license": "mit", "license_link": "https://e.example/l"})
    what = described(scores={"retrieve": {"reliability": 1.0}})
    card = render(what, base, url="hf://org/name", existing=f"---\n{yaml.safe_dump(old)}---\nHi.\n")
    data = yaml.safe_load(card.split("---\n")[1])
    kept = {"language", "library_name", "x", "license", "license_name"}
    assert {key: data[key] for key in kept} == {key: old[key] for key in kept} and "license_link" not in data
    assert data["tags"] == ["mine", "wise", "wisedb", "knowledge-editing", "model-editing"]
    assert data["pipeline_tag"] == "text-generation"
    assert [model["name"] for model in data["model-index"]] == ["a", "org/name"]
    again = render(described(), base, url="hf://org/name", existing=card)
    assert [model["name"] for model in yaml.safe_load(again.split("---\n")[1])["model-index"]] == ["a"]


def test_comments_in_the_metadata_stay_where_nothing_changes() -> None:
    first = render(described(), HUB).replace("license: mit\n", "license: mit  # asked the lawyers\n")
    assert "# asked the lawyers" in render(described(KIT.edit(1)), HUB, existing=first)


@pytest.mark.parametrize("front", ["---\na: [\n---\n", "---\n- a\n---\n", "---\njust text\n---\n"])
def test_metadata_that_cannot_be_read_stay_as_text(front: str) -> None:
    card = render(described(), HUB, existing=f"{front}Words.\n")
    assert front in card and "Words." in card and data_of(card).library_name == "wisedb"
    assert render(described(), HUB, existing=card) == card


def test_line_ends_of_windows_stay() -> None:
    card = render(described(), HUB, existing="\ufeff---\r\nlicense: mit\r\n---\r\nWords.\r\n")
    assert card.count("\r\n") == card.count("\n") and "Words.\r\n" in card and not card.startswith("\ufeff")


def test_a_stray_marker_takes_nothing_along() -> None:
    existing = f"Before {BEGIN} my words.\n\n{BEGIN}\nold\n{END}\nafter {END}\n"
    card = render(described(), HUB, existing=existing)
    assert f"Before {BEGIN} my words." in card and f"after {END}\n" in card and "\nold\n" not in card


@settings(deadline=None)
@given(
    metadata=st.dictionaries(
        KEYS | st.sampled_from(["tags", "license", "base_model", "model-index"]), VALUES, max_size=5
    ),
    body=st.one_of(TEXTS, st.just(f"x {BEGIN} y {END} z"), st.just(END), st.just(f"{BEGIN} {BEGIN}")),
)
def test_writing_a_card_twice_is_writing_it_once(metadata: dict[str, Any], body: str) -> None:
    dumped = yaml.safe_dump(metadata, allow_unicode=True)
    assume(yaml.safe_load(dumped) == metadata)  # PyYAML has line breaks that it doesn't read back
    existing = f"---\n{dumped}---\n{body}" if metadata else body
    once = render(described(KIT.edit(1)), HUB, url="hf://org/name", existing=existing)
    assert render(described(KIT.edit(1)), HUB, url="hf://org/name", existing=once) == once
    data = yaml.safe_load(once.replace("\r\n", "\n").split("---\n")[1])
    for key in set(metadata) - {"tags", "model-index"}:
        if metadata[key] is not None:
            assert data[key] == metadata[key]
    assert "wisedb" in data["tags"]
