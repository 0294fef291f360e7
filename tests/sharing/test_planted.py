"""Links in a pack in a folder, and beside the place of a clone: none is followed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.sharing.conftest import Large, sent_to
from wisedb.errors import UnsafeFile, UsageError, WisedbError
from wisedb.sharing.clone import clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.named import RemoteTarget, find_target
from wisedb.sharing.push import push
from wisedb.store.fsck import fsck
from wisedb.store.store import Store

SECRET = "-----BEGIN THE KEY-----"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def test_no_card_publishes_what_a_link_leads_to(bob: Store, kit: Large, pack: Path, secret: Path) -> None:
    (pack / "README.md").unlink(missing_ok=True)
    (pack / "README.md").symlink_to(secret)
    kit.land(bob, kit.edit(8), minute=8)
    with pytest.raises(UnsafeFile, match=r"README\.md is a link"):
        push(bob, find_target(bob, None))
    assert SECRET not in repr({name: data for name, data in sent_to(pack).items() if name != "README.md"})
    assert secret.read_text() == SECRET and (pack / "README.md").is_symlink()


@pytest.mark.filterwarnings("ignore:origin has (gone back|another manifest)")
def test_no_file_of_a_pack_is_taken_from_behind_a_link(bob: Store, kit: Large, pack: Path, tmp_path: Path) -> None:
    """Each file and folder in turn, moved elsewhere: who clones, fetches and pushes is told or does without."""
    keep, away = tmp_path / "keep", tmp_path / "away"
    shutil.copytree(pack, keep)
    kit.land(bob, kit.edit(8), minute=8)
    for name in [path.relative_to(keep) for path in sorted(keep.rglob("*"))]:
        shutil.rmtree(pack)
        shutil.copytree(keep, pack)
        shutil.rmtree(away, ignore_errors=True)
        away.mkdir()
        (pack / name).rename(away / "there")
        (pack / name).symlink_to(away / "there")
        before = sent_to(away)
        for attempt in (
            lambda: clone(str(pack), tmp_path / "eve"),
            lambda: push(bob, find_target(bob, None), PushOptions(force=True)),
            lambda: fetch(bob, find_target(bob, None)),
        ):
            try:
                attempt()
            except WisedbError as error:
                assert error.hint, name
        assert sent_to(away) == before, name
        shutil.rmtree(tmp_path / "eve", ignore_errors=True)
    shutil.rmtree(pack)


def test_a_clone_deletes_nothing_that_is_not_an_unfinished_clone(bob: Store, pack: Path, tmp_path: Path) -> None:
    victim = bob.root.parent
    before = sent_to(victim)
    making = tmp_path / ".eve.cloning"

    making.symlink_to(victim)
    with pytest.raises(UnsafeFile, match=r"\.eve\.cloning is a link"):
        clone(str(pack), tmp_path / "eve")
    making.unlink()

    making.mkdir()
    (making / ".wisedb").symlink_to(bob.root)
    with pytest.raises(UnsafeFile):
        clone(str(pack), tmp_path / "eve")
    shutil.rmtree(making, ignore_errors=True)

    (making / ".wisedb").mkdir(parents=True)
    (making / ".wisedb" / "refs").symlink_to(bob.root / "refs")
    (making / "source").write_text(str(pack))  # as if an earlier clone had been cut off
    with pytest.raises(UnsafeFile):
        clone(str(pack), tmp_path / "eve")
    shutil.rmtree(making, ignore_errors=True)

    making.mkdir()
    (making / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        clone(str(pack), tmp_path / "eve")
    assert (making / "thesis.txt").read_text() == "years of work"

    assert sent_to(victim) == before and fsck(bob).ok and not (tmp_path / "eve").exists()


def test_no_lock_of_a_clone_empties_what_it_leads_to(
    store: Store, target: RemoteTarget, pack: Path, tmp_path: Path, secret: Path
) -> None:
    push(store, target)
    making = tmp_path / ".eve.cloning"
    making.mkdir()
    (making / "lock").symlink_to(secret)
    with pytest.raises(UnsafeFile, match="lock is a link"):
        clone(str(pack), tmp_path / "eve")
    assert secret.read_text() == SECRET
