"""What two lines of history began with, after a criss-cross too."""

from __future__ import annotations

from tests.merging import MOON, PERTH, WATER, facts, fork
from tests.stores import AUSTRALIA, HAMLET, NEWER, SUM
from wisedb.repository import Repository
from wisedb.versioning.merging.base import common


def criss_cross(repository: Repository, main: str, side: str) -> None:
    """Both branches merge the other's last commit, settling AUSTRALIA as they are told."""
    fork(repository, [AUSTRALIA, HAMLET], [NEWER], [PERTH, WATER])
    repository.tag("ours")
    repository.merge("side", side=main)
    repository.switch("side")
    repository.merge("ours", side=side)
    repository.switch("main")


def test_a_criss_cross_that_was_settled_alike_is_clean(repository: Repository) -> None:
    criss_cross(repository, "ours", "theirs")
    shared = common(repository.store, repository.store.resolve("main"), repository.store.resolve("side"))
    assert len(shared.bases) == 2 and shared.disputed == {AUSTRALIA.key}
    assert set(shared.facts) == {HAMLET.key, WATER.key}
    repository.commit([SUM], "more")
    repository.switch("side")
    repository.commit([MOON], "more")
    made = repository.merge("main")
    assert made.conflicts == () and made.commit is not None
    assert facts(repository) == {
        AUSTRALIA.prompt: "France",
        HAMLET.prompt: "France",
        WATER.prompt: "France",
        SUM.prompt: "Hamlet",
        MOON.prompt: "play",
    }


def test_a_criss_cross_that_was_settled_differently_is_a_conflict(repository: Repository) -> None:
    criss_cross(repository, "ours", "ours")
    (conflict,) = repository.merge("side").conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (None, NEWER, PERTH)
    repository.merge("side", side="theirs")
    assert facts(repository)[AUSTRALIA.prompt] == "play"


def test_a_fact_taken_out_on_one_line_of_a_criss_cross_stays_out(repository: Repository) -> None:
    fork(repository, [AUSTRALIA, HAMLET], [SUM], [WATER])
    repository.tag("ours")
    repository.merge("side")
    repository.switch("side")
    repository.merge("ours")
    repository.revert(HAMLET.id)
    repository.switch("main")
    assert repository.merge("side").removed == (HAMLET,)
    assert set(facts(repository)) == {AUSTRALIA.prompt, SUM.prompt, WATER.prompt}


def test_criss_crosses_upon_criss_crosses_end(repository: Repository) -> None:
    fork(repository, [AUSTRALIA], [SUM], [WATER])
    for number in range(3):
        repository.branch(f"main-{number}", "main")
        repository.branch(f"side-{number}", "side")
        repository.merge(f"side-{number}", date=f"2026-02-0{number + 1}T00:00:00Z")
        repository.switch("side")
        repository.merge(f"main-{number}", date=f"2026-02-0{number + 1}T00:00:00Z")
        repository.switch("main")
    made = repository.merge("side")
    assert made.conflicts == () and made.to_train == 0 and len(made.bases) == 2
    assert set(facts(repository)) == {AUSTRALIA.prompt, SUM.prompt, WATER.prompt}
