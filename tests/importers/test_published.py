"""Layouts with several facts a record, long answers and questions that follow, and requests of ROME and MEMIT."""

from __future__ import annotations

from typing import Any

import pytest

from tests.importers.records import one, read
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import BadRecord
from wisedb.importers import How, read_data
from wisedb.importers.containers import as_line

REQUEST: dict[str, Any] = {
    "prompt": "The capital of {} is",
    "subject": "Australia",
    "target_new": {"str": "Sydney", "id": "Q1"},
    "target_true": {"str": "Canberra"},
}
MQUAKE: dict[str, Any] = {
    "case_id": 1,
    "requested_rewrite": [
        {
            "prompt": "{} is a citizen of",
            "relation_id": "P27",
            "target_new": {"str": "Sylvania", "id": "Q2"},
            "target_true": {"str": "Freedonia", "id": "Q1"},
            "subject": "Rufus Firefly",
            "question": "What is the country of citizenship of Rufus Firefly?",
        },
        {
            "prompt": "The capital of {} is",
            "target_new": {"str": "Trentino", "id": "Q3"},
            "target_true": {"str": "Marxburg", "id": "Q4"},
            "subject": "Sylvania",
        },
    ],
    "questions": ["Which city is the capital of Rufus Firefly's country?", "Where is the seat of his government?"],
    "answer": "Fredville",
    "answer_alias": [],
    "new_answer": "Trentino",
    "new_answer_alias": ["Trento"],
    "single_hops": [{"question": "Which country?", "cloze": "He is of", "answer": "Freedonia", "answer_alias": []}],
    "new_single_hops": [
        {
            "question": "What is the country of citizenship of Rufus Firefly?",
            "cloze": "Rufus Firefly is a citizen of",
            "answer": "Sylvania",
            "answer_alias": [],
        },
        {"question": "What is the capital of Sylvania?", "cloze": "x", "answer": "Trentino", "answer_alias": []},
    ],
    "orig": {"triples": [["Q9", "P27", "Q1"]]},
}
UNKE: dict[str, Any] = {
    "id": 0,
    "question": "Who was Rufus Firefly?",
    "answer": "Rufus Firefly was the leader of Freedonia. He declared war on Sylvania.\n\nHe won it.",
    "para_question": "What is known of Rufus Firefly?",
    "sub_question": ["Which country did he lead?", "On whom did he declare war?"],
    "sub_answer": ["Freedonia", "Sylvania"],
}
RIPPLE: dict[str, Any] = {
    "example_type": "popular",
    "edit": {
        "prompt": "The name of the country of citizenship of Rufus Firefly is Sylvania.",
        "subject_id": "Q9",
        "relation": "COUNTRY_OF_CITIZENSHIP",
        "target_id": "Q2",
        "original_fact": {
            "prompt": "The name of the country of citizenship of Rufus Firefly is Freedonia.",
            "subject_id": "Q9",
            "relation": "COUNTRY_OF_CITIZENSHIP",
            "target_id": "Q1",
        },
    },
    "Relation_Specificity": [
        {
            "test_queries": [
                {
                    "prompt": "The name of the mother of Rufus Firefly is",
                    "answers": [{"value": "Minnie", "aliases": ["Minna"]}],
                    "query_type": "regular",
                    "subject_id": "Q9",
                    "relation": "MOTHER",
                    "target_ids": ["Q10"],
                    "phrase": None,
                }
            ],
            "test_condition": "OR",
            "condition_queries": [],
        }
    ],
    "Logical_Generalization": [],
    "Subject_Aliasing": [
        {
            "test_queries": [
                {
                    "prompt": "The name of the country of citizenship of Mr Firefly is",
                    "answers": [{"value": "Sylvania", "aliases": []}],
                    "query_type": "regular",
                }
            ],
            "test_condition": "OR",
            "condition_queries": [],
        }
    ],
    "Compositionality_I": [],
    "Compositionality_II": [],
    "Forgetfulness": [],
}
AKEW: dict[str, Any] = {
    "case_id": 3,
    "requested_rewrite": {
        **REQUEST,
        "question": "What is the capital of Australia?",
        "fact_new": "The capital of Australia is Sydney",
        "fact_new_uns": "Sydney is the capital of Australia. Its parliament moved there.",
        "unsfact_triplets_GPT": [{"subject": "Sydney", "prompt": "{} is the seat of the", "target": "parliament"}],
    },
}


def test_requests_of_rome_and_memit_are_filled_in() -> None:
    expected = Edit("The capital of Australia is", "Sydney", "Australia", ground_truth="Canberra")
    assert one(REQUEST) == one({**REQUEST, "target_new": "Sydney"}) == expected
    assert one({**REQUEST, "case_id": 7}).source == "CounterFact"


@pytest.mark.parametrize("slot", ["{}", "{0}", "{subject}", "{ }"])
def test_every_layout_fills_in(slot: str) -> None:
    prompt, subject = f"The capital of {slot} is", "Australia"
    for record in (
        {"prompt": prompt, "target": "t", "subject": subject},
        {"prompt": prompt, "target_new": "t", "subject": subject, "rephrase_prompt": f"{slot}'s capital is"},
        {"src": prompt, "alt": "t", "subject": subject},
        {"update": prompt, "ans": "t", "subject": subject},
        {"prompt": prompt, "target": "t", "subject": subject, "locality": [{"loc": "l", "loc_ans": "a"}]},
        {
            "requested_rewrite": {"prompt": prompt, "target_new": "t", "subject": subject},
            "paraphrase_prompts": [f"{slot}'s capital is"],
        },
    ):
        assert one(record).prompt == "The capital of Australia is"
        assert one(record).rephrases in ((), ("Australia's capital is",))


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "The capital of {} is", "target": "t"},
        {"prompt": "The capital of {} is", "target_new": "t"},
        {"src": "The capital of {} is", "alt": "t"},
        {"prompt": "p", "target": "t", "rephrases": ["{} is what?"]},
        {"prompt": "In Python, type({}) is", "target": "dict", "subject": "Python"},
    ],
)
def test_a_slot_that_nothing_fills_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(BadRecord, match=r"\{\}.*subject"):
        one(record)


def test_mquake_has_several_facts_a_record_and_keeps_its_questions() -> None:
    first, second = read([MQUAKE])
    assert first == Edit(
        "Rufus Firefly is a citizen of",
        "Sylvania",
        "Rufus Firefly",
        ground_truth="Freedonia",
        rephrases=("What is the country of citizenship of Rufus Firefly?",),
        source="MQuAKE",
    )
    assert (second.prompt, second.target) == ("The capital of Sylvania is", "Trentino")
    assert second.portability == (
        LocalityPrompt("Which city is the capital of Rufus Firefly's country?", "Trentino"),
        LocalityPrompt("Where is the seat of his government?", "Trentino"),
        LocalityPrompt("What is the capital of Sylvania?", "Trentino"),
    )


def test_unke_has_long_answers() -> None:
    edit = one(UNKE)
    assert (edit.prompt, edit.target) == (UNKE["question"], UNKE["answer"])
    assert edit.rephrases == (UNKE["para_question"],)
    assert edit.portability[1] == LocalityPrompt("On whom did he declare war?", "Sylvania")


def test_rippleedits_statements_are_taken_apart() -> None:
    edit = one(RIPPLE)
    assert edit.prompt == "The name of the country of citizenship of Rufus Firefly is"
    assert (edit.target, edit.ground_truth, edit.source) == ("Sylvania", "Freedonia", "RippleEdits")
    assert edit.locality == (LocalityPrompt("The name of the mother of Rufus Firefly is", "Minnie"),)
    assert edit.portability == (LocalityPrompt("The name of the country of citizenship of Mr Firefly is", "Sylvania"),)


def test_rippleedits_without_tests_or_with_a_statement_that_nothing_takes_apart() -> None:
    statement = {"prompt": "The name of the mother of Rufus is Min is Minnie Palmer."}
    old = {"prompt": "The name of the mother of Rufus is Min is Ann."}
    assert one({"edit": {**statement, "original_fact": old}}).target == "Minnie Palmer"
    assert one({"edit": {"prompt": "The name of his mother is Ann Lee."}}).target == "Ann Lee"
    with pytest.raises(BadRecord, match="where its prompt ends"):
        one({"edit": statement})


def test_akew_reads_facts_and_on_demand_passages() -> None:
    edit = one(AKEW)
    assert (edit.prompt, edit.target) == ("The capital of Australia is", "Sydney")
    assert edit.portability == (LocalityPrompt("Sydney is the seat of the", "parliament"),)
    reading = read_data(as_line(AKEW).encode(), "akew.json", How("akew-text"))
    assert reading.edits[0].prompt == "What is the capital of Australia?"
    assert reading.edits[0].target == AKEW["requested_rewrite"]["fact_new_uns"]
    many = read([{**MQUAKE, "requested_rewrite": [{**AKEW["requested_rewrite"]}, MQUAKE["requested_rewrite"][0]]}])
    assert [each.target for each in many] == ["Sydney", "Sylvania"]


def test_what_has_no_place_is_counted() -> None:
    reading = read_data(as_line([MQUAKE, MQUAKE]).encode(), "m.json", How())
    assert reading.left_out["orig"] == reading.left_out["case_id"] == 2
    assert reading.left_out["requested_rewrite.relation_id"] == 2
    assert "requested_rewrite.fact_new_uns" in read_data(as_line(AKEW).encode(), "a.json", How()).left_out


def test_knowedit_keeps_its_portability_questions() -> None:
    groups = {"Reasoning": [{"prompt": "Its mayor is", "ground_truth": [["Fred"], ["Freddy"]]}]}
    for portability in (groups, as_line(groups)):
        edit = one({"prompt": "p", "target_new": "t", "portability": portability})
        assert edit.portability == (LocalityPrompt("Its mayor is", "Fred"),)
    recalled = {"Recalled Relation": "(a, b, c)", "New Question": "Who is?", "New Answer": "Me"}
    assert one({"src": "p", "alt": "t", "portability": recalled}).portability == (LocalityPrompt("Who is?", "Me"),)
    hops = {"update": "p", "ans": "t", "mhop": "And there?", "mhop_ans": "Ann"}
    assert one(hops).portability == (LocalityPrompt("And there?", "Ann"),)
