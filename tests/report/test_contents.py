"""What is gathered of a commit is what the history holds."""

from __future__ import annotations

from pathlib import Path

from tests.signing.keys import allowed, needs_ssh, ssh_key
from tests.stores import AUSTRALIA, HAMLET, NEWER, SPAIN, SUM, copy_of
from wisedb.report.contents import gather
from wisedb.repository import Repository
from wisedb.signing.signer import Signer
from wisedb.signing.verdict import Trust
from wisedb.store.fsck import FsckReport
from wisedb.store.refnames import HEAD

SOUND = FsckReport((), 0)


def test_facts_with_who_brought_them_and_the_timeline(history: Repository) -> None:
    found = gather(history.store, HEAD, SOUND, Trust())
    log = history.log()
    assert found.commit == log[0].commit and [row.commit for row in found.commits] == [e.commit for e in log[::-1]]
    assert [row.number for row in found.commits] == [1, 2, 3]
    assert [(fact["id"], fact["author"], fact["commit"]) for fact in found.facts] == [
        (AUSTRALIA.id, "Ada", log[1].commit),
        (HAMLET.id, "Ben", log[0].commit),
        (SUM.id, "Ben", log[0].commit),
    ]
    assert found.facts[0]["reason"] == "for the test" and found.facts[2]["tags"] == ["arithmetic"]
    assert found.base["fingerprint"] == log[0].record.base.fingerprint
    assert found.taken == () and found.commits[1].scores["commit"]["reliability"] is not None
    assert [row.added for row in found.commits] == [0, 1, 2]


def test_bytes_are_those_of_what_the_parent_lacks(history: Repository) -> None:
    found = gather(history.store, HEAD, SOUND, Trust())
    objects = history.store.objects
    reached = {row.commit for row in found.commits}.union(*(entry.record.blobs for entry in history.log()))
    assert sum(row.bytes for row in found.commits) == sum(objects.size(each) for each in reached)


def test_what_was_put_out_of_force_by_whom_and_what_came_instead(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    made.commit([NEWER], "newer", author="Eve")
    made.revert([HAMLET.id], "wrong", author="Cy")
    found = gather(made.store, HEAD, SOUND, Trust())
    told = [(taken.edit.id, taken.author, taken.message, taken.now and taken.now.id) for taken in found.taken]
    assert told == [(HAMLET.id, "Cy", "wrong", None), (AUSTRALIA.id, "Eve", "newer", NEWER.id)]
    assert {fact["id"] for fact in found.facts} == {SUM.id, NEWER.id}
    document = found.to_json()
    assert document["taken_out"][0]["now"] is None and document["facts"][0]["answers"] is None


def test_a_merge_tells_once_what_was_taken_out_on_the_other_line(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    made.branch("other")
    made.commit([SPAIN], "here", author="Ada")
    made.switch("other")
    made.revert([HAMLET.id], "there", author="Ben")
    made.switch("main")
    made.merge("other", author="Ada")
    found = gather(made.store, HEAD, SOUND, Trust())
    assert [(taken.edit.id, taken.message) for taken in found.taken] == [(HAMLET.id, "there")]
    assert len(found.commits[-1].parents) == 2


def test_an_earlier_revision_tells_of_itself_alone(history: Repository) -> None:
    found = gather(history.store, "HEAD~1", SOUND, Trust())
    assert [fact["id"] for fact in found.facts] == [AUSTRALIA.id] and len(found.commits) == 2


@needs_ssh
def test_signatures_of_commits_and_tags_are_told(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    key = ssh_key(tmp_path)
    sign = Signer("ssh", str(key), "ssh-keygen")
    made.rollback("HEAD~1", sign=sign)
    made.tag("v1", note=("Ada", "why"), sign=sign)
    made.tag("plain", "HEAD~1")
    found = gather(made.store, HEAD, SOUND, Trust(allowed(tmp_path, ("ada@example.org", key))))
    assert found.signed == 1 and found.commits[-1].signature["signer"] == "ada@example.org"
    assert [(tag["name"], tag["valid"]) for tag in found.tags] == [("plain", False), ("v1", True)]
    assert gather(made.store, HEAD, SOUND, Trust()).signed == 0


def test_a_damaged_log_of_moves_hides_nothing_else(history: Repository, tmp_path: Path) -> None:
    made = copy_of(history, tmp_path / "copy")
    (made.store.root / "logs" / "HEAD.jsonl").write_text("damaged\n")
    found = gather(made.store, HEAD, made.fsck(), Trust())
    assert found.reflog == [] and len(found.facts) == 3
    assert [problem.kind for problem in found.integrity.problems] == ["corrupt-reflog"]
