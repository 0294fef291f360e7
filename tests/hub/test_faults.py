"""Faults do what they say, and the real client meets them as it would meet those of the Hub."""

from __future__ import annotations

import http.client
import os
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants, get_session
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from tests.hub.faults import ActThenAnswer, Answer, CutBody, CutUpload, Delay, HangUp, WrongBytes
from tests.hub.fixtures import ADA
from tests.hub.server import Hub

WEIGHTS = os.urandom(50_000)


@pytest.fixture(autouse=True)
def repository(hub: Hub) -> None:
    hub.add_repo("org/facts", {"w.safetensors": WEIGHTS, "a.txt": b"a"})


def push(api: HfApi, path: str = "b.txt", content: bytes = b"b") -> str:
    return str(api.create_commit("org/facts", [CommitOperationAdd(path, content)], commit_message="Push").oid)


def test_a_commit_that_is_refused_did_not_happen(hub: Hub, hub_api: HfApi) -> None:
    before = hub.refs("org/facts")
    fault = hub.faults.on("POST", "*/commit/*", Answer(503))
    with pytest.raises(HfHubHTTPError) as caught:
        push(hub_api)
    assert caught.value.response.status_code == 503
    assert hub.refs("org/facts") == before
    assert push(hub_api) == hub.refs("org/facts")["refs/heads/main"]
    assert (fault.seen, fault.struck) == (2, 1)


@pytest.mark.parametrize("effect", [ActThenAnswer(500), HangUp(acted=True)])
def test_a_commit_may_have_happened_although_it_failed(
    hub: Hub, hub_api: HfApi, effect: ActThenAnswer | HangUp
) -> None:
    before = hub.refs("org/facts")
    hub.faults.on("POST", "*/commit/*", effect)
    with pytest.raises(Exception, match=r"500|disconnected"):
        push(hub_api)
    assert hub.refs("org/facts") != before
    assert hub.files("org/facts")["b.txt"] == b"b"


def test_a_hang_up_before_the_deed(hub: Hub, hub_api: HfApi) -> None:
    before = hub.refs("org/facts")
    hub.faults.on("POST", "*/commit/*", HangUp())
    with pytest.raises(Exception, match="disconnected"):
        push(hub_api)
    assert hub.refs("org/facts") == before


def test_the_client_waits_as_long_as_it_is_told(hub: Hub, hub_api: HfApi, impatient: list[float]) -> None:
    hub.faults.on("POST", "*/preupload/*", Answer(429, {"Retry-After": "7"}), times=2)
    push(hub_api)
    assert impatient == [8, 8], "the seconds it was told and one more"


def test_a_cut_download_goes_on_where_it_broke_off(
    hub: Hub, hub_api: HfApi, impatient: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It keeps whole pieces only, of ten megabytes unless one says otherwise."""
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    fault = hub.faults.on("GET", "/files/*", CutBody(20_000), times=2)
    path = hub_api.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    assert Path(path).read_bytes() == WEIGHTS
    assert fault.struck == 2
    assert hub.traffic.sent("download") == len(WEIGHTS), "no byte came twice"


def test_a_download_that_never_ends_well_leaves_no_file(
    hub: Hub, hub_api: HfApi, impatient: list[float], tmp_path: Path
) -> None:
    hub.faults.on("GET", "/files/*", Answer(500), times=None)
    with pytest.raises(HfHubHTTPError):
        hub_api.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_wrong_bytes_are_taken_for_right(hub: Hub, hub_api: HfApi, tmp_path: Path) -> None:
    """The client compares sizes only: whoever needs the right bytes has to look at their hash."""
    hub.faults.on("GET", "/files/*", WrongBytes())
    content = Path(hub_api.hf_hub_download("org/facts", "w.safetensors", cache_dir=tmp_path)).read_bytes()
    assert len(content) == len(WEIGHTS)
    assert [place for place in range(len(WEIGHTS)) if content[place] != WEIGHTS[place]] == [len(WEIGHTS) // 2]


def test_a_cut_upload_is_tried_again(hub: Hub, hub_api: HfApi, impatient: list[float]) -> None:
    content = os.urandom(3_000_000)
    fault = hub.faults.on("PUT", "/objects/*", CutUpload(10_000))
    push(hub_api, "b.safetensors", content)
    assert fault.struck == 1
    assert hub.files("org/facts")["b.safetensors"] == content


def test_the_nth_and_the_following(hub: Hub) -> None:
    hub.faults.on("GET", "/api/models/*", Answer(500), nth=2, times=2)
    url = f"{hub.url}/api/models/org/facts"
    assert [get_session().get(url).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    hub.faults.on("GET", "/api/models/*", Answer(500), times=None)
    assert [get_session().get(url).status_code for _ in range(3)] == [500, 500, 500]
    hub.faults.clear()
    assert get_session().get(url).status_code == 200


def test_a_hub_that_is_down(hub: Hub, hub_api: HfApi, impatient: list[float], tmp_path: Path) -> None:
    hub.faults.on("*", "*", Answer(503), times=None)
    with pytest.raises(LocalEntryNotFoundError):
        hub_api.snapshot_download("org/facts", cache_dir=tmp_path)


def test_a_delay_is_only_a_delay(hub: Hub, hub_api: HfApi) -> None:
    fault = hub.faults.on("GET", "*/refs", Delay(0.01))
    assert hub_api.list_repo_refs("org/facts").branches
    assert fault.struck == 1


def test_a_mistake_in_the_hub_shows(hub: Hub) -> None:
    answer = get_session().post(
        f"{hub.url}/api/models/org/facts/commit/main", headers={"Authorization": f"Bearer {ADA}"}, content=b"no json"
    )
    assert answer.status_code == 500
    assert "JSONDecodeError" in answer.text
    assert hub.traffic.exchanges[-1].kind == "mistake"


def test_an_unknown_page_is_not_found(hub: Hub) -> None:
    assert get_session().get(f"{hub.url}/api/nowhere").status_code == 404
    assert hub.traffic.kinds() == {"unknown": 1}


def test_a_hub_that_ended_answers_nobody() -> None:
    """Not even on a connection that a client has kept: the next Hub may get the same port."""
    with Hub() as hub:
        connection = http.client.HTTPConnection(hub.url.removeprefix("http://"))
        connection.request("GET", "/api/nowhere")
        assert connection.getresponse().read()
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.request("GET", "/api/nowhere")
        connection.getresponse()
