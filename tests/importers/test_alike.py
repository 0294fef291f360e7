"""Nothing is guessed, dropped or misread: what a layout doesn't know, lists, tables, and all containers alike."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.importers.records import OWN, one, read
from tests.importers.test_published import AKEW, MQUAKE, REQUEST, RIPPLE, UNKE
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import BadRecord, InputError, UsageError
from wisedb.importers import How, fields_named, read_data
from wisedb.importers import read as read_given

RECORDS: list[dict[str, Any]] = [
    {
        **OWN,
        "rephrases": ["a, b", "c | d"],
        "locality": [{"prompt": "x", "answer": "y"}],
        "tags": ["t"],
        "reason": "r;",
    },
    {**OWN, "target": ["Fredville"], "rephrase": ["a", "b"]},
    {**OWN, "prompt": "Two lines\nAnswer:\n", "reason": 'he said "no"', "source": "é, ü; 日本"},
    {
        "prompt": "p",
        "target_new": "t",
        "rephrase_prompt": ["r1", "r2"],
        "ground_truth": ["g"],
        "locality_prompt": ["l1", "l2"],
        "locality_ground_truth": ["a1", "a2"],
    },
    {"prompt": "p", "target_new": "t", "portability": {"R": [{"prompt": "q", "ground_truth": [["a"], ["b"]]}]}},
    {"src": "p", "alt": ["t"], "answers": ["a", "b"], "rephrase": ["r"], "loc": ["l"], "loc_ans": ["m"]},
    {"update": "p", "ans": ["t"], "rephrase": ["r", "s"], "personas": ["u"]},
    {"prompt": "p", "target": "t", "rephrase": "r", "locality": [{"loc": "l", "loc_ans": "a"}], "source": "NQ"},
    {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}], "tags": ["x"]},
    {"requested_rewrite": REQUEST, "paraphrase_prompts": ["a", "b"], "neighborhood_prompts": ["n"]},
    REQUEST,
    MQUAKE,
    UNKE,
    RIPPLE,
    AKEW,
]


def _csv(record: dict[str, Any], write: Any, delimiter: str = ",") -> str:
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter=delimiter)
    writer.writerow(list(record))
    writer.writerow([write(cell) if isinstance(cell, (list, dict)) else cell for cell in record.values()])
    return table.getvalue()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: "-".join(record)[:40])
def test_all_containers_read_alike(record: dict[str, Any], tmp_path: Path) -> None:
    expected = read([record])
    assert expected
    assert read(json.dumps(record), "e.jsonl") == expected
    assert read(_csv(record, json.dumps), "e.csv") == expected
    assert read(_csv(record, str), "e.csv") == expected  # as pandas writes a list into a cell
    assert read("\ufeff" + _csv(record, json.dumps, ";"), "e.csv") == expected
    assert read(_csv(record, json.dumps, "\t"), "e.tsv") == expected
    capital = {name.upper(): value for name, value in record.items()}
    assert read(_csv(capital, json.dumps), "e.csv") == read([capital]) == expected
    flat = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in record.items()}
    if not isinstance(record.get("target_new"), dict):  # a text with braces is a target like any other
        assert read([flat]) == expected
    file = tmp_path / "e.parquet"
    pq.write_table(pa.Table.from_pylist([record]), file)
    assert read(file.read_bytes(), "e.parquet") == expected


def test_our_own_layout_is_not_taken_for_another_by_one_key() -> None:
    own = {**OWN, "rephrase": "Where?", "reason": "moved", "tags": ["geo"], "source": "gazette"}
    assert one(own) == Edit(**OWN, rephrases=("Where?",), reason="moved", tags=("geo",), source="gazette")
    assert one({**own, "loc": "l", "loc_ans": "a"}).source == "gazette"
    assert one({**OWN, "rephrase": "r", "source": "gazette"}).source == "gazette"


@pytest.mark.parametrize(
    "record",
    [
        {**OWN},
        {"prompt": "p", "target_new": "t", "case_id": 1},
        {"src": "p", "alt": "t"},
        {"update": "p", "ans": "t"},
        {"requested_rewrite": {"prompt": "p", "target_new": "t"}},
        MQUAKE,
        UNKE,
        RIPPLE,
        AKEW,
    ],
)
def test_audit_fields_are_kept_in_every_layout(record: dict[str, Any]) -> None:
    for edit in read([{**record, "reason": "moved", "tags": ["geo"], "source": "gazette"}]):
        assert (edit.reason, edit.tags, edit.source) == ("moved", ("geo",), "gazette")


@pytest.mark.parametrize("name", ["target_old", "target_true", "ground_truth"])
def test_the_old_target_is_the_ground_truth(name: str) -> None:
    assert one({**OWN, name: "Marxburg"}).ground_truth == "Marxburg"
    assert one({"prompt": "p", "target_new": "t", name: "o"}).ground_truth == "o"
    with pytest.raises(BadRecord, match="says something else"):
        one({**OWN, "target_old": "a", "ground_truth": "b", "target_true": "a"})


@pytest.mark.parametrize(
    ("record", "field", "near"),
    [
        ({"prompt": "p", "target_new": "t", "rephrase_promt": "r"}, "rephrase_promt", "rephrase_prompt"),
        ({"src": "p", "alt": "t", "loc_answer": "r"}, "loc_answer", "loc_ans"),
        ({"update": "p", "ans": "t", "rephrases_": "r"}, "rephrases_", "rephrases"),
        ({"prompt": "p", "target": "t", "Reasons": "r"}, "Reasons", "reason"),
        ({"requested_rewrite": {"prompt": "p", "target_new": "t", "subjet": "s"}}, "subjet", "subject"),
        ({"question": "q", "answer": "a", "para_question": "b", "sub_answers": ["c"]}, "sub_answers", "sub_answer"),
        ({**MQUAKE, "question": ["q"]}, "question", "questions"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_known(record: dict[str, Any], field: str, near: str) -> None:
    with pytest.raises(BadRecord, match=f"is it '{near}'") as caught:
        one(record)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "record",
    [
        {**OWN, "target": ["a", "b"]},
        {**OWN, "prompt": ["a", "b"]},
        {"prompt": "p", "target_new": ["a", "b"]},
        {"prompt": "p", "target_new": [{"str": "a"}, {"str": "b"}]},
        {"prompt": "p", "target_new": "t", "ground_truth": ["a", "b"]},
        {"prompt": "p", "target_new": "t", "subject": ["a", "b"]},
        {"src": "p", "alt": ["a", "b"]},
        {"update": "p", "ans": ["a", "b"]},
        {"requested_rewrite": {"prompt": "p", "target_new": {"str": ["a", "b"]}}},
        {"question": "q", "answer": ["a", "b"], "para_question": "r"},
        {**OWN, "reason": ["a", "b"]},
    ],
)
def test_a_list_where_one_text_belongs_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(BadRecord, match="list"):
        one(record)
    with pytest.raises(BadRecord, match="list"):
        read(_csv(record, json.dumps), "e.csv")


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "__index_level_0__", "unnamed: 0.1"])
def test_the_index_that_pandas_writes_is_no_field(index: str) -> None:
    assert read(f"{index},prompt,target\n0,p,t\n1,q,u\n", "e.csv") == [Edit("p", "t"), Edit("q", "u")]
    assert one({index: 0, **OWN}) == Edit(**OWN)
    assert read("prompt,target,\np,t,\n", "e.csv") == [Edit("p", "t")]


def test_a_column_without_a_name_that_holds_something_is_refused_by_its_place() -> None:
    with pytest.raises(BadRecord, match="no name") as caught:
        read("prompt,target,\np,t,why\n", "e.csv")
    assert caught.value.field
    with pytest.raises(BadRecord, match="no name") as caught:
        one({"": "why", **OWN})
    assert caught.value.field == "column 1"


def test_cells_without_a_value_are_absent_everywhere(tmp_path: Path) -> None:
    expected = [Edit("p", "t")]
    assert read('[{"prompt": "p", "target": "t", "subject": NaN, "rephrases": null}]') == expected
    table = pa.table({"prompt": ["p"], "target": ["t"], "subject": [float("nan")], "source": [None]})
    pq.write_table(table, tmp_path / "e.parquet")
    assert read((tmp_path / "e.parquet").read_bytes(), "e.parquet") == expected
    assert read("prompt,target,subject,rephrases\np,t,,\n", "e.csv") == expected


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nprompt;target\np;t\n",
        "Prompt; Target\np; t\n",
        "prompt, target\np, t\n",
        'prompt, target\np, "t"\n',
        "prompt|target\np|t\n",
        "prompt\ttarget\r\np\tt\r\n",
        "PROMPT,Target\rp,t\r",
        '\ufeff"prompt","target"\n"p","t"\n',
    ],
)
def test_tables_as_spreadsheets_write_them(content: str) -> None:
    for name in ("e.csv", "e.tsv", "e"):
        assert read(content, name) == [Edit("p", "t")]


def test_a_quotation_mark_behind_a_space_is_not_taken_for_text() -> None:
    with pytest.raises(BadRecord, match="quotation mark"):
        read('prompt,target\np, "t"\n', "e.csv")


def test_names_with_spaces_and_hyphens() -> None:
    assert one({"Prompt": "p", "Target New": "t", "Ground-Truth": "g"}) == Edit("p", "t", ground_truth="g")
    with pytest.raises(BadRecord, match="there twice"):
        one({"prompt": "p", "Prompt": "q", "target": "t"})
    with pytest.raises(InputError, match="twice"):
        read('[{"prompt": "p", "prompt": "q", "target": "t"}]')
    with pytest.raises(BadRecord, match="twice"):
        read('{"prompt": "p", "prompt": "q", "target": "t"}\n{"prompt": "p", "target": "t"}', "e.jsonl")


@pytest.mark.parametrize("data", [b"\x1f\x8b\x08\x00", b"PK\x03\x04xl", b"\x80\x04\x95", b"ARROW1\x00"])
def test_other_containers_are_named(data: bytes) -> None:
    with pytest.raises(InputError, match=r"compressed|ZIP|pickle|Arrow"):
        read(data, "e.json")


def test_locality_items_that_say_more_are_refused() -> None:
    with pytest.raises(BadRecord, match="'anser'"):
        one({**OWN, "locality": [{"prompt": "p", "anser": "a"}]})
    with pytest.raises(BadRecord, match="without 'loc'"):
        one({"src": "p", "alt": "t", "loc_ans": "a"})


def test_fields_are_named_by_hand() -> None:
    record = {"question": "Who?", "new_answer": {"str": "Me"}, "topic": "x", "n": 3}
    how = How(fields=fields_named("prompt=question, target=new_answer.str"))
    reading = read_data(json.dumps(record).encode(), "e.json", how)
    assert reading.edits == (Edit("Who?", "Me"),)
    assert reading.left_out == {"topic": 1, "n": 1}
    listed = {"q": {"t": ["Who?", "What?"]}, "a": "Me"}
    how = How(fields=fields_named("prompt=q.t.0,target=a"))
    assert read_data(json.dumps(listed).encode(), "e.json", how).edits == (Edit("Who?", "Me"),)
    with pytest.raises(BadRecord, match="no known layout") as caught:
        read([record])
    assert "--fields" in caught.value.hint
    for wrong in ("target", "goal=x", "target=a,target=b", "target="):
        with pytest.raises(UsageError):
            fields_named(wrong)


def test_a_layout_is_named_by_hand() -> None:
    data = json.dumps({"question": "Who?", "answer": "Me"}).encode()
    assert read_data(data, "e.json", How("unke")).edits == (Edit("Who?", "Me", source="UnKE"),)
    with pytest.raises(UsageError, match="no layout 'x'"):
        How("x")


def test_a_row_with_too_many_cells_is_kept_whole() -> None:
    (line,) = read_data(b"prompt,target\na,b,c\n", "e.csv", How()).bad
    assert json.loads(line.text) == {"prompt": "a", "target": "b", "Unnamed: 2": "c"}
    (line,) = read_data(b'prompt,target\n"a,b\nc,d\n', "e.csv", How()).bad
    assert line.text == "", "what stands behind it can't be skipped"


def test_a_field_that_is_missing_names_what_is_there_instead() -> None:
    with pytest.raises(BadRecord, match="is missing; is it 'prompts'"):
        one({"prompts": ["a"], "target_new": "t"})
    how = How(fields=fields_named("prompt=question,target=answr"))
    (line,) = read_data(b'{"question": "q", "answer": "a"}', "e.json", how).bad
    assert line.problem.field == "answr"


def test_all_bad_records_are_listed() -> None:
    records = [OWN, {"prompt": "p"}, 3, {**OWN, "prompt": "q"}, {**OWN, "colour": "red"}]
    with pytest.raises(BadRecord, match=r"record 2, field 'target'.*2 more") as caught:
        read(records)
    assert [(each.record, each.field) for each in caught.value.all] == [(2, "target"), (3, None), (5, "colour")]
    reading = read_data(json.dumps(records).encode(), "e.json", How())
    assert [edit.prompt for edit in reading.edits] == [OWN["prompt"], "q"]
    assert [json.loads(line.text) for line in reading.bad] == [records[1], 3, records[4]]


def test_records_that_repeat_or_contradict_an_earlier_one_are_told() -> None:
    reading = read_data(json.dumps([OWN, OWN, {**OWN, "reason": "r"}, {**OWN, "target": "x"}]).encode(), "e", How())
    assert [edit.reason for edit in reading.repeated] == ["r"]
    ((edit, line),) = reading.contrary
    assert edit.target == "x" and "record 1" in line.problem.problem


def test_folders_are_read_by_name(tmp_path: Path) -> None:
    for name, prompt in (("b.jsonl", "2"), ("a.csv", "1")):
        text = json.dumps({"prompt": prompt, "target": "t"}) if name == "b.jsonl" else f"prompt,target\n{prompt},t\n"
        (tmp_path / name).write_text(text)
    (tmp_path / "README.md").write_text("no edits")
    (tmp_path / ".hidden.json").write_text("{")
    assert [edit.prompt for edit in read_given(tmp_path).edits] == ["1", "2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file of edits"):
        read_given(tmp_path / "empty")


def test_a_prompt_is_kept_as_it_was_given() -> None:
    for prompt in ("Q: who?\nAnswer:\n", "The capital is ", " leading", "tab\t"):
        assert one({**OWN, "prompt": prompt}).prompt == prompt
        assert read(_csv({**OWN, "prompt": prompt}, str), "e.csv")[0].prompt == prompt
    assert one({**OWN, "locality": ["unite with "]}).locality == (LocalityPrompt("unite with "),)
