"""One value, one text, one digest."""

from __future__ import annotations

import pytest

from wisedb.canonical import canonical_json, digest


def test_the_text_depends_on_the_value_alone() -> None:
    one, other = {"b": [1, 2.5, None], "a": "ü\u2028"}, {"a": "ü\u2028", "b": [1, 2.5, None]}
    assert canonical_json(one) == canonical_json(other) == '{"a":"ü\u2028","b":[1,2.5,null]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_json_can_not_say_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical_json(value)


def test_digests_are_sha256() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
