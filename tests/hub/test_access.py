"""Who may do what: private and gated repositories, tokens that may read only, tokens nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from tests.hub.fixtures import ADA, EVE, READER
from tests.hub.server import Hub


def client(hub: Hub, token: str | bool) -> HfApi:
    return HfApi(endpoint=hub.url, token=token)


def status(caught: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return int(caught.value.response.status_code)


@pytest.mark.parametrize(("token", "code"), [(False, 401), (EVE, 404)])
def test_a_private_repository_is_not_there_for_others(
    hub: Hub, hub_api: HfApi, tmp_path: Path, token: str | bool, code: int
) -> None:
    hub.add_repo("org/secret", {"a.txt": b"a"}, private=True)
    other = client(hub, token)
    for attempt in (
        lambda: other.repo_info("org/secret"),
        lambda: other.hf_hub_download("org/secret", "a.txt", cache_dir=tmp_path),
        lambda: other.snapshot_download("org/secret", cache_dir=tmp_path),
        lambda: other.list_repo_refs("org/secret"),
        lambda: other.repo_info("org/missing"),
    ):
        with pytest.raises(RepositoryNotFoundError) as caught:
            attempt()
        assert status(caught) == code
    hub_api.repo_info("org/secret")
    assert client(hub, READER).hf_hub_download("org/secret", "a.txt", cache_dir=tmp_path)


def test_a_gated_repository_shows_its_listing_and_keeps_its_files(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    repository = hub.add_repo("org/base", {"config.json": b"{}", "w.safetensors": b"w" * 20}, gated=True)
    for token, code in ((False, 401), (EVE, 403)):
        other = client(hub, token)
        assert other.repo_info("org/base").gated == "auto"
        assert "config.json" in other.list_repo_files("org/base")
        with pytest.raises(GatedRepoError) as caught:
            other.hf_hub_download("org/base", "config.json", cache_dir=tmp_path)
        assert status(caught) == code
        with pytest.raises(GatedRepoError):
            other.auth_check("org/base")
    repository.granted.add("eve")
    client(hub, EVE).snapshot_download("org/base", cache_dir=tmp_path)
    hub_api.auth_check("org/base", write=True)


@pytest.mark.parametrize("token", [READER, EVE])
def test_who_may_not_write_hears_403(hub: Hub, hub_api: HfApi, token: str) -> None:
    hub.add_repo("org/facts")
    before = hub.refs("org/facts")
    other = client(hub, token)
    for attempt in (
        lambda: other.create_commit("org/facts", [CommitOperationAdd("a.txt", b"a")], commit_message="a"),
        lambda: other.create_branch("org/facts", branch="one"),
        lambda: other.create_tag("org/facts", tag="v1"),
        lambda: other.delete_repo("org/facts"),
        lambda: other.create_repo("org/new"),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            attempt()
        assert status(caught) == 403
    assert hub.refs("org/facts") == before
    assert "org/new" not in hub.state.repositories


def test_without_a_token_nothing_is_written(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    for attempt in (
        lambda: client(hub, False).create_repo("org/new"),
        lambda: client(hub, False).create_commit("org/facts", [CommitOperationAdd("a.txt", b"a")], commit_message="a"),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            attempt()
        assert status(caught) == 401


def test_a_token_nobody_has_is_refused_everywhere(hub: Hub, hub_api: HfApi) -> None:
    hub.add_repo("org/facts")
    for token in ("hf_made_up", READER):
        if token == READER:
            hub.state.accounts.revoke(READER)
        with pytest.raises(HfHubHTTPError, match=r"Invalid credentials|Invalid user token") as caught:
            client(hub, token).repo_info("org/facts")
        assert status(caught) == 401
        assert not isinstance(caught.value, RepositoryNotFoundError)


def test_a_token_without_permissions_sees_what_everybody_sees(hub: Hub, hub_api: HfApi) -> None:
    hub.add_user("ada", "hf_ada_nothing", role="none")
    hub.add_repo("org/facts")
    hub.add_repo("org/secret", private=True)
    weak = client(hub, "hf_ada_nothing")
    assert weak.whoami()["name"] == "ada"
    weak.repo_info("org/facts")
    with pytest.raises(RepositoryNotFoundError):
        weak.repo_info("org/secret")


def test_who_am_i(hub: Hub, hub_api: HfApi) -> None:
    me = hub_api.whoami()
    assert (me["name"], me["auth"]["accessToken"]["role"]) == ("ada", "write")
    assert [org["name"] for org in me["orgs"]] == ["org"]
    assert client(hub, READER).whoami()["auth"]["accessToken"]["role"] == "read"


def test_settings_change_who_sees_a_repository(hub: Hub, hub_api: HfApi) -> None:
    hub_api.create_repo("org/facts", private=True)
    assert hub_api.repo_info("org/facts").private is True
    hub_api.update_repo_settings("org/facts", visibility="public", gated="auto")
    info = client(hub, False).repo_info("org/facts")
    assert (info.private, info.gated) == (False, "auto")
    assert hub.traffic.exchanges[-1].user == "anonymous"
    assert client(hub, ADA).repo_info("org/facts").gated == "auto"
