"""The index: whatever happens to its files, the answers stay, and ``ensure`` says what it did."""

from __future__ import annotations

import errno
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.store.index.synthetic import Builder, attach, made_up
from wisedb.errors import MissingObject, UsageError, WisedbWarning
from wisedb.store import history
from wisedb.store.commits import Commit
from wisedb.store.files import Disk
from wisedb.store.index import Index, schema
from wisedb.store.objects import Objects
from wisedb.store.store import Store


def index(builder: Builder) -> Index:
    made = builder.store.index
    assert isinstance(made, Index)
    return made


def current(builder: Builder) -> Path:
    folder = builder.store.root / "index"
    return folder / str(json.loads((folder / "CURRENT").read_bytes())["file"])


def answers(store: Store) -> list[str]:
    return [edit.id for edit in history.facts(store)]


def refuse(step: str) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_missing_then_rebuilt_then_ok(builder: Builder) -> None:
    assert index(builder).status() == "missing"
    assert index(builder).ensure() == "rebuilt"
    assert (index(builder).status(), index(builder).ensure()) == ("ok", "ok")


def test_rebuild_tells_what_it_holds(builder: Builder) -> None:
    made = index(builder).rebuild()
    assert (made["commits"], made["edits"]) == (4, 9)
    assert made["seconds"] > 0


def test_behind_then_caught_up(builder: Builder) -> None:
    index(builder).ensure()
    before = current(builder)
    builder.move("main", builder.write([builder.tip()], list(made_up(50, 2))))
    assert index(builder).status() == "behind"
    assert len(answers(builder.store)) == 11
    assert current(builder) == before, "one commit is not worth a copy of the file"
    assert index(builder).ensure() == "caught-up"
    assert (index(builder).status(), current(builder) != before) == ("ok", True)
    assert len(answers(builder.store)) == 11


def test_many_commits_behind_are_caught_up_by_a_query(builder: Builder) -> None:
    index(builder).ensure()
    lagging = attach(builder.store, lag=2)
    for number in range(3):
        builder.move("main", builder.write([builder.tip()], list(made_up(50 + number, 1))))
    assert len(answers(builder.store)) == 12
    assert lagging.status() == "ok"


def test_a_landing_makes_a_generation_only_now_and_then(builder: Builder) -> None:
    index(builder).ensure()
    noted = attach(builder.store, lag=2)
    for number, expected in enumerate(["behind", "behind", "ok"]):
        state = builder.move("main", builder.write([builder.tip()], list(made_up(50 + number, 1))))
        assert state.commit is not None
        noted.note_commit(state.commit)
        assert noted.status() == expected


def test_a_landing_never_fails_because_of_the_index(builder: Builder) -> None:
    noted = Index(
        builder.store.root, builder.store.objects, builder.store.refs, builder.store.scores, lag=0, disk=Disk(refuse)
    )
    noted.note_commit(builder.tip().commit or "")
    noted.note_commit("f" * 64)
    assert noted.status() == "missing"


def damage_bytes(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(4096, len(data), 512):
        data[place] ^= 0xFF
    path.write_bytes(data)


def damage_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:8192] = bytes(8192)
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def lose_rows(path: Path) -> None:
    """What a damaged write-ahead log can do: fewer rows and no error."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM changes WHERE position = 1; CHECKPOINT")
    record = json.loads((path.parent / "CURRENT").read_bytes())
    record["bytes"] = path.stat().st_size
    (path.parent / "CURRENT").write_text(json.dumps(record))


def remove(path: Path) -> None:
    path.unlink()


def spoil_current(path: Path) -> None:
    (path.parent / "CURRENT").write_bytes(b'{"file": "../../etc/passwd"}')


def other_version(path: Path) -> None:
    record = json.loads((path.parent / "CURRENT").read_bytes())
    (path.parent / "CURRENT").write_text(json.dumps({**record, "version": schema.VERSION + 1}))


Damage = Callable[[Path], None]
DAMAGES: list[tuple[Damage, str]] = [
    (damage_header, "corrupt"),
    (truncate, "corrupt"),
    (lose_rows, "corrupt"),
    (remove, "missing"),
    (spoil_current, "corrupt"),
    (other_version, "outdated"),
]


@pytest.mark.parametrize(("damage", "status"), DAMAGES)
def test_damage_is_noticed_and_repaired(builder: Builder, damage: Damage, status: str) -> None:
    index(builder).ensure()
    expected = answers(builder.store)
    damage(current(builder))
    assert index(builder).status() == status
    assert index(builder).ensure() == "rebuilt"
    assert answers(builder.store) == expected


@pytest.mark.parametrize("damage", [*(damage for damage, _ in DAMAGES), damage_bytes])
def test_queries_repair_damage_by_themselves(builder: Builder, damage: Damage) -> None:
    index(builder).ensure()
    expected = answers(builder.store)
    damage(current(builder))
    assert answers(builder.store) == expected
    assert index(builder).status() == "ok"


def test_damage_is_told_from_a_wrong_query(builder: Builder) -> None:
    index(builder).ensure()
    damage_bytes(current(builder))
    columns, rows = history.sql(builder.store, "SELECT count(DISTINCT prompt) AS n FROM edits")
    assert (columns, rows) == (["n"], [[9]])
    with pytest.raises(UsageError):
        history.sql(builder.store, "SELECT nothing FROM edits")


@pytest.mark.parametrize("damage", [remove, truncate, damage_bytes])
def test_where_nothing_can_be_written_the_objects_answer(builder: Builder, damage: Damage) -> None:
    index(builder).ensure()
    expected = answers(builder.store)
    damage(current(builder))
    store = builder.store
    store.index = Index(store.root, store.objects, store.refs, store.scores, disk=Disk(refuse))
    assert answers(store) == expected
    if damage is not damage_bytes:  # that one is seen only by queries
        assert index(builder).ensure() == "bypassed"


def test_commits_that_a_read_only_index_lacks_are_read_from_the_objects(builder: Builder) -> None:
    index(builder).ensure()
    builder.move("main", builder.write([builder.tip()], list(made_up(50, 2))))
    store = builder.store
    store.index = Index(store.root, store.objects, store.refs, store.scores, lag=0, disk=Disk(refuse))
    assert len(answers(store)) == 11
    assert index(builder).ensure() == "bypassed"


def test_while_another_process_writes_the_index_is_left_alone(builder: Builder) -> None:
    folder = builder.store.root / "index"
    script = (
        "import sys; from pathlib import Path; from wisedb.store.lock import StoreLock\n"
        "with StoreLock(Path(sys.argv[1]), timeout=5).hold('a test'): print('held', flush=True); sys.stdin.read()"
    )
    folder.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert index(builder).ensure() == "bypassed"
        assert len(answers(builder.store)) == 9
        holder.communicate()
    assert index(builder).ensure() == "rebuilt"


def test_a_file_that_another_program_has_open_to_write_is_replaced(builder: Builder) -> None:
    index(builder).ensure()
    script = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(current(builder))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert index(builder).status() == "locked"
        assert len(answers(builder.store)) == 9
        assert index(builder).status() == "ok"
        holder.communicate()


def _read_often(root: Path, results: multiprocessing.Queue[str]) -> None:
    store = Store.open(root)
    attach(store)
    for _ in range(15):
        results.put(str(len(history.facts(store))))


def test_readers_and_a_writer_never_wait_for_each_other(builder: Builder) -> None:
    index(builder).ensure()
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = context.Queue()
    readers = [context.Process(target=_read_often, args=(builder.store.root, results)) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(6):
        builder.move("main", builder.write([builder.tip()], list(made_up(50 + number, 1))))
        index(builder).rebuild()
    seen = [results.get(timeout=120) for _ in range(30)]
    for reader in readers:
        reader.join()
        assert reader.exitcode == 0
    assert set(seen) <= {str(number) for number in range(9, 16)}


def test_a_damaged_history_says_so_and_spoils_no_index(builder: Builder) -> None:
    blob = builder.store.objects.commit(builder.tip().commit or "").edits
    assert blob is not None
    builder.store.objects.blob_path(blob).unlink()
    with pytest.warns(WisedbWarning, match="isn't in the store"):
        assert index(builder).ensure() == "rebuilt"
    with pytest.warns(WisedbWarning, match="isn't in the store"):
        assert len(history.search(builder.store, "ticket")) == 6
    with pytest.raises(MissingObject):
        history.facts(builder.store)
    assert index(builder).status() == "ok"


def test_only_the_new_commit_is_read_when_it_follows_the_last_one(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(builder).ensure()
    noted = attach(builder.store, lag=3)
    read: list[str] = []
    commit_of = Objects.commit

    def watched(self: Objects, commit_id: str) -> Commit:
        read.append(commit_id)
        return commit_of(self, commit_id)

    for number in range(3):
        state = builder.move("main", builder.write([builder.tip()], list(made_up(50 + number, 1))))
        assert state.commit is not None
        monkeypatch.setattr(Objects, "commit", watched)
        read.clear()
        noted.note_commit(state.commit)
        monkeypatch.setattr(Objects, "commit", commit_of)
        assert set(read) == {state.commit}
    # A commit elsewhere is counted anew.
    side = builder.move("side", builder.write([builder.tip()], list(made_up(60, 1))))
    assert side.commit is not None
    noted.note_commit(side.commit)
    assert noted.status() == "ok"
