"""The fields of a record: what is taken for what, and how a wrong one is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.importers.records import OWN, one, read
from wisedb.edits import LocalityPrompt
from wisedb.errors import BadRecord


def test_a_target_with_its_leading_space_is_the_same_edit() -> None:
    assert one({**OWN, "target": " Fredville"}) == one(OWN)


def test_locality_may_be_plain_prompts() -> None:
    assert one({**OWN, "locality": ["Water is"]}).locality == (LocalityPrompt("Water is"),)


@pytest.mark.parametrize(
    ("record", "field", "problem"),
    [
        ({"prompt": "p"}, "target", "missing"),
        ({"target": "t"}, "prompt", "missing"),
        ({"prompt": "  ", "target": "t"}, "prompt", "empty"),
        ({"prompt": "p", "target": None}, "target", "empty"),
        ({"prompt": "p", "target": 12}, "target", "number 12"),
        ({"prompt": "p", "target": True}, "target", "true or false"),
        ({"prompt": "p", "target": "t", "subject": {"a": 1}}, "subject", "object"),
        ({"prompt": "p", "target": "t", "subject": ["a"]}, "subject", "list"),
        ({"prompt": "p", "target": "t", "rephrases": "r"}, "rephrases", "list"),
        ({"prompt": "p", "target": "t", "rephrases": [1]}, "rephrases", "number"),
        ({"prompt": "p", "target": "t", "locality": [3]}, "locality", "number"),
        (
            {"prompt": "p", "target": "t", "locality": [{"prompt": ["a"], "answer": ["b", "c"]}]},
            "locality",
            "2 answers",
        ),
        ({"prompt": "p", "target": "t", "rephases": []}, "rephases", "'rephrases'"),
        ({"prompt": "p", "target": "t", "id": "0" * 64}, "id", "changed"),
        ({"prompt": "p", "target": "\ud800"}, "target", "surrogate"),
        ({"src": "p"}, "alt", "missing"),
        ({"src": "p", "alt": ""}, "alt", "empty"),
        ({"target_new": "t"}, "prompt", "missing"),
        ({"prompt": "p", "target_new": {"a": 1}}, "target_new", "object"),
        ({"requested_rewrite": {"prompt": "{} is", "target_new": {"str": "x"}}}, "requested_rewrite", "subject"),
        ({"requested_rewrite": {"prompt": "x", "subject": "s"}}, "target_new", "missing"),
        ({"requested_rewrite": []}, "requested_rewrite", "object"),
        ({"update": "p", "ans": 5}, "ans", "number"),
        ("text", None, "a text"),
        ([], None, "a list"),
        (None, None, "null"),
    ],
)
@pytest.mark.parametrize("shape", ["array", "lines"])
def test_a_bad_record_is_named_and_nothing_is_read(record: Any, field: str | None, problem: str, shape: str) -> None:
    records = [OWN, record]
    content = json.dumps(records) if shape == "array" else "\n".join(json.dumps(each) for each in records)
    with pytest.raises(BadRecord) as caught:
        read(content, "some.jsonl")
    assert (caught.value.file, caught.value.record, caught.value.field) == ("some.jsonl", 2, field)
    assert caught.value.message.startswith("some.jsonl: record 2")
    assert problem in caught.value.message
    assert caught.value.hint
