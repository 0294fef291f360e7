"""Edits from files: our own layout with every field, and no content that raises anything but input errors."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.records import OWN, one, read
from wisedb import importers
from wisedb.edits import Edit, LocalityPrompt
from wisedb.errors import InputError
from wisedb.importers import read_edits, read_edits_from


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


def test_an_id_of_the_users_own_means_nothing() -> None:
    assert one({"id": 17, **OWN}) == one({"id": "q-17", **OWN}) == one(OWN)


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "edits.jsonl"
    file.write_text(json.dumps(OWN))
    assert read_edits(file) == read_edits(str(file)) == [Edit(**OWN)]
    for wrong in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match=str(wrong)):
            read_edits(wrong)


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


def test_edits_and_files_are_taken_in_their_order(tmp_path: Path) -> None:
    first, second, third = (Edit(f"The number after {n} is", str(n + 1)) for n in range(3))
    file = tmp_path / "two.json"
    file.write_text(json.dumps([second.to_json(), third.to_json()]))
    taken = importers.read
    assert taken([first, file]).edits == (first, second, third) == taken((first, str(file))).edits
    assert taken(first).edits == (first,) and taken(file).edits == (second, third) and taken([]).edits == ()


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
