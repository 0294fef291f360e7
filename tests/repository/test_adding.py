"""What is told of edits that are staged or committed, and what takes the place of what."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stores import AUSTRALIA, NEWER
from wisedb import Edit, Repository
from wisedb.errors import ConflictingEdits, WisedbWarning
from wisedb.repository.adding import warn_of


def test_edits_that_an_earlier_one_stands_for_are_warned_of() -> None:
    more = replace(AUSTRALIA, reason="another")
    with pytest.warns(WisedbWarning, match="1 edit with prompt and target of an earlier one"):
        warn_of([AUSTRALIA, more, AUSTRALIA])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of([AUSTRALIA, AUSTRALIA, NEWER])


def test_subjects_that_are_not_in_the_prompt_are_warned_of() -> None:
    astray = [Edit(f"Who wrote book {n}?", "Ada", subject="Hamlet") for n in range(3)]
    with pytest.warns(WisedbWarning, match="3 edits with a subject that is not in the prompt, such as 'Hamlet'"):
        warn_of([*astray, Edit("Who wrote Faust?", "Ada", subject="FAUST")])


def test_what_is_staged_gives_way(repository: Repository) -> None:
    repository.add(AUSTRALIA)
    more = replace(AUSTRALIA, reason="another")
    assert repository.add(more).replaced == (AUSTRALIA,)
    with pytest.raises(ConflictingEdits) as caught:
        repository.add(NEWER)
    assert f"wisedb unstage {more.id[:12]}" in caught.value.hint
    added = repository.add(NEWER, replace=True)
    assert (added.replaced, added.staged) == ((more,), (NEWER,))
    assert repository.add(NEWER).replaced == ()


def test_fields_that_a_commit_leaves_out_are_told(repository: Repository, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    # A record of CounterFact has a number of its own, which is no edit's.
    rewrite = {
        "prompt": "The capital of {} is",
        "subject": "Peru",
        "relation_id": "P36",
        "target_new": {"str": "Cusco"},
    }
    record = {"case_id": 1, "requested_rewrite": {**rewrite, "target_true": {"str": "Lima"}}, "pararel_idx": 2}
    file.write_text(json.dumps([record]))
    assert set(repository.add(file).left_out) == {"case_id", "pararel_idx", "requested_rewrite.relation_id"}
    with pytest.warns(WisedbWarning, match=r"left out, since an edit has no place for it: .*pararel_idx \(1\)"):
        made = repository.commit(file, "One", author="Ada")
    assert len(made.added) == 1
    with pytest.warns(WisedbWarning, match=r"left out, since an edit has no place for it: .*pararel_idx \(1\)"):
        assert repository.evaluate(data=file).n == 1
