from __future__ import annotations

from collections.abc import Callable

import pytest

from wisedb.edits import ChatMessage, Edit, LocalityPrompt
from wisedb.errors import SecretsFound
from wisedb.sharing.outgoing_texts import Text, edit_texts, json_texts
from wisedb.sharing.secrets import Finding, refuse_secrets, scan

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
        "locality[0].answer": Edit(prompt="x", target="y", locality=(LocalityPrompt("a", text),)),
        "portability[0].prompt": Edit(prompt="x", target="y", portability=(LocalityPrompt(text, "z"),)),
        "tags[0]": Edit(prompt="x", target="y", tags=(text,)),
        "messages[1].content": Edit("x", "y", messages=(ChatMessage("user", "Hi"), ChatMessage("assistant", text))),
    }
    for field, edit in places.items():
        assert scan([*edit_texts(PLAIN), *edit_texts(edit)]) == [Finding(f"edit {edit.id[:12]}", field, kind)]


HIDDEN: dict[str, Callable[[str], str]] = {
    "a zero-width space": lambda secret: f"{secret[:6]}\u200b{secret[6:]}",
    "a word joiner after each letter": lambda secret: "\u2060".join(secret),
    "a soft hyphen": lambda secret: f"{secret[:6]}\u00ad{secret[6:]}",
    "a combining grapheme joiner": lambda secret: f"{secret[:6]}\u034f{secret[6:]}",
    "a variation selector": lambda secret: f"{secret[:6]}\ufe0f{secret[6:]}",
    "a Hangul filler": lambda secret: f"{secret[:6]}\u3164{secret[6:]}",
    "a tag of plane 14": lambda secret: f"{secret[:6]}\U000e0041{secret[6:]}",
    "a line separator": lambda secret: f"{secret[:6]}\u2028{secret[6:]}",
    "a next line": lambda secret: f"{secret[:6]}\x85{secret[6:]}",
    "a file separator": lambda secret: f"{secret[:6]}\x1c{secret[6:]}",
    "a null": lambda secret: f"{secret[:6]}\x00{secret[6:]}",
    "letters of full width": lambda secret: secret.translate({each: each + 0xFEE0 for each in range(33, 127)}),
    "turned around and back": lambda secret: f"\u202d{secret[:6]}\u202c{secret[6:]}",
}


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize(("secret", "kind"), SECRETS, ids=[kind for _, kind in SECRETS])
def test_nothing_that_is_not_seen_hides_a_secret(secret: str, kind: str, how: str) -> None:
    hidden = HIDDEN[how](secret)
    assert hidden != secret
    assert [each.kind for each in scan([Text("x", "y", f"it is {hidden} indeed")])] == [kind]


def test_a_secret_that_is_a_name_is_not_told() -> None:
    secret = SECRETS[2][0]
    found = scan(json_texts("it", {"notes": {f"refs/tags/{secret}": {"message": secret}}}))
    assert [each.kind for each in found] == ["Service Token"] * 2 and secret not in repr(found)


def test_what_is_refused_says_where_and_not_what() -> None:
    with pytest.raises(SecretsFound, match="commit abc, message: AWS Access Key; and 3 more") as caught:
        refuse_secrets([Text("commit abc", "message", SECRETS[0][0])] * 13)
    assert SECRETS[0][0] not in str(caught.value)
    refuse_secrets([Text("commit abc", "message", "nothing")])


def test_a_finding_does_not_repeat_the_secret() -> None:
    secret = SECRETS[1][0]
    assert secret not in repr(scan(edit_texts(Edit(prompt="x", target=secret))))


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
    assert scan(edit_texts(Edit(prompt=text, target=text))) == []
