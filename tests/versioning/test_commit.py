"""A commit trains, lands and says what it did; the same edits give the same bytes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM
from wisedb.editors.keyed.editor import Keyed
from wisedb.editors.keyed.settings import KeyedSettings
from wisedb.editors.streams import Trained
from wisedb.edits import Edit
from wisedb.errors import (
    ConflictingEdits,
    NothingToCommit,
    NotLearned,
    RefMoved,
    StoreError,
    TrainingFailed,
    UnknownEditor,
    UnknownSetting,
    UsageError,
)
from wisedb.progress import Progress
from wisedb.repository import Repository
from wisedb.store.memory_entry import MemoryEntry


def test_a_commit_writes_its_edits(repository: Repository) -> None:
    before = repository.store.head_commit()[0]
    reports: list[Progress] = []
    made = repository.commit([AUSTRALIA, HAMLET], "Two facts", author="Ada", progress=reports.append)
    commit = repository.store.objects.commit(made.commit)
    assert made.parents == (before,) and made.branch == "main"
    assert commit.added == (AUSTRALIA.id, HAMLET.id) and commit.reverted == ()
    assert (commit.author, commit.message) == ("Ada", "Two facts")
    assert made.reliability == 1.0 == (commit.scores or {})["reliability"]
    assert made.bytes_written == sum(
        repository.store.objects.size(item) for item in commit.blobs - {commit.editor.pool} | {made.commit}
    )
    done = [report.done for report in reports]
    assert done == sorted(done) and done[-1] == 2 and {report.total for report in reports} == {2}
    assert {answer.text for answer in repository.generate([AUSTRALIA.prompt, HAMLET.prompt])} == {"Paris", "France"}


def test_a_full_shard_opens_the_next(repository: Repository) -> None:
    repository.commit([AUSTRALIA, HAMLET, SUM], "Three facts")
    held = [memory.edits for memory in repository.show().memories]
    assert held == [(AUSTRALIA.id, HAMLET.id), (SUM.id,)]
    assert [edit.id for edit in repository.facts()] == [AUSTRALIA.id, HAMLET.id, SUM.id]


def test_an_untouched_shard_costs_nothing(repository: Repository) -> None:
    repository.commit([AUSTRALIA, HAMLET], "One shard")
    (first,) = repository.show().memories
    repository.commit([SUM], "Another shard")
    assert repository.show().memories[0] == first


def test_the_same_edits_and_seed_give_the_same_bytes(new_repository: Callable[..., Repository]) -> None:
    one, two = new_repository("one"), new_repository("two")
    for made in (one, two):
        made.commit([AUSTRALIA, HAMLET], "a")
        made.commit([SUM], "b")
    assert one.store.head_commit()[1].blobs == two.store.head_commit()[1].blobs


def test_another_seed_gives_other_bytes(new_repository: Callable[..., Repository]) -> None:
    one, two = new_repository("one"), new_repository("two")
    one.commit([AUSTRALIA], "a", seed=1)
    two.commit([AUSTRALIA], "a", seed=2)
    assert one.store.head_commit()[1].memories != two.store.head_commit()[1].memories


def test_a_newer_edit_supersedes_the_older_one(repository: Repository) -> None:
    repository.commit([AUSTRALIA, HAMLET], "old")
    made = repository.commit([NEWER], "new")
    assert (made.added, made.reverted) == ((NEWER.id,), (AUSTRALIA.id,))
    assert [edit.id for edit in repository.facts()] == [HAMLET.id, NEWER.id]
    assert repository.generate(NEWER.prompt)[0].text == "France"


def test_what_is_in_force_is_passed_over(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "once")
    with pytest.raises(NothingToCommit):
        repository.commit([AUSTRALIA], "twice")
    made = repository.commit([AUSTRALIA, HAMLET], "and one more")
    assert made.added == (HAMLET.id,)


def test_what_the_model_says_already_is_marked(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a")
    again = Edit(AUSTRALIA.prompt, AUSTRALIA.target, reason="said once more")
    made = repository.commit([again, HAMLET], "b")
    assert made.known == (again.id,)
    assert repository.store.head_commit()[1].known == (again.id,)


def test_staged_edits_are_committed_and_leave(repository: Repository) -> None:
    assert len(repository.add([AUSTRALIA, HAMLET]).staged) == 2
    assert repository.commit(message="staged").added == (AUSTRALIA.id, HAMLET.id)
    assert repository.status().staged == ()


def test_the_base_model_is_left_as_it_was(repository: Repository) -> None:
    model, tokenizer = repository.base.model, repository.base.tokenizer
    ids = tokenizer(AUSTRALIA.prompt, return_tensors="pt")
    before, weights = model(**ids).logits, {name: value.clone() for name, value in model.state_dict().items()}
    repository.commit([AUSTRALIA], "a")
    repository.generate(AUSTRALIA.prompt)
    repository.evaluate()
    assert torch.equal(model(**ids).logits, before)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert not model._forward_hooks and "generate" not in model.__dict__


@pytest.mark.parametrize(
    ("edits", "message", "options", "error"),
    [
        ([], "empty", {}, NothingToCommit),
        (None, "nothing staged", {}, NothingToCommit),
        ([AUSTRALIA], "  ", {}, UsageError),
        ([AUSTRALIA, NEWER], "conflict", {}, ConflictingEdits),
        ([AUSTRALIA], "who", {"editor": "wize"}, UnknownEditor),
        ([AUSTRALIA], "what", {"settings": {"stepz": 3}}, UnknownSetting),
    ],
)
def test_what_can_not_be_committed_changes_nothing(
    repository: Repository, edits: list[Edit] | None, message: str, options: dict[str, object], error: type[Exception]
) -> None:
    before = repository.store.head_commit()[0], set(repository.store.objects.ids())
    with pytest.raises(error):
        repository.commit(edits, message, **options)  # type: ignore[arg-type]
    assert (repository.store.head_commit()[0], set(repository.store.objects.ids())) == before


def test_a_writer_that_lands_meanwhile_loses_nobody_anything(repository: Repository) -> None:
    repository.add([AUSTRALIA])
    other = Repository.open(repository.path)
    landed: list[str] = []

    def interrupt(report: Progress) -> None:
        if not landed:
            landed.append(other.commit([SPAIN], "meanwhile").commit)

    with pytest.raises(RefMoved, match="main"):
        repository.commit(message="too late", progress=interrupt)
    assert repository.store.head_commit()[0] == landed[0]
    assert [edit.id for edit in repository.status().staged] == [AUSTRALIA.id]
    assert repository.commit(message="again").parents == (landed[0],)
    assert {edit.id for edit in repository.facts()} == {AUSTRALIA.id, SPAIN.id}


def test_settings_of_one_commit_are_recorded(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "a", settings={"steps": 3}, seed=7)
    editor = repository.store.head_commit()[1].editor
    assert (editor.settings["steps"], editor.seed) == (3, 7)
    assert repository.store.config.editor.settings["steps"] == 40


def test_what_was_not_learned_is_named(repository: Repository) -> None:
    made = repository.commit([AUSTRALIA], "hardly tried", settings={"steps": 1})
    assert made.unlearned == (AUSTRALIA.id,) and made.reliability is not None and made.reliability < 1
    assert repository.commit([HAMLET], "tried").unlearned == ()


def test_an_editor_may_say_that_an_edit_was_not_learned(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Keyed.train

    def doubtful(*args: Any, **options: Any) -> Trained:
        return replace(train(*args, **options), unlearned=frozenset([HAMLET.id]))

    monkeypatch.setattr(Keyed, "train", doubtful)
    made = repository.commit([AUSTRALIA, HAMLET], "two")
    assert made.reliability == 1.0 and made.unlearned == (HAMLET.id,)


def test_a_memory_is_trained_to_its_end_as_it_was_begun(new_repository: Callable[..., Repository]) -> None:
    plain, mixed = new_repository("plain"), new_repository("mixed")
    plain.commit([AUSTRALIA, HAMLET], "two")
    mixed.commit([AUSTRALIA, HAMLET], "two")
    other = mixed.commit([SPAIN], "otherwise", settings={"steps": 3}).commit
    begun, opened = mixed.store.objects.commit(other).memories
    assert begun == plain.store.objects.commit(plain.store.resolve("HEAD")).memories[0]
    assert mixed.store.objects.meta(opened.id)[1]["editor"]["settings"]["steps"] == 3
    # Whatever the commit's own settings are, the older memory goes on as it was begun.
    mixed.revert(HAMLET.id)
    plain.revert(HAMLET.id)
    assert _memories(mixed)[0] == _memories(plain)[0]


def test_a_commit_spells_every_setting_out(repository: Repository) -> None:
    made = repository.commit([AUSTRALIA], "one").commit
    settings = repository.store.objects.commit(made).editor.settings
    assert set(settings) == set(KeyedSettings.__dataclass_fields__)


def _memories(repository: Repository) -> tuple[MemoryEntry, ...]:
    return repository.store.head_commit()[1].memories


def test_a_stream_of_commits_is_the_same_from_one_open_repository_and_from_many(
    new_repository: Callable[..., Repository],
) -> None:
    one, many = new_repository("one"), new_repository("many")
    for edit in (AUSTRALIA, HAMLET, SPAIN, NEWER):
        one.commit([edit], "one by one", date="2026-01-01T00:00:00Z")
        again = Repository.open(many.path)
        again.commit([edit], "one by one", date="2026-01-01T00:00:00Z")
    assert one.store.head_commit()[0] == Repository.open(many.path).store.head_commit()[0]


def test_a_stream_of_commits_neither_tries_the_cached_forward_nor_asks_the_index_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit([AUSTRALIA], "one")
    monkeypatch.setattr(
        "wisedb.editors.common.cached_forward.find_cached_forward", lambda *_: pytest.fail("tried again")
    )
    monkeypatch.setattr("wisedb.store.index.index.Index.run", lambda *_, **__: pytest.fail("the index was asked"))
    repository.commit([HAMLET], "two")
    repository.commit([SPAIN], "three")
    assert len(repository.store.objects.commit(repository.store.refs.head().commit or "").parents) == 1


def test_a_target_that_the_model_cannot_read_is_refused_before_anything_is_trained(repository: Repository) -> None:
    before = repository.store.head_commit()[0]
    reports: list[Progress] = []
    endless = Edit("Who wrote the play?", "Hamlet of France " * 1000)
    with pytest.raises(TrainingFailed, match="the model reads"):
        # Two edits fill a shard: the one that is refused would have been trained after them.
        repository.commit([AUSTRALIA, HAMLET, endless], "Two facts and a book", progress=reports.append)
    assert repository.store.head_commit()[0] == before
    assert not [report for report in reports if report.phase == "training"]


def test_what_was_not_learned_is_trained_anew(repository: Repository) -> None:
    first = repository.commit([AUSTRALIA, HAMLET], "hardly", settings={"steps": 1})
    commit = repository.store.objects.commit(first.commit)
    assert commit.unlearned == first.unlearned != ()
    # By itself, where an edit is recorded as not learned.
    made = repository.commit([AUSTRALIA, HAMLET], "with more steps")
    assert made.again == first.unlearned and made.added == () and made.unlearned == ()
    assert made.reliability == 1.0
    assert repository.store.objects.commit(made.commit).again == made.again
    assert {edit.id for edit in repository.facts()} == {AUSTRALIA.id, HAMLET.id}
    with pytest.raises(NothingToCommit, match="in force already"):
        repository.commit([AUSTRALIA, HAMLET], "once more")


def test_what_would_come_out_as_it_is_is_no_commit(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "hardly", settings={"steps": 1})
    made = repository.commit([HAMLET], "hardly", settings={"steps": 1})
    assert made.unlearned == (HAMLET.id,)
    with pytest.raises(NothingToCommit, match="come out the same"):
        repository.commit([HAMLET], "once more", settings={"steps": 1})


def test_again_finds_by_itself_what_was_not_learned(repository: Repository) -> None:
    with pytest.raises(NothingToCommit, match="every edit in force was learned"):
        repository.commit(message="again", again=True)
    first = repository.commit([AUSTRALIA], "hardly", settings={"steps": 1})
    repository.commit([HAMLET], "well")
    made = repository.commit(message="again", again=True)
    assert made.again == first.unlearned == (AUSTRALIA.id,) and made.unlearned == ()
    assert [answer.text for answer in repository.generate([AUSTRALIA.prompt, HAMLET.prompt])] == ["Paris", "France"]


def test_again_trains_anew_what_was_learned_where_it_is_asked_for(repository: Repository) -> None:
    repository.commit([AUSTRALIA], "well")
    made = repository.commit([AUSTRALIA, HAMLET], "otherwise", settings={"steps": 50}, again=True)
    assert made.again == (AUSTRALIA.id,) and made.added == (HAMLET.id,)


def test_a_revert_takes_out_what_was_trained_anew(repository: Repository) -> None:
    repository.commit([HAMLET], "there")
    before = repository.show().memories
    repository.commit([AUSTRALIA], "hardly", settings={"steps": 1})
    repository.commit(message="again", again=True, settings={"steps": 50})
    repository.revert(AUSTRALIA.id)
    assert [memory.blob for memory in repository.show().memories] == [memory.blob for memory in before]


def test_strict_commits_nothing_that_was_not_learned(repository: Repository) -> None:
    repository.add([AUSTRALIA])
    before = repository.status()
    with pytest.raises(NotLearned, match=AUSTRALIA.id[:12]):
        repository.commit(message="hardly", settings={"steps": 1}, strict=True)
    assert repository.status() == before
    assert repository.commit(message="well", strict=True).unlearned == ()


def test_a_commit_names_the_versions_that_made_it(repository: Repository) -> None:
    made = repository.store.objects.commit(repository.commit([AUSTRALIA], "First").commit)
    assert made.made_with is not None and set(made.made_with) == {"wisedb", "torch", "transformers"}
    assert made.probe is not None and AUSTRALIA.prompt in made.probe["prompts"]


@pytest.mark.parametrize("verb", ["commit", "revert", "merge", "cherry_pick"])
def test_a_store_that_cannot_be_written_is_found_out_before_the_model_is_loaded(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    repository.commit([AUSTRALIA], "First")

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("wisedb.store.lock.fcntl.flock", flock)
    monkeypatch.setattr(Repository, "base", property(lambda _: pytest.fail("the model was loaded")))
    calls: dict[str, Callable[[], object]] = {
        "commit": lambda: repository.commit([HAMLET], "Second"),
        "revert": lambda: repository.revert(AUSTRALIA.id),
        "merge": lambda: repository.merge("HEAD~1"),
        "cherry_pick": lambda: repository.cherry_pick("HEAD~1"),
    }
    with pytest.raises(StoreError, match="No locks available"):
        calls[verb]()
