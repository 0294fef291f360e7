"""What users type as an address, and what of it is ever kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from wisedb.errors import UnknownRemote, UsageError
from wisedb.sharing.url import parse_address


@pytest.mark.parametrize(
    ("text", "scheme", "url"),
    [
        ("ada/geography", "hf", "hf://ada/geography"),
        ("hf://ada/geography", "hf", "hf://ada/geography"),
        ("hf://ada/geography/", "hf", "hf://ada/geography"),
        ("https://huggingface.co/ada/geography", "hf", "hf://ada/geography"),
        ("/srv/facts", "file", "/srv/facts"),
        ("/srv/../facts/./x/", "file", "/facts/x"),
        ("file:///srv/my%20facts", "file", "/srv/my facts"),
        ("s3://bucket/a/b/", "s3", "s3://bucket/a/b"),
        ("S3://Bucket/a", "s3", "s3://Bucket/a"),
        ("gs://bucket", "gs", "gs://bucket"),
        ("memory://x", "memory", "memory://x"),
    ],
)
def test_an_address_has_one_form(text: str, scheme: str, url: str) -> None:
    address = parse_address(text)
    assert (address.scheme, address.url) == (scheme, url)
    assert parse_address(address.url) == address


def test_folders_are_told_from_repositories(tmp_path: Path) -> None:
    (tmp_path / "ada" / "geography").mkdir(parents=True)
    assert parse_address("ada/geography", base=tmp_path).url == str(tmp_path / "ada" / "geography")
    assert parse_address("./ada/other", base=tmp_path).url == str(tmp_path / "ada" / "other")
    assert parse_address("a/b/c", base=tmp_path).scheme == "file"
    assert parse_address("ada/other", base=tmp_path).scheme == "hf"
    assert parse_address("ada", base=tmp_path).scheme == "file"
    assert parse_address("ada/geography").name == "geography"


UNREADABLE = ("file://[", "s3://[", "hf://[")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ada",
        "a b/c",
        "hf://ada",
        "hf://a/b/c",
        "nosuch://x",
        "s3://",
        "file://host/x",
        "x\ny",
        "file://[",
        "s3://[",
        "hf://[",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UnknownRemote) as caught:
        parse_address(text)
    assert caught.value.hint and caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        "https://ada:hunter2@huggingface.co/ada/geography",
        "s3://AKIAEXAMPLE:hunter2@bucket/x",
        "hf://hunter2@ada/geography",
        "s3://bucket/x?token=hunter2",
        "s3://bucket/x#hunter2",
        "hunter2:hunter2@ada",
        "nosuch://ada:hunter2@x",
    ],
)
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_the_home_of_nobody_is_a_path_like_any() -> None:
    assert parse_address("~no-such-user-here/x").url.endswith("/~no-such-user-here/x")
