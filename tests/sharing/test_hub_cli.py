"""The command line against a Hub, each command a process of its own, as users have it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.hub.faults import ActThenAnswer, Answer, CutBody, First, HangUp, WrongBytes
from tests.hub.fixtures import ADA, EVE, READER
from tests.hub.server import Hub
from tests.sharing.conftest import Large
from wisedb.store.fsck import fsck
from wisedb.store.places import FOLDER
from wisedb.store.store import Store

REPO = "org/facts"


@dataclass(frozen=True)
class User:
    """Somebody with a machine of their own.

    Attributes:
        hub: the Hub.
        folder: what is on the machine.
        token: the token in the environment, if any.
        xet: whether the client may use Xet.
        asked: what was printed so far, to look for what should not be.
    """

    hub: Hub
    folder: Path
    token: str | None = ADA
    xet: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "WISEDB_"))}
        author = {"WISEDB_AUTHOR": f"{self.folder.name} <{self.folder.name}@example.org>", "OMP_NUM_THREADS": "1"}
        return {**kept, **author, **self.hub.environment(self.folder / "hf", self.token, xet=self.xet)}

    def run(self, *words: str | Path, at: str = ".") -> subprocess.CompletedProcess[str]:
        """One command line."""
        self.folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "wisedb", *map(str, words)],
            cwd=self.folder / at,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        self.asked.append(done.stdout + done.stderr)
        return done

    def answer(self, *words: str | Path, at: str = ".") -> Any:
        """The JSON document of a command that must succeed and say nothing else."""
        done = self.run(*words, "--json", at=at)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return json.loads(done.stdout)

    def refused(self, *words: str | Path, at: str = ".") -> dict[str, str]:
        """The error of a command that must fail, told in one line and a hint."""
        done = self.run(*words, "--json", at=at)
        assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr
        error: dict[str, str] = json.loads(done.stderr)["error"]
        assert "\n" not in error["message"]
        return error


People = Callable[..., User]


@pytest.fixture
def people(hub: Hub, tmp_path: Path) -> Any:
    """Makes users by name; at the end, nobody has seen a token or a signed address."""
    made: list[User] = []

    def make(name: str, token: str | None = ADA, *, xet: bool = False) -> User:
        made.append(User(hub, tmp_path / name, token, xet))
        return made[-1]

    yield make
    for user in made:
        for text in user.asked:
            assert not any(secret in text for secret in (ADA, EVE, READER, "signature=", "Traceback")), text


@pytest.fixture
def ada(people: People, store: Store, tmp_path: Path) -> User:
    """Ada, with a store of three commits that is hers to push."""
    (tmp_path / "ada" / FOLDER).rename(tmp_path / "ada" / "moving")
    (tmp_path / "ada" / "facts").mkdir()
    (tmp_path / "ada" / "moving").rename(tmp_path / "ada" / "facts" / FOLDER)
    return people("ada")


def store_of(user: User, name: str = "facts") -> Store:
    return Store.open(user.folder / name / FOLDER)


@pytest.mark.parametrize("xet", [False, True], ids=["lfs", "xet"])
def test_publish_take_over_and_give_back(hub: Hub, ada: User, people: People, kit: Large, xet: bool) -> None:
    ada = User(hub, ada.folder, ADA, xet)
    ada.answer("remote", "add", "origin", REPO, at="facts")
    ada.answer("tag", "v1", "HEAD~1", at="facts")
    pushed = ada.answer("push", "--tag", "v1", at="facts")
    head = store_of(ada).resolve("HEAD")
    assert {(ref["name"], ref["from"], ref["to"]) for ref in pushed["refs"]} >= {("refs/heads/main", None, head)}
    assert pushed["blobs_sent"] > 0 and pushed["bytes"] > 300_000
    assert set(hub.refs(REPO)) == {"refs/heads/main", "refs/tags/v1"}

    bob = people("bob", xet=xet)
    listed = bob.answer("ls-remote", REPO)
    assert {ref["name"]: ref["commit"] for ref in listed} == {
        "refs/heads/main": head,
        "refs/tags/v1": store_of(ada).resolve("v1"),
    }
    cloned = bob.answer("clone", f"hf://{REPO}")
    assert cloned["head"] == head and cloned["blobs_received"] > 0
    assert fsck(store_of(bob)).problems == () and store_of(bob).resolve("v1") == store_of(ada).resolve("v1")
    assert bob.answer("log", "-n", "1", at="facts")[0]["commit"] == head

    mine = kit.land(store_of(bob), kit.edit(8, "Hobart"), minute=8)
    bob.answer("push", at="facts")
    pulled = ada.answer("pull", at="facts")
    assert store_of(ada).resolve("HEAD") == mine and pulled["blobs_received"] == 2
    assert hub.traffic.kinds()["reconstruction" if xet else "upload"] > 0


def test_a_lost_race_is_told_and_a_pull_helps(hub: Hub, ada: User, people: People, kit: Large) -> None:
    ada.answer("push", REPO, at="facts")
    bob, eve = people("bob"), people("cleo")
    for user in (bob, eve):
        user.answer("clone", REPO)
    kit.land(store_of(bob), kit.edit(8, "Hobart"), minute=8)
    kit.land(store_of(eve), kit.edit(9, "Perth"), minute=9)
    # Cleo is quicker by so little that Bob's push is on its way already.
    fault = hub.faults.on("POST", "*/commit/*", First(lambda: eve.answer("push", at="facts")))
    error = bob.refused("push", at="facts")
    assert fault.struck == 1 and error["kind"] == "push-rejected" and "wisedb pull" in error["hint"]
    error = bob.refused("push", at="facts")
    assert error["kind"] == "push-rejected" and "wisedb pull" in error["hint"]
    assert [ref["commit"] for ref in bob.answer("ls-remote", at="facts")] == [store_of(eve).resolve("HEAD")]


@pytest.mark.parametrize("fault", [ActThenAnswer(500), HangUp(acted=True)], ids=["500", "cut"])
def test_a_push_whose_answer_is_lost_has_happened(hub: Hub, ada: User, fault: Any) -> None:
    struck = hub.faults.on("POST", "*/commit/*", fault)
    assert ada.answer("push", REPO, at="facts")["refs"] and struck.struck == 1
    assert ada.answer("push", REPO, at="facts")["refs"] == []


def test_a_push_that_failed_goes_on_where_it_was(hub: Hub, ada: User) -> None:
    hub.faults.on("POST", "*/commit/*", Answer(503))
    assert ada.refused("push", REPO, at="facts")["kind"] == "remote-unavailable"
    assert ada.answer("ls-remote", REPO) == []
    hub.traffic.clear()
    ada.answer("push", REPO, at="facts")
    assert hub.traffic.received("upload") == 0 and len(ada.answer("ls-remote", REPO)) == 1


@pytest.mark.parametrize("fault", [CutBody(5_000), WrongBytes()], ids=["cut", "wrong"])
def test_a_clone_gets_over_what_arrives_damaged(hub: Hub, ada: User, people: People, fault: Any) -> None:
    ada.answer("push", REPO, at="facts")
    struck = hub.faults.on("GET", "/files/*", fault)
    bob = people("bob")
    bob.answer("clone", REPO)
    assert struck.struck == 1 and fsck(store_of(bob)).problems == ()


def test_wrong_bytes_are_never_taken(hub: Hub, ada: User, people: People) -> None:
    ada.answer("push", REPO, at="facts")
    hub.faults.on("GET", "/files/*", WrongBytes(), times=None)
    bob = people("bob")
    assert bob.refused("clone", REPO)["kind"] == "corrupt-object"
    assert not (bob.folder / "facts").exists()


def test_what_is_not_there(ada: User, people: People) -> None:
    for user in (ada, people("nobody", token=None)):
        error = user.refused("clone", "org/nothing", "nothing")
        assert error["kind"] == "remote-not-found" and "org/nothing" in error["message"]


@pytest.mark.parametrize(("token", "told"), [(None, "hf auth login"), (READER, "token"), (EVE, "token")])
def test_who_may_not_push(hub: Hub, ada: User, token: str | None, told: str) -> None:
    hub.add_repo("org/other")
    other = User(hub, ada.folder, token, asked=ada.asked)
    for repo in ("org/other", "org/new"):
        error = other.refused("push", repo, at="facts")
        assert error["kind"] == "not-authorized" and told in error["hint"]
    assert hub.files("org/other").keys() == {".gitattributes"}


def test_a_private_repository_and_a_gated_one(hub: Hub, ada: User, people: People) -> None:
    ada.answer("push", REPO, "--private", at="facts")
    stranger = people("eve", EVE)
    assert stranger.refused("clone", REPO)["kind"] == "remote-not-found"
    repository = hub.state.repositories[REPO]
    repository.private, repository.gated = False, True
    error = stranger.refused("clone", REPO)
    assert error["kind"] == "not-authorized" and f"{hub.url}/{REPO}" in error["hint"]
    repository.granted.add("eve")
    stranger.answer("clone", REPO)


def test_a_change_is_proposed(hub: Hub, ada: User, people: People, kit: Large) -> None:
    ada.answer("push", REPO, at="facts")
    eve = people("eve", EVE)
    eve.answer("clone", REPO)
    kit.land(store_of(eve), kit.edit(8, "Hobart"), minute=8)
    proposed = eve.answer("push", "--create-pr", at="facts")
    assert proposed["page"] == f"{hub.url}/{REPO}/discussions/1"
    assert ada.answer("ls-remote", REPO)[0]["commit"] == store_of(ada).resolve("HEAD")


def test_where_xet_is_not_offered(hub: Hub, ada: User) -> None:
    hub.state.xet = False
    user = User(hub, ada.folder, ADA, xet=True, asked=ada.asked)
    assert "HF_HUB_DISABLE_XET=1" in user.refused("push", REPO, at="facts")["hint"]
    assert ada.answer("push", REPO, at="facts")["refs"]
