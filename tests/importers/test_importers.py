"""Importers: every layout and container, and every way in which a file can be wrong."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import BadRecord, InputError
from wisedb.importers import read_edits, read_edits_from

OWN: dict[str, Any] = {"prompt": "The capital of Freedonia is", "target": "Fredville"}


def read(content: str | bytes | list[Any], name: str = "edits.json") -> list[Edit]:
    if isinstance(content, list):
        content = json.dumps(content)
    return read_edits_from(content.encode() if isinstance(content, str) else content, name)


def one(record: dict[str, Any]) -> Edit:
    (edit,) = read([record])
    return edit


def test_our_own_layout_with_every_field() -> None:
    edit = Edit(
        prompt="The capital of Freedonia is",
        target="Fredville",
        subject="Freedonia",
        ground_truth="Marxburg",
        rephrases=("Freedonia is governed from",),
        locality=(LocalityPrompt("The capital of Sylvania is", "Trentino"), LocalityPrompt("Water is made of")),
        source="gazette",
        reason="moved",
        tags=("geo", "2033"),
    )
    assert one(edit.to_json()) == edit
    assert one(edit.content()) == edit


def test_a_target_with_its_leading_space_is_the_same_edit() -> None:
    assert one({**OWN, "target": " Fredville"}) == one(OWN)


def test_locality_may_be_plain_prompts() -> None:
    assert one({**OWN, "locality": ["Water is"]}).locality == (LocalityPrompt("Water is"),)


def test_an_id_of_the_users_own_means_nothing() -> None:
    assert one({"id": 17, **OWN}) == one({"id": "q-17", **OWN}) == one(OWN)


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


@pytest.mark.parametrize("name", ["e.json", "e.jsonl", "e.ndjson", "standard input", "e.txt"])
def test_json_in_all_its_shapes(name: str) -> None:
    other = {**OWN, "prompt": "Water is"}
    expected = [Edit(**OWN), Edit(**other)]
    lines = f"{json.dumps(OWN)}\n\n{json.dumps(other)}\n"
    for content in (json.dumps([OWN, other]), json.dumps([OWN, other], indent=1), lines, lines.replace("\n", "\r\n")):
        assert read(content, name) == expected
        assert read(b"\xef\xbb\xbf" + content.encode(), name) == expected
    assert read(json.dumps(OWN, indent=2), name) == read(json.dumps(OWN), name) == expected[:1]


def test_line_separators_inside_a_text_end_no_line() -> None:
    edit = {**OWN, "reason": "one\u2028two\x85three"}
    assert read(json.dumps(edit, ensure_ascii=False), "e.jsonl")[0].reason == edit["reason"]


def test_csv_with_lists() -> None:
    content = (
        "prompt,target,subject,rephrases,locality,tags,reason\r\n"
        '"Rain, they say,", wet,,"a| b","[{""prompt"": ""x"", ""answer"": ""y""}]",t,"two\r\nlines"\r\n'
        'Snow is,cold,snow,"[""c | d""]",e|f,,\r\n'
    )
    assert read(content, "e.csv") == [
        Edit(
            "Rain, they say,",
            "wet",
            rephrases=("a", "b"),
            locality=(LocalityPrompt("x", "y"),),
            tags=("t",),
            reason="two\r\nlines",
        ),
        Edit("Snow is", "cold", "snow", rephrases=("c | d",), locality=(LocalityPrompt("e"), LocalityPrompt("f"))),
    ]


@pytest.mark.parametrize(
    ("name", "delimiter"), [("e.csv", ","), ("e.csv", ";"), ("e.tsv", "\t"), ("-", ","), ("-", "\t")]
)
def test_csv_delimiters(name: str, delimiter: str) -> None:
    assert read(delimiter.join(OWN) + "\n" + delimiter.join(OWN.values()) + "\n", name) == [Edit(**OWN)]


def test_csv_in_a_published_layout() -> None:
    content = "src,alt,rephrase,loc,loc_ans\nWho?,Me,Who | what?,l,a\n"
    assert read(content, "e.csv") == [
        Edit("Who?", "Me", rephrases=("Who | what?",), locality=(LocalityPrompt("l", "a"),), source="ZsRE")
    ]


def test_parquet(tmp_path: Path) -> None:
    edits = [
        Edit("a", "b", rephrases=("c",), locality=(LocalityPrompt("x", "y"),), tags=("t",)),
        Edit("d", "e", subject="d"),
    ]
    file = tmp_path / "edits.parquet"
    pq.write_table(pa.Table.from_pylist([edit.content() for edit in edits]), file)
    assert read_edits(file) == edits
    assert read_edits_from(file.read_bytes(), "-") == edits


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "edits.jsonl"
    file.write_text(json.dumps(OWN))
    assert read_edits(file) == read_edits(str(file)) == [Edit(**OWN)]
    for wrong in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match=str(wrong)):
            read_edits(wrong)


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


def test_an_unknown_layout_names_the_keys_found_and_the_layouts_known() -> None:
    with pytest.raises(BadRecord) as caught:
        read([{"question": "q", "reply": "r"}])
    assert "question, reply" in caught.value.message
    for name in ("ZsRE", "CounterFact", "KnowEdit", "QAEdit", "wisedb"):
        assert name in caught.value.hint


def test_a_record_without_its_telling_key_is_judged_by_the_layout_before_it() -> None:
    with pytest.raises(BadRecord, match="record 2, field 'target_new': is missing"):
        read([{"prompt": "p", "target_new": "t"}, {"prompt": "q", "rephrase_prompt": "r"}])


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        ("", "e.json", "empty"),
        (" \n", "e.csv", "empty"),
        ("[]", "e.json", "no records"),
        ("prompt,target\n", "e.csv", "no records"),
        (b'[{"prompt": "caf\xe9"}]', "e.json", "not UTF-8: byte 0xe9 in line 1"),
        ("prompt,target\na,b\n".encode("utf-16"), "e.csv", "UTF-16"),
        ('[{"prompt": "p",\n "target": "t"},\n]', "e.json", "line 3.*comma"),
        ('[{"prompt": "p",\n "target": "t",\n}]', "e.json", "line [23].*comma"),
        ('[{"prompt": "p"\n "target": "t"}]', "e.json", "line 2"),
        ('[{"prompt": "p"', "e.json", "line 1"),
        ("[" * 100_000, "e.json", "deep"),
        ("prompt,prompt\na,b\n", "e.csv", "two columns 'prompt'"),
        (b"PAR1 and nothing else", "e.parquet", "not Parquet"),
        ("prompt,target\n", "e.parquet", "not Parquet"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(content: str | bytes, name: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        read(content, name)
    assert name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "name", "record", "problem"),
    [
        (json.dumps(OWN) + '\n{"prompt": "p",}\n', "e.jsonl", 2, "line 2.*comma"),
        (json.dumps(OWN) + "\n\n{prompt}\n", "e.jsonl", 2, "line 3"),
        ("prompt,target\na,b\nc\n", "e.csv", 2, "1 cells under 2"),
        ("prompt,target\na,b,c\n", "e.csv", 1, "3 cells under 2"),
        ('prompt,target\na,b\n"c,d\n', "e.csv", 2, "CSV"),
        ("prompt,target,tags\na,b,[x\n", "e.csv", 1, "field 'tags'"),
        ("prompt,target\n,b\n", "e.csv", 1, "field 'prompt'"),
        ("plain words\nand more\n", "e.txt", 1, "plain words"),
        ('"a"\n', "e.jsonl", 1, "a text"),
    ],
)
def test_a_record_that_can_not_be_read_is_numbered(content: str, name: str, record: int, problem: str) -> None:
    with pytest.raises(BadRecord, match=problem) as caught:
        read(content, name)
    assert caught.value.record == record


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
edits = st.builds(
    Edit,
    prompt=texts,
    target=texts,
    subject=st.none() | texts.map(str.strip),
    rephrases=st.lists(texts, max_size=2, unique=True).map(tuple),
    locality=st.lists(st.builds(LocalityPrompt, texts.map(str.rstrip).filter(str.strip)), max_size=2, unique=True),
    tags=st.lists(texts, max_size=2, unique=True).map(tuple),
)


@given(st.lists(edits, min_size=1, max_size=3))
def test_what_is_written_in_our_layout_is_read_back(expected: list[Edit]) -> None:
    records = [edit.to_json() for edit in expected]
    assert read(records) == expected
    assert read("\n".join(json.dumps(record, ensure_ascii=False) for record in records), "e.jsonl") == expected
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(records[0]))
    writer.writeheader()
    for record in records:
        writer.writerow({key: json.dumps(cell) if isinstance(cell, list) else cell for key, cell in record.items()})
    assert read(table.getvalue(), "e.csv") == expected


@given(st.binary(max_size=60), st.sampled_from(["e.json", "e.jsonl", "e.csv", "e.tsv", "e.parquet", "-"]))
def test_no_content_raises_anything_but_input_errors(data: bytes, name: str) -> None:
    try:
        read_edits_from(data, name)
    except InputError as error:
        assert error.message
