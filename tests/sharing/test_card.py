from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.store.conftest import Kit
from wisedb.config import BaseModel, StoreConfig
from wisedb.edits import Edit
from wisedb.sharing.card import NEWEST, Described, Origin, describe, model_card, render
from wisedb.sharing.card_merge import DATASET
from wisedb.sharing.card_template import BEGIN, END
from wisedb.sharing.markdown import plain
from wisedb.sharing.public_base import PublicBase, public_base
from wisedb.store.commits import Commit
from wisedb.store.store import Store

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


def seen(text: str) -> str:
    """What :func:`plain` promises to show of a text."""
    tokens = MARKDOWN.parseInline(plain(text, 200))
    return "".join(child.content for token in tokens for child in token.children or [])


# --------------------------------------------------------------------------------------------------------- escapes


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


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), TEXTS)
def test_edits_fill_their_own_cells_and_nothing_else(texts: list[tuple[str, str, str, str]], author: str) -> None:
    edits = [
        Edit(f"p{prompt}", f"t{target}", ground_truth=before, reason=reason) for prompt, target, before, reason in texts
    ]
    edits = list({edit.id: edit for edit in edits}.values()) if all(_encodable(e) for e in edits) else []
    author = " ".join(author.replace("\n", " ").split()) or "Ada"
    card = render(described(*edits, author=author), HUB, url="hf://org/name")

    parsed = ModelCard(card)
    assert parsed.data.to_dict() == ModelCard(render(described(), HUB, url="hf://org/name")).data.to_dict()
    assert card.count(BEGIN) == card.count(END) == 1
    if edits:
        found = rows(card, "prompt")
        assert [row[:4] for row in found] == [
            [seen(e.prompt), seen(e.target), seen(e.ground_truth or ""), seen(e.reason or "")] for e in edits
        ]
        assert all(row[4].endswith(f", 2026-01-01, {ID[:12]}") for row in found)


def _encodable(edit: Edit) -> bool:
    try:
        return bool(edit.id)
    except (UnicodeEncodeError, ValueError):
        return False


# ------------------------------------------------------------------------------------------------------ what it says


def test_the_metadata_are_those_of_an_adapter() -> None:
    data = ModelCard(render(described(KIT.edit()), HUB, url="hf://org/name")).data
    assert data.to_dict() == {
        "base_model": "org/base",
        "base_model_relation": "adapter",
        "library_name": "wisedb",
        "license": "mit",
        "pipeline_tag": "text-generation",
        "tags": ["wisedb", "knowledge-editing", "model-editing", "wise"],
    }


def test_scores_become_a_model_index_and_a_table() -> None:
    record = {
        "n": 3, "reliability": 0.98765, "generalization": 0.5, "locality": 1.0, "exact_match": None,
        "exact_match_rephrase": float("nan"), "base": {"reliability": 0.25, "generalization": None},
    }  # fmt: skip
    card = render(described(scores={"retrieve": record, "merge-data": record}), HUB, url="hf://org/name")
    results = data_of(card).eval_results or []
    assert {(r.dataset_config, r.metric_type, r.metric_value) for r in results} == {
        (name, figure, value)
        for name in ("retrieve", "merge-data")
        for figure, value in (("reliability", 0.9877), ("generalization", 0.5), ("locality", 1.0))
    }
    assert {(r.dataset_type, r.dataset_revision, r.task_type) for r in results} == {(DATASET, ID, "text-generation")}
    assert rows(card, "") == [
        ["unedited model (chosen records)", "3", "0.250", "–", "1.000", "–", "–"],
        ["merge (chosen records)", "3", "0.988", "0.500", "1.000", "–", "–"],
        ["unedited model", "3", "0.250", "–", "1.000", "–", "–"],
        ["retrieve", "3", "0.988", "0.500", "1.000", "–", "–"],
    ]


def test_without_an_evaluation_the_last_edits_are_what_was_measured() -> None:
    what = Described(ID, commit(scores={"reliability": 0.75}))
    (result,) = data_of(render(what, HUB)).eval_results or []
    assert (result.metric_type, result.metric_value) == ("reliability", 0.75)
    assert "right after they were written" in result.dataset_name


def test_how_to_load_names_the_pack_but_never_a_folder() -> None:
    card = render(described(), HUB, url="hf://org/name")
    assert 'wisedb.load("org/name")' in card and 'wisedb.load("org/name", mode="merge")' in card
    assert "wisedb clone org/name corrections\n```" in card and "# org/name\n" in card
    assert 'wisedb.load("s3://bucket/x")' in render(described(), HUB, url="s3://bucket/x")
    assert "/home/ada" not in render(described(), HUB, url="/home/ada/pack")


def test_an_address_that_is_no_address_is_not_shown() -> None:
    assert "evil" not in render(described(), HUB, url='hf://org/n")\n```\nevil')


def test_an_author_keeps_the_address_to_himself() -> None:
    edit = KIT.edit()
    origin = {edit.id: Origin("Ada", "2026-01-01", ID)}
    assert rows(render(Described(ID, commit(), [edit], 1, origin), HUB), "prompt")[0][4].startswith("Ada, ")


# ------------------------------------------------------------------------------------------------------ of a store


def _store(path: Path) -> Store:
    return Store.init(path / "s", StoreConfig(KIT.base), commit())


def test_a_store_is_described(tmp_path: Path) -> None:
    store = _store(tmp_path)
    first, second = KIT.edit(1), KIT.edit(2, "Perth")
    one = KIT.write(store, first, minute=1)
    two = KIT.write(store, first, second, minute=2)
    store.scores.put(two, "retrieve", {"n": 2, "reliability": 1.0})
    what = describe(store, two)
    assert [edit.target for edit in what.newest] == ["Perth", "Canberra"] and what.facts == 2
    assert what.origins[second.id].commit == two and what.origins[second.id].author == "Ada"
    assert what.scores == {"retrieve": {"n": 2, "reliability": 1.0}}
    card = model_card(store, two)
    assert "**2 edited facts**" in card and "example.org" not in card
    assert "**1 edited fact**" in model_card(store, one)


def test_of_many_facts_the_newest_are_listed(tmp_path: Path) -> None:
    store = _store(tmp_path)
    edits = [KIT.edit(number) for number in range(NEWEST + 7)]
    tip = KIT.write(store, *edits)
    card = model_card(store, tip)
    listed = rows(card, "prompt")
    assert len(listed) == NEWEST and listed[0][0] == edits[-1].prompt
    assert f"The newest {NEWEST}, and 7 more: `wisedb facts` lists them all." in card


def test_a_store_without_edits_has_a_card_too(tmp_path: Path) -> None:
    store = _store(tmp_path)
    tip = store.refs.read("HEAD")
    assert tip is not None
    card = model_card(store, tip)
    assert "**0 edited facts**" in card and "None yet." in card


# ---------------------------------------------------------------------------------------------- the base model


def _base(model: str) -> BaseModel:
    return BaseModel(model, None, "a" * 64, "b" * 64)


def test_a_folder_is_not_published(tmp_path: Path) -> None:
    folder = tmp_path / "secret-project"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: llama2\n---\n")
    base = public_base(_base(str(folder)))
    assert base == PublicBase(None, None, licence={"license": "llama2"})
    card = render(Described(ID, Commit((), "A", "2026-01-01T00:00:00Z", "", _base(str(folder)))), base)
    assert "secret-project" not in card and "can't be named here" in card
    assert 'model="FOLDER-OF-THE-BASE-MODEL", mode="merge")' in card and "--model FOLDER-OF-THE-BASE-MODEL\n" in card
    assert "base_model" not in ModelCard(card).data.to_dict()


def test_the_model_inside_has_no_repository() -> None:
    card = render(described(), public_base(_base("atlas")))
    data = ModelCard(card).data.to_dict()
    assert data["license"] == "apache-2.0" and "base_model" not in data and "ships inside wisedb" in card


def test_a_folder_of_the_hubs_cache_names_its_repository(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "models--some-org--some-model" / "snapshots" / ("1" * 40)
    folder.mkdir(parents=True)
    assert public_base(_base(str(folder))) == PublicBase("some-org/some-model", "1" * 40)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("license: apache-2.0", {"license": "apache-2.0"}),
        (
            "license: other\nlicense_name: my-licence\nlicense_link: LICENSE",
            {
                "license": "other",
                "license_name": "my-licence",
                "license_link": "https://huggingface.co/some-org/model/blob/main/LICENSE",
            },
        ),
        ("license: 'evil\n\n  ---\n\n  x'", {}),
        ("license: other\nlicense_link: 'javascript:alert(1)'", {"license": "other"}),
        ("license: [mit]", {}),
        ("license: }", {}),
        ("- a", {}),
    ],
)
def test_the_licence_is_what_the_bases_card_says(tmp_path: Path, metadata: str, licence: dict[str, str]) -> None:
    folder = tmp_path / "models--some-org--model" / "snapshots" / ("1" * 40)
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(f"---\n{metadata}\n---\n")
    assert public_base(_base(str(folder))).licence == licence


# ------------------------------------------------------------------------------------------ the card that is there


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


OURS = st.sampled_from(["tags", "license", "base_model", "model-index"])
KEYS = st.text("abcdefgh_-", min_size=1, max_size=8)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists, max_leaves=5)


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
