"""Rows are kept, found again, and never mixed with others."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from wisedb.bench.plan import Plan, candidates
from wisedb.bench.results import Results, Row
from wisedb.edits import Edit
from wisedb.errors import CorruptObject, InputError

ROW = Row("keyed", "retrieve", "atlas", "numbers", 1, "one-by-one", 0, reliability=1.0, seconds_per_edit=0.5)


def plan(**more: Any) -> Plan:
    return Plan.make(candidates(["keyed"], {}), "atlas", "numbers", [Edit("1 + 1 =", "2")], [1], **more)


def test_a_row_has_exactly_the_fields_that_scripts_rely_on() -> None:
    assert [field.name for field in fields(Row)] == [
        "editor",
        "mode",
        "model",
        "data",
        "T",
        "protocol",
        "seed",
        "reliability",
        "generalization",
        "locality",
        "exact_match",
        "exact_match_rephrase",
        "seconds_per_edit",
        "prefill_overhead",
        "decode_overhead",
        "bytes_per_edit",
        "peak_rss_bytes",
        "recall_at_1",
        "recall_at_1_rephrase",
        "false_fire",
        "leaked_rephrases",
        "leaked_locality",
        "subjects",
        "format",
        "says_it",
        "says_it_rephrase",
        "forced_agreement",
        "forced_perplexity",
        "base_perplexity",
        "portability",
        "exact_match_portability",
        "text_agreement",
        "text_perplexity",
        "right_by_text",
        "right_by_text_rephrase",
        "disabled_restored",
        "disabled_kept",
        "undo_seconds",
        "undo_restored",
        "undo_kept",
        "flops_per_edit",
    ]
    assert Row.from_json(json.loads(json.dumps(ROW.to_json()))) == ROW


def test_a_row_of_an_earlier_version_is_read() -> None:
    old = {name: value for name, value in ROW.to_json().items() if name not in ("false_fire", "subjects")}
    assert Row.from_json(old) == ROW


def test_rows_are_there_again_in_their_order(tmp_path: Path) -> None:
    results = Results.open(tmp_path / "out", plan())
    base = replace(ROW, editor="unedited", mode="base")
    more = [replace(ROW, T=10), replace(ROW, mode="merge"), base, replace(ROW, seed=1), ROW]
    for row in more:
        results.add(row)
    again = Results.open(tmp_path / "out", plan())
    assert again.rows() == results.rows() == [base, ROW, more[3], more[1], more[0]]
    assert again.rows([ROW.key]) == [ROW]
    assert ROW.key in again and replace(ROW, T=2).key not in again


def test_half_a_line_of_a_killed_process_is_passed_over_and_cut_off(tmp_path: Path) -> None:
    Results.open(tmp_path, plan()).add(ROW)
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"editor": "keyed", "mo')
    again = Results.open(tmp_path, plan())
    assert again.rows() == [ROW]
    again.add(replace(ROW, T=10))
    assert Results.open(tmp_path, plan()).rows() == [ROW, replace(ROW, T=10)]


def test_other_conditions_are_refused_in_one_line(tmp_path: Path) -> None:
    Results.open(tmp_path, plan()).add(ROW)
    with pytest.raises(InputError, match="begun under other conditions: lengths none there, 1 here; pro") as found:
        Results.open(tmp_path, plan(protocol="batch"))
    assert "\n" not in str(found.value)
    assert Results.open(tmp_path, plan()).rows() == [ROW]


def test_a_run_that_failed_before_it_began_binds_nobody(tmp_path: Path) -> None:
    Results.open(tmp_path, plan())
    assert Results.open(tmp_path, plan(protocol="batch")).rows() == []
    (tmp_path / "work" / "keyed" / ".wisedb").mkdir(parents=True)
    with pytest.raises(InputError, match="other conditions"):
        Results.open(tmp_path, plan())


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="something else"):
        Results.open(tmp_path, plan())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("line", ["nonsense", '{"editor": "keyed"}', '{"T": "1"}', "[]"])
def test_rows_that_cannot_be_read_are_told(tmp_path: Path, line: str) -> None:
    Results.open(tmp_path, plan())
    (tmp_path / "results.jsonl").write_text(f"{line}\n")
    with pytest.raises(CorruptObject, match=r"results\.jsonl"):
        Results.open(tmp_path, plan())
