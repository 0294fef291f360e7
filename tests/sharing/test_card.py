from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sharing.cards import HUB, ID, KIT, TEXTS, commit, data_of, described, rows, seen
from wisedb.config import StoreConfig
from wisedb.edits import Edit
from wisedb.sharing.card import NEWEST, Described, Origin, describe, model_card, render
from wisedb.sharing.card_merge import DATASET
from wisedb.sharing.card_template import BEGIN, END
from wisedb.sharing.public_base import PublicBase
from wisedb.store.store import Store

# --------------------------------------------------------------------------------------------------------- escapes


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), TEXTS)
def test_edits_fill_their_own_cells_and_nothing_else(texts: list[tuple[str, str, str, str]], author: str) -> None:
    edits = [
        Edit(f"p{prompt}", f"t{target}", ground_truth=before, reason=reason)
        for prompt, target, before, reason in texts
        if all(map(_encodable, (prompt, target, before, reason)))
    ]
    edits = list({edit.id: edit for edit in edits}.values())
    author = " ".join(author.replace("\n", " ").encode(errors="ignore").decode().split()) or "Ada"
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


def _encodable(text: str) -> bool:
    """Half a letter is refused where an edit is made."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


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


def test_a_gguf_file_is_named_only_where_others_find_it() -> None:
    packed = Described(ID, replace(commit(), base=replace(KIT.base, gguf_file="a|b.gguf")))
    card = render(packed, HUB, url="hf://org/name")
    assert ["dequantised from", "a|b.gguf"] in rows(card, "base model")
    hidden = render(packed, PublicBase(None, None), url="hf://org/name")
    assert ["dequantised from", "a GGUF file"] in rows(hidden, "base model")
    assert 'model="PATH-OF-THE-BASE-MODEL.gguf")' in hidden
    assert "dequantised" not in render(described(), HUB, url="hf://org/name")


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


# ------------------------------------------------------------------------------------------ the card that is there
