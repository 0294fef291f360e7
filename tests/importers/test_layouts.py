"""The layouts of the field, each as it was published."""

from __future__ import annotations

import pytest

from tests.importers.records import one, read
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import BadRecord


def test_zsre() -> None:
    edit = one(
        {
            "subject": "Mud Creek",
            "src": "Which river takes up Mud Creek?",
            "pred": "Slow River",
            "rephrase": "Where does Mud Creek flow to?",
            "alt": "Fast River",
            "answers": ["Wide River", "The Wide River"],
            "loc": "nq question: who wrote the almanac",
            "loc_ans": "Poor Peter",
            "cond": "Slow River >> Fast River || Which river takes up Mud Creek?",
        }
    )
    assert edit == Edit(
        prompt="Which river takes up Mud Creek?",
        target="Fast River",
        subject="Mud Creek",
        ground_truth="Wide River",
        rephrases=("Where does Mud Creek flow to?",),
        locality=(LocalityPrompt("nq question: who wrote the almanac", "Poor Peter"),),
        source="ZsRE",
    )


def test_flat_counterfact() -> None:
    edit = one(
        {
            "case_id": 9,
            "prompt": "Rufus Firefly, the",
            "target_new": "piano",
            "subject": "Rufus Firefly",
            "ground_truth": "guitar",
            "rephrase_prompt": "Rufus Firefly plays the",
            "locality_prompt": "Otis Driftwood plays the",
            "locality_ground_truth": " guitar",
        }
    )
    assert edit == Edit(
        prompt="Rufus Firefly, the",
        target="piano",
        subject="Rufus Firefly",
        ground_truth="guitar",
        rephrases=("Rufus Firefly plays the",),
        locality=(LocalityPrompt("Otis Driftwood plays the", "guitar"),),
        source="CounterFact",
    )


def test_nested_counterfact() -> None:
    edit = one(
        {
            "case_id": 0,
            "requested_rewrite": {
                "prompt": "The mother tongue of {} is",
                "relation_id": "P103",
                "target_new": {"str": "English", "id": "Q1"},
                "target_true": {"str": "French", "id": "Q2"},
                "subject": "Rufus Firefly",
            },
            "paraphrase_prompts": ["Rain fell. Rufus Firefly grew up with", "Rufus Firefly speaks"],
            "neighborhood_prompts": ["The mother tongue of Otis Driftwood is"],
            "generation_prompts": ["Rufus Firefly lives in"],
        }
    )
    assert edit == Edit(
        prompt="The mother tongue of Rufus Firefly is",
        target="English",
        subject="Rufus Firefly",
        ground_truth="French",
        rephrases=("Rain fell. Rufus Firefly grew up with", "Rufus Firefly speaks"),
        locality=(LocalityPrompt("The mother tongue of Otis Driftwood is", "French"),),
        source="CounterFact",
    )


def test_knowedit_with_groups_and_nested_answers() -> None:
    edit = one(
        {
            "subject": "Freedonia",
            "prompt": "The capital of Freedonia is",
            "target_new": "Fredville",
            "ground_truth": ["Marxburg"],
            "portability": {"Reasoning": [{"prompt": "The mayor of the capital is", "ground_truth": "Fred"}]},
            "locality": {
                "Relation_Specificity": [{"prompt": "The anthem of Freedonia is", "ground_truth": [["Hail"], ["Hey"]]}],
                "Forgetfulness": [{"prompt": "The flag of Freedonia is", "ground_truth": "blue"}],
            },
        }
    )
    assert edit.source == "KnowEdit"
    assert edit.ground_truth == "Marxburg"
    assert edit.rephrases == ()
    assert edit.locality == (
        LocalityPrompt("The anthem of Freedonia is", "Hail"),
        LocalityPrompt("The flag of Freedonia is", "blue"),
    )


def test_easyedit_with_parallel_lists() -> None:
    edit = one(
        {
            "prompt": "p",
            "target_new": "t",
            "rephrase_prompt": ["r1", "r2"],
            "locality": {"neighborhood": {"prompt": ["a", "b"], "ground_truth": ["1", "2"]}},
        }
    )
    assert edit.rephrases == ("r1", "r2")
    assert edit.locality == (LocalityPrompt("a", "1"), LocalityPrompt("b", "2"))


def test_flat_layout_without_a_data_set_of_its_own() -> None:
    edit = one(
        {
            "prompt": "In which shire is the mill?",
            "target_new": "Westshire",
            "subject": "the mill",
            "ood_rephrase": "Where is the mill?",
            "locality_prompt": None,
            "locality_ground_truth": "",
        }
    )
    assert (edit.source, edit.rephrases, edit.locality) == (None, ("Where is the mill?",), ())


def test_wikibigedit_as_published() -> None:
    edit = one({"tag": "new", "subject": "s", "update": "p", "rephrase": "r", "ans": "t", "loc": "l", "loc_ans": "a"})
    assert edit == Edit("p", "t", "s", rephrases=("r",), locality=(LocalityPrompt("l", "a"),), source="WikiBigEdit")


def test_qaedit() -> None:
    edit = one(
        {
            "id": "1",
            "source": "NQ",
            "prompt": "who won the cup?",
            "target": "The Owls *",
            "subject": "the cup",
            "rephrase": "Which team won the cup?",
            "locality": [{"loc": "who paints cups", "loc_ans": "Ann"}],
        }
    )
    assert edit == Edit(
        prompt="who won the cup?",
        target="The Owls *",
        subject="the cup",
        rephrases=("Which team won the cup?",),
        locality=(LocalityPrompt("who paints cups", "Ann"),),
        source="QAEdit (NQ)",
    )


def test_an_unknown_layout_names_the_keys_found_and_the_layouts_known() -> None:
    with pytest.raises(BadRecord) as caught:
        read([{"question": "q", "reply": "r"}])
    assert "question, reply" in caught.value.message
    for name in ("ZsRE", "CounterFact", "KnowEdit", "QAEdit", "wisedb"):
        assert name in caught.value.hint


def test_a_record_without_its_telling_key_is_judged_by_the_layout_before_it() -> None:
    with pytest.raises(BadRecord, match="record 2, field 'target_new': is missing"):
        read([{"prompt": "p", "target_new": "t"}, {"prompt": "q", "rephrase_prompt": "r"}])
