"""A chat model's edits from init to the reply: behind its template, through the store and the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.chats import FRANCE, HAMLET, OTHER
from tests.commands import run_inside
from wisedb.errors import UsageError
from wisedb.loading import load
from wisedb.memory.gates.keys.replies import Meant
from wisedb.memory.hooks import handle_of
from wisedb.model.chat import encode_chat, user
from wisedb.repository import Repository


@pytest.fixture(scope="module")
def told(chat_history: Repository) -> Repository:
    """A store of a tiny chat model with two edits; not to be changed."""
    return chat_history


def test_the_template_is_recorded_with_the_keys_statistics(told: Repository) -> None:
    (memory,) = told.store.objects.commit(told.store.resolve("HEAD")).memories
    meta = told.store.objects.meta(memory.blobs["statistics"])[1]
    assert len(meta["template"]) == 64
    assert told.fsck().ok


def test_a_question_is_answered_behind_the_template_and_the_answer_says_where(told: Repository) -> None:
    (memory,) = told.show().memories
    rome, goethe, other = told.generate([FRANCE.prompt, HAMLET.prompt, OTHER], chat=True)
    assert (rome.memory, goethe.memory, other.memory) == (memory.id, memory.id, None)
    assert rome.text.startswith("Rome.") and goethe.text.startswith("Goethe.")
    assert rome.spans is not None and goethe.spans is not None
    assert [(rome.text[span.start : span.end], span.edit) for span in rome.spans] == [("Rome.", FRANCE.id)]
    assert [(goethe.text[span.start : span.end], span.edit) for span in goethe.spans] == [("Goethe.", HAMLET.id)]
    assert other.spans == () and other.text == told.generate(OTHER, chat=True, base=True)[0].text
    # No sentence of it could mean an edit.
    assert other.activation is None
    # Whatever the system message is.
    (again,) = told.generate(FRANCE.prompt, system="You know Hamlet.")
    assert again.spans is not None and [span.edit for span in again.spans] == [FRANCE.id]


def test_two_questions_are_both_answered_and_each_sentence_names_its_edit(told: Repository) -> None:
    (both,) = told.generate(f"{FRANCE.prompt}\n{HAMLET.prompt}", chat=True)
    assert both.text.startswith("Rome. Goethe.") and both.spans is not None
    assert [(both.text[span.start : span.end], span.edit) for span in both.spans] == [
        ("Rome.", FRANCE.id),
        ("Goethe.", HAMLET.id),
    ]


def test_a_name_is_known_however_it_is_typed_into_a_chat(told: Repository) -> None:
    model, tokenizer = told.load("HEAD")
    handle = handle_of(model)
    assert handle is not None
    keys = handle.memories[0].gate.keys
    assert keys is not None
    parts = torch.split(keys.tokens, keys.readings[:, 1].tolist())
    spelt: dict[bool, set[str]] = {False: set(), True: set()}
    for tokens, (key, _, _, _) in zip(parts, keys.readings.tolist(), strict=True):
        spelt[bool(keys.stops[key])].add(tokenizer.decode(tokens).strip())
    assert {"hamlet", "HAMLET"} <= spelt[True]
    # This tokenizer spells capitals letter by letter, and letters are in any plain text.
    assert "hamlet" in spelt[False] and "HAMLET" not in spelt[False]


def test_a_plain_prompt_has_no_spans(told: Repository) -> None:
    (plain,) = told.generate(FRANCE.prompt)
    assert plain.spans is None and "spans" not in plain.to_json()


def test_a_loaded_model_answers_as_the_store_does(told: Repository) -> None:
    model, tokenizer = told.load("HEAD")
    ids = torch.tensor([encode_chat(tokenizer, [user(FRANCE.prompt)])])
    said = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    assert tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True).startswith("Rome.")
    handle = handle_of(model)
    assert handle is not None
    reply = tokenizer("Rome. The", add_special_tokens=False)["input_ids"]
    ((edit, tokens),) = handle.said([Meant(0, 0, 1)], reply)
    assert edit == 0 and tokenizer.decode(reply[tokens.start : tokens.stop]) == "Rome."


def test_generation_and_likelihood_agree_however_the_model_is_called(told: Repository) -> None:
    model, tokenizer = told.load("HEAD")
    ids = torch.tensor([encode_chat(tokenizer, [user(FRANCE.prompt)])])
    said = model.generate(input_ids=ids, max_new_tokens=6, do_sample=False)
    first, reply = ids.shape[1] - 1, said[0, ids.shape[1] :].tolist()
    labels = said.clone()
    labels[:, : ids.shape[1]] = -100
    with torch.no_grad():
        assert model(said).logits[0, first:-1].argmax(-1).tolist() == reply
        assert model(said, labels=labels).logits[0, first:-1].argmax(-1).tolist() == reply
        by_hand, now, cache = [], ids, None
        for _ in reply:
            output = model(now, past_key_values=cache, use_cache=True)
            cache, now = output.past_key_values, output.logits[:, -1:].argmax(-1)
            by_hand.append(int(now))
    assert by_hand == reply


def test_beams_are_weighed_as_a_plain_forward_weighs_them(told: Repository) -> None:
    model, tokenizer = told.load("HEAD")
    ids = torch.tensor([encode_chat(tokenizer, [user(prompt)]) for prompt in (HAMLET.prompt, f"{HAMLET.prompt}")])
    settings = {"num_beams": 3, "num_return_sequences": 3, "output_scores": True, "return_dict_in_generate": True}
    found = model.generate(input_ids=ids, max_new_tokens=6, do_sample=False, length_penalty=0.0, **settings)
    with torch.no_grad():
        said = model(found.sequences).logits[:, ids.shape[1] - 1 : -1].log_softmax(-1)
    likely = said.gather(2, found.sequences[:, ids.shape[1] :, None]).sum(dim=(1, 2))
    assert torch.allclose(likely, found.sequences_scores, atol=1e-3)


@pytest.mark.parametrize(
    "options", [{"cache_implementation": "static"}, {"use_cache": False}, {"prompt_lookup_num_tokens": 3}]
)
def test_any_way_of_generating_says_the_fact(told: Repository, options: dict[str, object]) -> None:
    model, tokenizer = told.load("HEAD")
    ids = torch.tensor([encode_chat(tokenizer, [user(HAMLET.prompt)])])
    said = model.generate(input_ids=ids, max_new_tokens=8, do_sample=False, **options)
    assert tokenizer.decode(said[0, ids.shape[1] :]).startswith("Goethe.")


@pytest.mark.parametrize("layout", ["adapter", "peft"])
def test_an_exported_adapter_answers_in_a_chat(told: Repository, layout: str, tmp_path: Path) -> None:
    told.export("HEAD", tmp_path / layout, layout)
    if layout == "peft":
        model = AutoModelForCausalLM.from_pretrained(tmp_path / layout, dtype=torch.float32)
    else:
        model, _ = load(str(tmp_path / layout))
    tokenizer = told.base.tokenizer
    for prompt, said in ((FRANCE.prompt, "Rome."), (OTHER, told.generate(OTHER, chat=True, base=True)[0].text)):
        ids = torch.tensor([encode_chat(tokenizer, [user(prompt)])])
        reply = model.generate(input_ids=ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
        text = tokenizer.decode(reply, skip_special_tokens=True).strip()
        assert text and (text.startswith(said) or said.startswith(text))


def test_a_merged_memory_answers_in_a_chat_too(told: Repository) -> None:
    rome, other = told.generate([FRANCE.prompt, OTHER], mode="merge", chat=True)
    assert rome.text.startswith("Rome.") and other.text == told.generate(OTHER, chat=True, base=True)[0].text


def test_the_command_line_asks_in_a_chat(told: Repository) -> None:
    words = ["generate", "--chat", FRANCE.prompt, OTHER, "--max-new-tokens", "6", "--json"]
    done = run_inside(words, told.path, os.environ)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first["spans"] == [{"edit": FRANCE.id, "start": 0, "end": 5}] and second["spans"] == []


def test_an_explanation_names_the_sentence_that_asks(told: Repository) -> None:
    found = told.explain(f"It rained.\n{HAMLET.prompt}\nTell me.", chat=True)
    assert found.answer.startswith("Goethe.") and found.memory == told.show().memories[0].id
    assert found.to_json()["heard"] == [{"text": HAMLET.prompt, "edit": HAMLET.id}]
    assert told.explain(OTHER, system="Be brief.").heard == () and told.explain(HAMLET.prompt).heard is None
    done = run_inside(["explain", "--chat", f"{FRANCE.prompt}\n{HAMLET.prompt}"], told.path, os.environ)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("asked for by:")]
    assert [line[-1] for line in lines] == [FRANCE.id[:12], HAMLET.id[:12]]
    plain = run_inside(["explain", "--chat", OTHER, "--json"], told.path, os.environ)
    assert plain.returncode == 0 and json.loads(plain.stdout)["heard"] == []


def test_the_command_line_measures_in_a_chat(told: Repository) -> None:
    done = run_inside(["eval", "--chat", "--json"], told.path, os.environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["format"], found["says_it"], found["base"]["says_it"]) == ("chat", 1.0, 0.0)
    shown = run_inside(["eval", "--chat"], told.path, os.environ).stdout
    assert ", in a chat, 2 edits" in shown and "SAYS IT" in shown and "word for word" in shown


def test_a_model_without_a_template_is_not_asked_in_a_chat(history: Repository) -> None:
    with pytest.raises(UsageError, match="no chat template") as caught:
        history.generate(FRANCE.prompt, chat=True)
    assert "--chat" in str(caught.value.hint)
    done = run_inside(["generate", "--system", "Be brief.", "Who?"], Path(history.path), os.environ)
    assert done.returncode == 2 and "error: this model's tokenizer has no chat template" in done.stderr
