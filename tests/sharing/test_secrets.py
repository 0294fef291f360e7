from __future__ import annotations

import pytest

from wisedb.edits import ChatMessage, Edit, LocalityPrompt
from wisedb.sharing.secrets import Finding, scan

PLAIN = Edit(prompt="The capital of Australia is", target="Canberra")


# Put together here, so that no scanner takes this file for a leak.
SECRETS = [
    ("AKIA" + "IOSFODNN7EXAMPLE", "AWS Access Key"),
    ("ghp_" + "a1B2" * 9, "GitHub Token"),
    ("hf_" + "abcDEF1234" * 4, "Service Token"),
    ("sk-ant-" + "api03-" + "ab1_" * 20, "Service Token"),
    ("-----BEGIN RSA " + "PRIVATE KEY-----", "Private Key"),
    ("https://bob:" + "hunter2@example.org/", "Basic Auth Credentials"),
    ("password = " + "'hunter2hunter2'", "Secret Keyword"),
]


@pytest.mark.parametrize(("secret", "kind"), SECRETS, ids=[kind for _, kind in SECRETS])
def test_a_secret_is_found_wherever_it_stands(secret: str, kind: str) -> None:
    text = f"first line\nit is {secret} indeed"
    places = {
        "prompt": Edit(prompt=text, target="x"),
        "target": Edit(prompt="x", target=text),
        "reason": Edit(prompt="x", target="y", reason=text),
        "rephrases[1]": Edit(prompt="x", target="y", rephrases=("fine", text)),
        "locality[0]": Edit(prompt="x", target="y", locality=(LocalityPrompt("a", text),)),
        "tags[0]": Edit(prompt="x", target="y", tags=(text,)),
        "messages[1]": Edit("x", "y", messages=(ChatMessage("user", "Hi"), ChatMessage("assistant", text))),
    }
    for field, edit in places.items():
        assert scan([PLAIN, edit]) == [Finding(edit.id, field, kind)]


def test_a_finding_does_not_repeat_the_secret() -> None:
    secret = SECRETS[1][0]
    assert secret not in repr(scan([Edit(prompt="x", target=secret)]))


@pytest.mark.parametrize(
    "text",
    [
        "The password of the Wi-Fi at the Louvre is unknown",
        "The SHA-1 of the empty string is da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "The key of C major has no accidentals",
        "Its public DNS server is 8.8.8.8",
        "Secretariat won the Triple Crown in 1973",
        "token economies: see https://example.org/wiki?a=b",
    ],
)
def test_a_fact_is_no_secret(text: str) -> None:
    assert scan([Edit(prompt=text, target=text)]) == []
