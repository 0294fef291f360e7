"""Queries one after the other, from a terminal or from a file."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest

from wisedb.cli import sql_shell
from wisedb.cli.sql_shell import Shell
from wisedb.errors import UsageError
from wisedb.versioning.index import Table

from .conftest import Told, environment, inside, wisedb


@pytest.mark.parametrize(
    ("text", "whole", "rest"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1"], " SELECT 2"),
        ("SELECT ';'; x", ["SELECT ';'"], " x"),
        ("SELECT 'it''s;' ; ", ["SELECT 'it''s;' "], " "),
        ('SELECT ";"', [], 'SELECT ";"'),
        ("SELECT 1 -- no; end\n, 2;", ["SELECT 1 -- no; end\n, 2"], ""),
        ("SELECT /* ; */ 1;", ["SELECT /* ; */ 1"], ""),
        (";;", [], ""),
    ],
)
def test_a_query_ends_where_its_semicolon_is(text: str, whole: list[str], rest: str) -> None:
    assert sql_shell._split(text) == [*whole, rest]


class _Asked:
    """A store of two tables that remembers what it was asked."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.shown: list[tuple[Table, str]] = []

    def ask(self, query: str) -> Table:
        self.queries.append(query.strip())
        if "wrong" in query:
            raise UsageError("it is wrong", hint="Mend it.")
        if query == "SHOW TABLES":
            return Table(("name",), (("commits",), ("edits",)))
        return Table(("column_name",), ((f"of_{query.split()[-1]}",),))

    def show(self, found: Table, format: str) -> None:
        self.shown.append((found, format))


def test_a_wrong_query_is_told_and_the_next_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    asked = _Asked()
    typed = iter(
        ["wrong;", "SELECT", "1; SELECT 2;", ".format csv", ".tables", ".schema edits", ".what", ".quit", "x;"]
    )
    Shell(asked.ask, asked.show, "table")._talk(lambda prompt: next(typed))
    assert asked.queries == ["wrong", "SELECT\n1", "SELECT 2", "SHOW TABLES", 'DESCRIBE "edits"']
    assert [format for _, format in asked.shown] == ["table", "table", "csv", "csv"]
    told = capsys.readouterr().err
    assert "error: it is wrong" in told and "hint: Mend it." in told and ".quit" in told
    assert next(typed) == "x;"


def test_an_interrupt_drops_what_was_typed_and_the_end_ends() -> None:
    asked = _Asked()
    typed: Iterator[str | BaseException] = iter(["SELECT 1", KeyboardInterrupt(), "SELECT 2;", EOFError()])

    def read(prompt: str) -> str:
        line = next(typed)
        if isinstance(line, BaseException):
            raise line
        return line

    Shell(asked.ask, asked.show, "table")._talk(read)
    assert asked.queries == ["SELECT 2"]


def test_names_and_words_are_completed() -> None:
    asked = _Asked()
    shell = Shell(asked.ask, asked.show, "table")
    assert shell.complete("of_") == ["of_commits", "of_edits"]
    assert shell.complete("sel") == ["SELECT"] and shell.complete("ed") == ["edits"]
    assert len(asked.queries) == 3  # asked once


def test_what_comes_from_a_file_is_answered_query_by_query(told: Told) -> None:
    command = [sys.executable, "-m", "wisedb", "sql", "--format", "json"]
    done = subprocess.run(
        command,
        input="SELECT count(*) AS n FROM facts;\nSELECT 2 AS n",
        capture_output=True,
        text=True,
        cwd=told.path,
        env=environment(),
        check=True,
    )
    assert done.stdout.replace("\n", "").replace(" ", "") == '[{"n":3}][{"n":2}]'
    wrong = subprocess.run(command, input="SELEC;", capture_output=True, text=True, cwd=told.path, env=environment())
    assert wrong.returncode == 2 and wrong.stderr.startswith("error:")


def test_a_terminal_gets_a_prompt_and_completion(told: Told) -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "wisedb", "--no-pager", "sql"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=told.path,
        env=environment(TERM="dumb", NO_COLOR="1"),
    )
    os.close(theirs)
    said = b""
    try:
        while b"sql> " not in said:
            said += os.read(ours, 4096)
        os.write(ours, b"SELECT target FROM facts_in_f\t WHERE target = 'Fe';\n")
        while b"1 row" not in said:
            said += os.read(ours, 4096)
        os.write(ours, b".quit\n")
        assert child.wait(timeout=60) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    assert b"facts_in_force" in said and b"Fe" in said


def test_formats_and_files(told: Told, tmp_path: Path) -> None:
    query = "SELECT target, tags FROM facts ORDER BY target"
    csv_done = inside("sql", query, "--format", "csv", cwd=told.path)
    assert list(csv.reader(io.StringIO(csv_done.stdout, newline="")))[1:] == [
        ["Fe", "[]"],
        ["Jane Austen", '["books"]'],
        ["Sydney", "[]"],
    ]
    as_json = json.loads(inside("sql", query, "--format", "json", cwd=told.path).stdout)
    assert as_json[1] == {"target": "Jane Austen", "tags": ["books"]}
    written = inside("sql", query, "--format", "parquet", "-o", tmp_path / "a.parquet", cwd=told.path)
    assert "3 rows" in written.stdout
    assert pyarrow.parquet.read_table(tmp_path / "a.parquet").column("target").to_pylist()[0] == "Fe"
    piped = wisedb("sql", query, "--format", "csv", cwd=told.path)
    assert piped.stdout.splitlines()[0] == '"target","tags"'


def test_what_can_not_be_is_refused(told: Told) -> None:
    for words in (("--format", "csv", "--json"), ("-o", "x.csv")):
        query = ("SELECT 1",) if "--json" in words else ()
        assert inside("sql", *query, *words, cwd=told.path).returncode == 2
