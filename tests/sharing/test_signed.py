"""Signatures travel with commits and tags, and a push may ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signing.keys import allowed, needs_ssh, ssh_key
from tests.stores import AUSTRALIA, copy_of
from wisedb.errors import NotSigned
from wisedb.repository import Repository
from wisedb.signing.signer import Signer
from wisedb.signing.verdict import Trust
from wisedb.store.signed import check_commit, check_tag

pytestmark = needs_ssh


def test_a_push_that_asks_for_signatures_sends_nothing_without(empty: Repository, tmp_path: Path) -> None:
    made, pack = copy_of(empty, tmp_path / "copy"), str(tmp_path / "pack")
    key = ssh_key(tmp_path)
    sign, trust = Signer("ssh", str(key), "ssh-keygen"), Trust(allowed(tmp_path, ("ada@example.org", key)))
    (tmp_path / "ben").mkdir()
    others = allowed(tmp_path / "ben", ("ben@example.org", ssh_key(tmp_path, "other")))
    first = made.store.resolve("HEAD")
    made.push(pack, signed=trust)  # the commit of `init` needs none
    made.commit([AUSTRALIA], "unsigned", author="Ada")
    with pytest.raises(NotSigned, match="there is no signature"):
        made.push(pack, signed=trust)
    assert made.ls_remote(pack)[0].commit == first
    signed = made.amend([], "signed", sign=sign).commit
    made.tag("v1", note=("Ada", "unsigned"))
    with pytest.raises(NotSigned, match="v1"):
        made.push(pack, tags=["v1"], signed=trust)
    made.tag("v1", note=("Ada", "signed"), force=True, sign=sign)
    with pytest.raises(NotSigned, match="none of an allowed signer"):
        made.push(pack, tags=["v1"], signed=Trust(others))
    made.push(pack, tags=["v1"], signed=trust)

    clone = Repository.clone(pack, tmp_path / "clone", model=str(empty.store.config.base.model))
    assert clone.store.resolve("HEAD") == signed
    assert check_commit(signed, clone.store.objects.commit(signed), trust).verdict.valid
    assert check_tag(clone.store, "v1", trust).verdict.valid
    assert clone.fsck().ok
