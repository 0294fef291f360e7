"""Stores on the Hub: push, clone and fetch with the real client, over LFS and over Xet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelCard, ModelCardData, constants

from tests.hub.faults import Answer, CutBody, HangUp, WrongBytes
from tests.hub.fixtures import ADA, EVE
from tests.hub.server import Hub
from tests.sharing.conftest import Large
from wisedb.config import BaseModel
from wisedb.errors import CorruptObject, NotAuthorized, PushRejected, RemoteUnavailable
from wisedb.sharing.clone import Cloned, clone
from wisedb.sharing.fetch import fetch
from wisedb.sharing.jobs import PushOptions
from wisedb.sharing.lazy import fetch_promised
from wisedb.sharing.named import ORIGIN, RemoteTarget, add_remote
from wisedb.sharing.plan import Layout
from wisedb.sharing.public_base import PublicBase, public_base
from wisedb.sharing.push import push
from wisedb.sharing.remotes.hub import HubRemote
from wisedb.store.fsck import fsck
from wisedb.store.store import Store

REPO = "org/facts"
URL = f"hf://{REPO}"

Remotes = Callable[[str], HubRemote]


@pytest.fixture(params=["lfs", "xet"])
def transport(request: pytest.FixtureRequest) -> str:
    """Both ways on which large files travel."""
    request.getfixturevalue("hub_api" if request.param == "lfs" else "xet_api")
    return str(request.param)


@pytest.fixture(autouse=True)
def usual_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Hub on loopback is the usual one: the card asks it for the base model's licence."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "usual-cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def remotes(hub: Hub, tmp_path: Path) -> Remotes:
    """Remotes as ada, each with the cache of that name."""
    return lambda name: HubRemote(URL, token=ADA, endpoint=hub.url, cache_dir=tmp_path / name)


@pytest.fixture
def origin(store: Store, remotes: Remotes) -> RemoteTarget:
    """The Hub as the store's origin."""
    add_remote(store, ORIGIN, URL)
    return RemoteTarget(ORIGIN, remotes("ada-cache"), ORIGIN)


def cloned(tmp_path: Path, remotes: Remotes, name: str = "bob", *, lazy: bool = False) -> Cloned:
    return clone(URL, tmp_path / name, remote=remotes(f"{name}-cache"), lazy=lazy)


def same(one: Store, other: Store, rev: str = "HEAD") -> bool:
    """Whether both hold a commit with all its blobs."""
    commit = one.objects.commit(one.resolve(rev))
    return all(other.objects.get(blob_id) == one.objects.get(blob_id) for blob_id in commit.blobs)


@pytest.mark.usefixtures("transport")
def test_a_store_goes_up_and_comes_down(
    hub: Hub, store: Store, origin: RemoteTarget, remotes: Remotes, tmp_path: Path
) -> None:
    done = push(store, origin)
    assert done.commits == 4 and len(HfApi(endpoint=hub.url).list_repo_commits(REPO)) == 2
    hub.traffic.clear()
    made = cloned(tmp_path, remotes)
    assert made.store.head_commit()[0] == store.head_commit()[0] and same(store, made.store)
    assert fsck(made.store).problems == () and made.store.config.remotes == {ORIGIN: URL}
    assert not any(path.endswith("README.md") for path in hub.traffic.downloaded())


@pytest.mark.usefixtures("transport")
def test_only_what_is_missing_travels(
    hub: Hub, store: Store, origin: RemoteTarget, remotes: Remotes, tmp_path: Path, kit: Large
) -> None:
    push(store, origin)
    bob = cloned(tmp_path, remotes).store
    kit.land(store, kit.edit(9), minute=9)
    hub.traffic.clear()
    done = push(store, origin)
    large = [path for path in hub.files(REPO) if path.startswith("objects/")]
    assert done.commits == 1 and done.blobs == 2 and 100_000 < done.bytes < 150_000
    hub.traffic.clear()
    got = fetch(bob, RemoteTarget(ORIGIN, remotes("bob-cache"), ORIGIN))
    assert got.transfer.commits == 1
    fetched = {path.removeprefix(f"{REPO}:") for path in hub.traffic.downloaded() if "objects/" in path}
    assert len(fetched) == 1 and fetched < set(large)
    assert bob.resolve("origin/main") == store.resolve("main") and same(store, bob, store.resolve("main"))


@pytest.mark.usefixtures("transport")
def test_a_lazy_clone_fetches_when_it_must(
    hub: Hub, store: Store, origin: RemoteTarget, remotes: Remotes, tmp_path: Path
) -> None:
    push(store, origin)
    hub.traffic.clear()
    bob = cloned(tmp_path, remotes, lazy=True).store
    assert not any("objects/" in path for path in hub.traffic.downloaded())
    (memory,) = bob.objects.commit(bob.resolve("HEAD")).memories
    promised = [blob_id for blob_id in memory.blobs.values() if bob.objects.is_promised(blob_id)]
    assert promised
    fetch_promised(bob, remotes("bob-cache"), promised)
    assert same(store, bob)


def test_many_pushes_leave_few_files(hub: Hub, hub_api: HfApi, store: Store, origin: RemoteTarget, kit: Large) -> None:
    for minute in range(10, 18):
        kit.write(store, kit.edit(minute), minute=minute, ref=store.refs.head().ref)
        push(store, origin, layout=Layout(most=4))
    assert sum(path.startswith("bundles/") for path in hub.files(REPO)) <= 4
    assert len(hub_api.list_repo_commits(REPO)) == 9


def test_branches_and_tags_go_up(
    hub: Hub, hub_api: HfApi, store: Store, origin: RemoteTarget, remotes: Remotes, tmp_path: Path, kit: Large
) -> None:
    first = store.resolve("HEAD~1")
    store.refs.create("refs/tags/v1", first, "test")
    store.refs.create("refs/heads/fix", first, "test")
    kit.land(store, kit.edit(7, "Perth"), minute=7, ref="refs/heads/fix")
    push(store, origin, PushOptions(all_branches=True, all_tags=True))
    assert set(hub.refs(REPO)) == {"refs/heads/main", "refs/heads/fix", "refs/tags/v1"}
    bob = cloned(tmp_path, remotes).store
    for name in ("main", "fix"):
        assert bob.resolve(f"origin/{name}") == store.resolve(name)
    assert bob.refs.tags() == {"v1": first}
    push(store, origin, PushOptions(delete=("fix",)))
    fetch(bob, RemoteTarget(ORIGIN, remotes("bob-cache"), ORIGIN), prune=True)
    assert "refs/heads/fix" not in hub.refs(REPO) and bob.refs.names("refs/remotes/origin/") == [
        "refs/remotes/origin/main"
    ]


def test_a_lost_race_advises_to_pull(
    hub_api: HfApi, store: Store, origin: RemoteTarget, remotes: Remotes, tmp_path: Path, kit: Large
) -> None:
    push(store, origin)
    bob = cloned(tmp_path, remotes).store
    kit.land(bob, kit.edit(8, "Hobart"), minute=8)
    push(bob, RemoteTarget(ORIGIN, remotes("bob-cache"), ORIGIN))
    kit.land(store, kit.edit(9), minute=9)
    with pytest.raises(PushRejected) as caught:
        push(store, origin)
    assert "wisedb pull" in caught.value.hint
    fetch(store, origin)
    assert store.resolve("origin/main") == bob.resolve("HEAD")


def test_the_card_is_published_and_the_users_words_stay(
    hub: Hub, hub_api: HfApi, store: Store, origin: RemoteTarget, kit: Large
) -> None:
    hub.add_repo("some/model", {"README.md": b"---\nlicense: llama3.2\n---\n"})
    push(store, origin)
    card = ModelCard(hub.files(REPO)["README.md"].decode())
    assert isinstance(card.data, ModelCardData)
    assert card.data.base_model == "some/model" and card.data.license == "llama3.2"
    hub.push(REPO, {"README.md": str(card).replace("# org/facts", "# Mine").encode()})
    kit.land(store, kit.edit(9), minute=9)
    push(store, origin)
    text = hub.files(REPO)["README.md"].decode()
    assert "# Mine\n" in text and "land 9" in text and 'wisedb.load("org/facts")' in text


def test_a_gated_base_model_holds_no_push_back(hub: Hub, hub_api: HfApi, store: Store, origin: RemoteTarget) -> None:
    hub.add_repo("some/model", {"README.md": b"---\nlicense: llama3.2\n---\n"}, gated=True)
    push(store, origin)
    data = ModelCard(hub.files(REPO)["README.md"].decode()).data
    assert isinstance(data, ModelCardData)
    assert data.base_model == "some/model" and data.license is None


def test_the_licence_of_a_revision(hub: Hub) -> None:
    hub.add_repo("some/model")
    old = hub.push("some/model", {"README.md": b"---\nlicense: mit\n---\n"})
    hub.push("some/model", {"README.md": b"---\nlicense: gpl-3.0\n---\n"})
    base = BaseModel("some/model", old, "a" * 64, "b" * 64)
    assert public_base(base) == PublicBase("some/model", old)  # nobody asked the Hub
    assert public_base(base, online=True) == PublicBase("some/model", old, licence={"license": "mit"})
    assert public_base(replace(base, revision=None), online=True).licence == {"license": "gpl-3.0"}


def test_cut_on_the_way_down(
    hub: Hub,
    hub_api: HfApi,
    store: Store,
    origin: RemoteTarget,
    remotes: Remotes,
    tmp_path: Path,
    impatient: list[float],
) -> None:
    push(store, origin)
    hub.faults.on("GET", "/files/*", HangUp(), nth=3, times=None)
    with pytest.raises(RemoteUnavailable):
        cloned(tmp_path, remotes)
    assert not (tmp_path / "bob").exists()
    before = {path for path in hub.traffic.downloaded() if ":objects/" in path}
    hub.faults.clear()
    hub.traffic.clear()
    assert same(store, cloned(tmp_path, remotes).store)
    assert before and before.isdisjoint(hub.traffic.downloaded())


@pytest.mark.parametrize("fault", [WrongBytes(), CutBody(10_000)])
def test_what_arrives_damaged_once_arrives_whole(
    hub: Hub,
    hub_api: HfApi,
    store: Store,
    origin: RemoteTarget,
    remotes: Remotes,
    tmp_path: Path,
    fault: WrongBytes | CutBody,
) -> None:
    push(store, origin)
    # One answer: of several that come at the same time, two could be the same file's, asked for once more.
    struck = hub.faults.on("GET", "/files/*", fault, nth=2, times=1)
    bob = cloned(tmp_path, remotes).store
    assert struck.struck == 1 and same(store, bob) and fsck(bob).problems == ()


def test_what_stays_damaged_is_never_taken(
    hub: Hub, hub_api: HfApi, store: Store, origin: RemoteTarget, remotes: Remotes, tmp_path: Path
) -> None:
    push(store, origin)
    hub.faults.on("GET", "/files/*", WrongBytes(), times=None)
    with pytest.raises(CorruptObject):
        cloned(tmp_path, remotes)
    assert not (tmp_path / "bob").exists()


def test_where_xet_is_not_offered_the_way_out_is_told(
    hub: Hub, xet_api: HfApi, store: Store, origin: RemoteTarget
) -> None:
    hub.state.xet = False
    with pytest.raises(RemoteUnavailable) as caught:
        push(store, origin)
    assert "HF_HUB_DISABLE_XET=1" in caught.value.hint
    assert origin.remote.refs() == {}


def test_a_xet_store_that_fails(hub: Hub, xet_api: HfApi, store: Store, origin: RemoteTarget) -> None:
    hub.faults.on("*", "*/v1/*", Answer(403), times=None)
    with pytest.raises(RemoteUnavailable) as caught:
        push(store, origin)
    assert "HF_HUB_DISABLE_XET=1" in caught.value.hint
    hub.faults.clear()
    push(store, origin)
    assert set(origin.remote.refs()) == {"refs/heads/main"}


def test_over_xet_too_one_needs_permission(hub: Hub, xet_api: HfApi, store: Store, tmp_path: Path) -> None:
    hub.add_repo(REPO)
    eve = HubRemote(URL, token=EVE, endpoint=hub.url, cache_dir=tmp_path / "eve")
    with pytest.raises(NotAuthorized):
        push(store, RemoteTarget(URL, eve, None))
