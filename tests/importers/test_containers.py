"""JSON, JSON lines, CSV and Parquet, in all their shapes; what can't be read says why."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.importers.records import OWN, read
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import BadRecord, InputError
from wisedb.importers import read_edits, read_edits_from


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


def test_a_cell_may_be_long() -> None:
    long = "why " * 50_000
    (edit,) = read_edits_from(f'prompt,target,reason\n"The sky is",blue,"{long}"\n'.encode(), "a.csv")
    assert edit.reason is not None and edit.reason.strip() == long.strip()
