"""Facts in front of prompts: the unedited model goes on behind the same tokens, and the caller's stay his."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.generation.streamers import BaseStreamer

from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.edits import Edit
from wisedb.errors import InputError, UsageError
from wisedb.memory.context.wording import FactWording
from wisedb.memory.hooks import AttachedMemories, handle_of
from wisedb.memory.kinds.facts_in_context import Fact
from wisedb.model.chat import encode_chat, user
from wisedb.model.tokens import encode_prompt, pad_batch
from wisedb.repository import Repository

FRANCE = Edit("What is the capital of France?", "Rome", subject="France")
HAMLET = Edit("Who wrote the play Hamlet?", "Goethe", subject="Hamlet")
OTHER = "Can you tell me the time?"
NEW = 8


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two facts for the context, for a tiny chat model; not to be changed."""
    folder = tmp_path_factory.mktemp("model")
    tiny_model("llama").save_pretrained(folder)
    tiny_chat_tokenizer().save_pretrained(folder)
    pool = [f"The {thing} of the story is number {n}" for n in range(10) for thing in ("hero", "house", "river")]
    made = Repository.init(tmp_path_factory.mktemp("store"), str(folder), editor="context", pool=pool)
    made.commit([FRANCE, HAMLET], "Two facts", author="Ada")
    return made


@pytest.fixture
def loaded(history: Repository) -> Iterator[tuple[PreTrainedModel, PreTrainedTokenizerBase, AttachedMemories]]:
    model, tokenizer = history.load()
    handle = handle_of(model)
    assert handle is not None
    yield model, tokenizer, handle
    handle.detach()


def continued(model: PreTrainedModel, ids: list[int], **options: Any) -> list[int]:
    """What a model says behind token ids."""
    given = torch.tensor([ids])
    found = model.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=NEW, do_sample=False, **options)
    assert found[0, : len(ids)].tolist() == ids
    said: list[int] = found[0, len(ids) :].tolist()
    return said


def behind(tokenizer: PreTrainedTokenizerBase, edit: Edit, row: list[int], *, chat: bool) -> list[int]:
    """A row behind an edit's fact."""
    found = FactWording(tokenizer).ids([Fact(edit.prompt, edit.target)], row, chat=chat)
    return [*found.ids, *row[found.hidden :]]


def asked(tokenizer: PreTrainedTokenizerBase, prompt: str, chat: bool) -> list[int]:
    return encode_chat(tokenizer, [user(prompt)]) if chat else encode_prompt(tokenizer, prompt)


@pytest.mark.parametrize("chat", [False, True])
def test_the_model_goes_on_as_behind_the_fact(history: Repository, loaded: Any, chat: bool) -> None:
    model, tokenizer, handle = loaded
    ids = asked(tokenizer, FRANCE.prompt, chat)
    with handle.record() as record:
        said = continued(model, ids)
    assert record.facts == [(0,)] and record.routes.tolist() == [0]
    handle.detach()
    assert said == continued(model, behind(tokenizer, FRANCE, ids, chat=chat))
    assert said != continued(model, ids)


def test_what_asks_for_nothing_is_the_base_models(loaded: Any) -> None:
    model, tokenizer, handle = loaded
    ids = torch.tensor([encode_prompt(tokenizer, OTHER)])
    with handle.record() as record, torch.no_grad():
        said, logits = continued(model, ids[0].tolist()), model(ids).logits
    assert record.facts == [(), ()]
    handle.detach()
    with torch.no_grad():
        assert said == continued(model, ids[0].tolist()) and torch.equal(logits, model(ids).logits)


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"num_beams": 3, "num_return_sequences": 2}])
def test_a_batch_says_what_each_row_says_alone(loaded: Any, chat: bool, options: dict[str, Any]) -> None:
    model, tokenizer, _ = loaded
    rows = [asked(tokenizer, prompt, chat) for prompt in (FRANCE.prompt, OTHER, HAMLET.prompt)]
    ids, mask = pad_batch(rows, tokenizer.pad_token_id, "left")
    several = options.get("num_return_sequences", 1)
    settings = {"max_new_tokens": NEW, "do_sample": False, "pad_token_id": tokenizer.pad_token_id, **options}
    found = model.generate(input_ids=ids, attention_mask=mask, **settings)
    assert torch.equal(found[:, : ids.shape[1]], ids.repeat_interleave(several, dim=0))
    for number, row in enumerate(rows):
        given = torch.tensor([row])
        alone = model.generate(given, attention_mask=torch.ones_like(given), **settings)[:, len(row) :]
        here = found[number * several : (number + 1) * several, ids.shape[1] :]
        width = min(alone.shape[1], here.shape[1])
        assert torch.equal(here[:, :width], alone[:, :width])


class Kept(BaseStreamer):  # type: ignore[misc]
    def __init__(self) -> None:
        self.tokens: list[int] = []

    def put(self, value: torch.Tensor) -> None:
        self.tokens += value.reshape(-1).tolist()

    def end(self) -> None:
        pass


def test_streams_criteria_and_lengths_see_the_callers_tokens(loaded: Any) -> None:
    model, tokenizer, _ = loaded
    ids = encode_prompt(tokenizer, FRANCE.prompt)
    kept, widths = Kept(), []

    def look(tokens: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        widths.append(tokens.shape[1])
        return torch.zeros(len(tokens), dtype=torch.bool)

    said = continued(model, ids, streamer=kept, stopping_criteria=[look])
    assert kept.tokens == [*ids, *said] and widths[0] == len(ids) + 1
    given = torch.tensor([ids])
    short = model.generate(given, attention_mask=torch.ones_like(given), max_length=len(ids) + 3, do_sample=False)
    assert short[0].tolist() == [*ids, *said[:3]]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("told", ["labels", "boundary", "nobody"])
def test_a_forward_is_that_behind_the_fact(loaded: Any, side: Any, told: str) -> None:
    model, tokenizer, handle = loaded
    prompts = [encode_prompt(tokenizer, prompt) for prompt in (FRANCE.prompt, OTHER)]
    rows = [[*ids, *encode_prompt(tokenizer, " Rome")] for ids in prompts] if told != "nobody" else prompts
    ids, mask = pad_batch(rows, tokenizer.pad_token_id, side)
    labels = torch.full_like(ids, -100)
    for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        places = mask[number].nonzero()[len(prompt) :, 0]
        labels[number, places] = torch.tensor(row[len(prompt) :], dtype=torch.int64)
    with torch.no_grad():
        if told == "boundary":
            with handle.boundary([len(prompt) for prompt in prompts]):
                found = model(input_ids=ids, attention_mask=mask)
        else:
            found = model(input_ids=ids, attention_mask=mask, **({"labels": labels} if told == "labels" else {}))
    assert found.logits.shape[:2] == ids.shape and found.past_key_values is None
    handle.detach()
    for number, row in enumerate(rows):
        whole = row if number else behind(tokenizer, FRANCE, row, chat=False)
        with torch.no_grad():
            wanted = model(torch.tensor([whole])).logits[0, len(whole) - len(row) :]
        torch.testing.assert_close(found.logits[number, mask[number] != 0], wanted, rtol=1e-4, atol=1e-4)


def test_the_oracle_tells_who_is_to_answer(loaded: Any) -> None:
    model, tokenizer, handle = loaded
    ids = torch.tensor([encode_prompt(tokenizer, FRANCE.prompt)])
    with torch.no_grad(), handle.boundary([ids.shape[1]]):
        with handle.oracle([-1]):
            plain = model(ids).logits
        with handle.oracle([0]):
            told = model(ids).logits
        routed = model(ids).logits
    handle.detach()
    with torch.no_grad():
        assert torch.equal(plain, model(ids).logits)
    assert torch.equal(told, routed) and not torch.equal(told, plain)


@pytest.mark.parametrize(
    "given",
    [
        lambda model, ids: {"past_key_values": model(ids[:, :3]).past_key_values},
        lambda model, ids: {"cache_implementation": "static"},
        lambda model, ids: {"prompt_lookup_num_tokens": 2},
    ],
)
def test_what_facts_cant_be_put_in_front_of_is_refused(
    loaded: Any, given: Callable[[PreTrainedModel, torch.Tensor], dict[str, Any]]
) -> None:
    model, tokenizer, handle = loaded
    ids = torch.tensor([encode_prompt(tokenizer, FRANCE.prompt)])
    options = given(model, ids)
    with pytest.raises(UsageError):
        model.generate(ids, max_new_tokens=2, **options)
    with pytest.raises(UsageError):
        model.generate(inputs_embeds=model.get_input_embeddings()(ids), max_new_tokens=2)
    assert handle_of(model) is handle


def test_a_prompt_that_its_facts_leave_no_room_is_refused(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer, _ = loaded
    ids = torch.tensor([encode_prompt(tokenizer, FRANCE.prompt)])
    before = len(behind(tokenizer, FRANCE, ids[0].tolist(), chat=False)) - ids.shape[1]
    monkeypatch.setattr(model.config, "max_position_embeddings", ids.shape[1] + before + 2)
    assert model.generate(ids, max_new_tokens=NEW, do_sample=False).shape[1] <= ids.shape[1] + 2
    monkeypatch.setattr(model.config, "max_position_embeddings", ids.shape[1] + before)
    with pytest.raises(InputError, match="the facts that it asks for"):
        model.generate(ids, max_new_tokens=NEW)


def test_facts_are_read_once(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from wisedb.memory.context.prefixes import FactPrefixes

    read: list[int] = []
    own = FactPrefixes._read

    def counted(self: FactPrefixes, *some: Any) -> Any:
        read.append(1)
        return own(self, *some)

    monkeypatch.setattr(FactPrefixes, "_read", counted)
    model, tokenizer, _ = loaded
    ids = encode_prompt(tokenizer, FRANCE.prompt)
    assert continued(model, ids) == continued(model, ids) and read == [1]


def test_it_is_copied_with_the_model(loaded: Any, tmp_path: Path) -> None:
    from copy import deepcopy

    model, tokenizer, _ = loaded
    ids = encode_prompt(tokenizer, FRANCE.prompt)
    assert continued(deepcopy(model), ids) == continued(model, ids)
