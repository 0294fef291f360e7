"""What is usual in a model."""

from __future__ import annotations

import pytest
import torch

from tests.memory.keyed import TOKENIZER, UNRELATED, statistics_of
from tests.models import tiny_model
from wisedb.errors import CorruptObject, UsageError
from wisedb.memory.gates.keys.statistics import Statistics, compute_statistics
from wisedb.model.capture import capture
from wisedb.model.locate import locate
from wisedb.model.tokens import encode_prompt


def test_the_same_model_and_texts_give_the_same_statistics() -> None:
    model = tiny_model("llama")
    again = compute_statistics(model, locate(model), TOKENIZER, UNRELATED)
    for name, tensor in statistics_of(model).tensors().items():
        assert torch.equal(again.tensors()[name], tensor), name
    other = compute_statistics(model, locate(model), TOKENIZER, UNRELATED, seed=1)
    assert not torch.equal(other.relation_map, again.relation_map)
    assert torch.equal(other.token_map, again.token_map)


def test_keys_are_of_length_one_and_on_any_shape() -> None:
    model = tiny_model("gpt2")
    statistics = statistics_of(model)
    embedded = model.get_input_embeddings()(torch.arange(12).reshape(3, 4))
    keys = statistics.tokens(embedded)
    assert keys.shape == (3, 4, statistics.token_map.shape[1])
    torch.testing.assert_close(keys.norm(dim=-1), torch.ones(3, 4))
    assert torch.equal(keys[1], statistics.tokens(embedded[1]))
    assert statistics.tokens(embedded.half()).dtype == torch.float32


def test_flags_of_tokens() -> None:
    statistics = statistics_of(tiny_model("llama"))
    assert statistics.flags.shape == (len(TOKENIZER),)
    ids = torch.tensor([encode_prompt(TOKENIZER, "New Rome"), encode_prompt(TOKENIZER, "new Rome")])
    found = statistics.flags_of(ids, torch.zeros(*ids.shape, 3))
    assert torch.equal(found, statistics.flags[ids]) and not torch.equal(found[0], found[1])
    beyond = torch.tensor([[0, len(TOKENIZER), len(TOKENIZER) + 9]])
    assert statistics.flags_of(beyond, torch.zeros(1, 3, 1)).tolist() == [[int(statistics.flags[0]), 0, 0]]
    assert not statistics.flags_of(None, torch.zeros(2, 5, 3)).any()


def test_statistics_of_earlier_versions_have_no_marks() -> None:
    statistics = statistics_of(tiny_model("llama"))
    tensors = {name: tensor for name, tensor in statistics.tensors().items() if name != "marks"}
    older = Statistics.from_tensors(tensors, statistics.meta())
    assert older.tensors().keys() == tensors.keys() and not older.flags.numel()
    assert not older.flags_of(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, 1)).any()
    assert older.same(older) and not older.same(statistics) and not statistics.same(older)
    with pytest.raises(CorruptObject):
        Statistics.from_tensors({**tensors, "marks": torch.zeros(3)}, statistics.meta())


def test_the_question_moves_a_relation_key_more_than_the_name() -> None:
    model = tiny_model("llama")
    statistics = statistics_of(model)
    prompts = ["The friend of Mary is", "The friend of Tom is", "Yesterday Mary said no", "Yesterday Tom said no"]
    ids = [encode_prompt(TOKENIZER, prompt) for prompt in prompts]
    keys = [
        torch.nn.functional.normalize(statistics.relations(seen.states[-1]), dim=0)
        for seen in capture(model, locate(model), statistics.layer, ids)
    ]
    for name, same, other in ((0, 1, 2), (2, 3, 0)):
        assert keys[name] @ keys[same] > keys[name] @ keys[other]


def test_to_tensors_and_back() -> None:
    statistics = statistics_of(tiny_model("llama"))
    again = Statistics.from_tensors(statistics.tensors(), statistics.meta())
    assert again.words == statistics.words
    assert again.documents() == statistics.documents()
    assert again.documents()[0] == encode_prompt(TOKENIZER, UNRELATED[0])
    tensors, meta = statistics.tensors(), statistics.meta()
    for broken in ({**tensors, "token_map": tensors["token_map"].half()}, {**tensors, "lengths": tensors["texts"]}):
        with pytest.raises(CorruptObject, match="belong together"):
            Statistics.from_tensors(broken, meta)
    holed = tensors["token_mean"].clone()
    holed[0] = torch.nan
    with pytest.raises(CorruptObject, match="belong together"):
        Statistics.from_tensors({**tensors, "token_mean": holed}, meta)
    with pytest.raises(CorruptObject, match="no statistics"):
        Statistics.from_tensors({"texts": tensors["texts"]}, meta)
    for wrong in ({"layer": "1", "words": []}, {"layer": 1, "words": [1]}, {}):
        with pytest.raises(CorruptObject, match="no statistics"):
            Statistics.from_tensors(tensors, wrong)


def test_without_texts_there_is_nothing_to_measure() -> None:
    model = tiny_model("llama")
    with pytest.raises(UsageError, match="unrelated texts"):
        compute_statistics(model, locate(model), TOKENIZER, ["One text."])


def test_of_several_scripts_each_has_its_own_mean() -> None:
    model = tiny_model("llama")
    texts = [*UNRELATED, *UNRELATED[:2], *("基拉罗的首都是哪座城市" + sign for sign in "一二三四五六七八"), "Где?"]
    found = compute_statistics(model, locate(model), TOKENIZER, [*texts, *("Ada and Bob " * n for n in range(1, 4))])
    assert found.scripts.scripts == ("LATIN", "CJK")
    assert found.scripts.means.shape == (2, found.relation_map.shape[1])
    again = Statistics.from_tensors(found.tensors(), found.meta())
    assert again.same(found)
    with pytest.raises(CorruptObject):
        Statistics.from_tensors(found.tensors(), {**found.meta(), "scripts": ["LATIN"]})
    # As of any store with one script, and of those from before they were told apart.
    assert statistics_of(model).scripts.scripts == () and "scripts" not in statistics_of(model).meta()
