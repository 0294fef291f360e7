"""What signatures begin with, and what is told of them."""

from __future__ import annotations

import pytest

from wisedb.signing.verdict import UNSIGNED, Verdict, format_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-----BEGIN SSH SIGNATURE-----\n…", "ssh"),
        ("\n-----BEGIN PGP SIGNATURE-----\n…", "openpgp"),
        ("-----BEGIN SIGNED MESSAGE-----", None),
        ("", None),
    ],
)
def test_the_format_is_how_it_begins(text: str, found: str | None) -> None:
    assert format_of(text) == found


def test_the_contract_of_json() -> None:
    assert {"signed", "valid", "signer", "key"} <= set(UNSIGNED.to_json())
    assert UNSIGNED.to_json()["signed"] is False and UNSIGNED.to_json()["valid"] is False
    assert Verdict(True, True, "ssh", "ada", "SHA256:x", "good").to_json()["signer"] == "ada"
