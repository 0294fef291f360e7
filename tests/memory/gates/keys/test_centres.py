"""What relation keys are centred on."""

from __future__ import annotations

import pytest
import torch

from wisedb.errors import CorruptObject
from wisedb.memory.gates.keys.centres import ScriptMeans, centre_of, centres_of

KEYS = torch.tensor([[3.0, 0.0], [5.0, 0.0], [0.0, 9.0], [0.0, 7.0]])
USUAL = ScriptMeans(("LATIN", "CJK"), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))


def test_few_keys_are_centred_on_unrelated_text() -> None:
    torch.testing.assert_close(centre_of(KEYS[:0], USUAL.means[0]), USUAL.means[0])
    torch.testing.assert_close(centre_of(KEYS.repeat(10_000, 1)), KEYS.mean(dim=0), rtol=0, atol=0.01)
    torch.testing.assert_close(centre_of(KEYS), KEYS.sum(dim=0) / 34)


def test_keys_are_centred_on_their_own_script() -> None:
    none = torch.zeros(4, dtype=torch.bool)
    scripts = torch.tensor([1, 1, 2, 0])
    centres, group = centres_of(KEYS, scripts, none, none, USUAL)
    expected = [centre_of(KEYS[3:]), centre_of(KEYS[:2], USUAL.means[0]), centre_of(KEYS[2:3], USUAL.means[1])]
    torch.testing.assert_close(centres, torch.stack([*expected, torch.zeros(2)]))
    assert group.tolist() == [1, 1, 2, 0]


def test_what_people_type_and_chats_move_no_centre() -> None:
    chat, typed = torch.tensor([[False, False, True, False], [False, False, False, True]])
    centres, group = centres_of(KEYS, torch.zeros(4, dtype=torch.int64), chat, typed, ScriptMeans())
    torch.testing.assert_close(centres, torch.stack([centre_of(KEYS[:2]), torch.zeros(2)]))
    assert group.tolist() == [0, 0, 1, 0]


def test_scripts_are_told_apart_where_there_are_several() -> None:
    texts = ["Rome"] * 9 + ["基拉罗"] * 8 + ["Где"] * 7
    relations = torch.arange(24.0)[:, None]
    found = ScriptMeans.of(texts, relations)
    assert found.scripts == ("LATIN", "CJK")
    torch.testing.assert_close(found.means, torch.tensor([[4.0], [12.5]]))
    assert [found.place(text) for text in ("Oslo", "罗", "Где", "12")] == [1, 2, 0, 0]
    assert found.mean(0) is None and found.mean(2) is not None
    assert ScriptMeans.of(texts[:9], relations[:9]).scripts == ()
    again = ScriptMeans.from_tensors(found.tensors(), found.meta())
    assert again.scripts == found.scripts and torch.equal(again.means, found.means)


@pytest.mark.parametrize("means", [torch.zeros(1, 2), torch.zeros(2), torch.full((2, 2), torch.nan)])
def test_means_that_do_not_belong_to_their_scripts_are_refused(means: torch.Tensor) -> None:
    with pytest.raises(CorruptObject):
        ScriptMeans(("LATIN", "CJK"), means)
