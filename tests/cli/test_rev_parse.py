"""What a revision means, for scripts."""

from __future__ import annotations

from .conftest import Told, answer, inside


def test_revisions_are_told_as_commits_in_their_order(told: Told) -> None:
    first, second = told.first["commit"], told.second["commit"]
    assert inside("rev-parse", "v1", "HEAD", cwd=told.path).stdout.split() == [first, second]
    assert inside("rev-parse", "--short", "HEAD^", cwd=told.path).stdout.strip() == first[:12]
    assert answer("rev-parse", "main", cwd=told.path) == [{"rev": "main", "commit": second}]
    failed = inside("rev-parse", "HEAD", "nope", cwd=told.path)
    assert failed.returncode == 1 and failed.stdout == ""
