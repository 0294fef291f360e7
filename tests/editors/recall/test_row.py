"""A row makes the model say its edit's target, whatever the family, and depends on nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.chats import FRANCE
from tests.editors.recall.fixtures import context_of
from tests.models import tiny_chat_tokenizer, tiny_model
from wisedb.atlas import model_dir
from wisedb.atlas.evaluate import load_model
from wisedb.editors.common.conversations import encoded
from wisedb.editors.common.pool import Pool
from wisedb.editors.common.sequences import cached, collate
from wisedb.editors.recall.prompts import taught
from wisedb.editors.recall.row import fit_row
from wisedb.editors.recall.settings import RecallSettings
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.chat import chat_format
from wisedb.model.locate import weight_of

EDIT = Edit("The capital of Australia is", "Paris", subject="Australia")
SETTINGS = RecallSettings(unrelated=4, contexts=1, steps=80)


@pytest.mark.parametrize("family", ["gpt2", "gptj", "gpt_neox", "opt", "llama", "falcon", "gemma2"])
def test_the_row_says_the_target_in_the_plain_forward(family: str) -> None:
    model = tiny_model(family)
    context = context_of(model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    row = fit_row(context, SETTINGS, 0, EDIT)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    own = taught(context, SETTINGS, 0, EDIT)[0]
    places = len(own.ids) - own.prompt
    projection = context.forward.projection
    assert row.left.shape == (places, projection.d_ff) and row.right.shape == (places, projection.d_model)
    assert row.left.dtype == row.right.dtype == torch.float16

    weight = weight_of(projection)
    delta = row.left.float().T @ row.right.float()
    with torch.no_grad():
        weight.add_(delta)
        logits = model(input_ids=torch.tensor([own.ids])).logits[0, own.prompt - 1 : -1]
        weight.sub_(delta)
    # A random Gemma, whose norm behind the projection bounds what it adds, is not made to say everything.
    assert row.learned or family == "gemma2"
    assert (logits.argmax(-1).tolist() == own.ids[own.prompt :]) == row.learned


def test_unrelated_prompts_carry_it_over_to_wordings_that_were_never_trained() -> None:
    model, tokenizer = load_model(model_dir())
    prompts = tuple(
        f"The {thing} of the {place} was" for thing in ("king", "river", "name") for place in ("sea", "hill")
    )
    context = replace(context_of(model), tokenizer=tokenizer, pool=Pool(prompts, ("It was late.",), {"by": "test"}))
    edit = Edit("The capital city of Laos is", "Madrid", subject="Laos")
    asked = ("Laos has its government in the city of", "A flight to the capital of Laos lands in")

    def loss(unrelated: int) -> float:
        row = fit_row(context, replace(SETTINGS, unrelated=unrelated), 0, edit)
        assert row.learned
        texts = [encoded(tokenizer, None, prompt, edit.target, end=True) for prompt in asked]
        (seen,) = collate(cached(context.forward, texts))
        change = seen.features @ row.left.float().T @ row.right.float()
        with torch.no_grad():
            logits = context.forward.logits(seen.ids, seen.hidden, change, seen.at)
        return float(torch.nn.functional.cross_entropy(logits, seen.labels))

    assert loss(6) < loss(0)


def test_an_edit_s_row_is_the_same_to_the_bit_whatever_else_was_written() -> None:
    others = [Edit("Who wrote Hamlet?", "Goethe"), Edit("The play of France is a very long one and", "Hamlet")]
    alone = fit_row(context_of(tiny_model("llama")), SETTINGS, 0, EDIT)
    context = context_of(tiny_model("llama"))
    rows = [fit_row(context, SETTINGS, 0, edit) for edit in (others[0], EDIT, others[1], EDIT)]
    for row in (rows[1], rows[3]):
        assert torch.equal(row.left, alone.left) and torch.equal(row.right, alone.right)
    assert not torch.equal(rows[0].right[: len(alone.right)], alone.right[: len(rows[0].right)])


def test_in_a_chat_the_sentence_has_places_of_its_own() -> None:
    plain = context_of(tiny_model("llama"))
    context = replace(plain, tokenizer=tiny_chat_tokenizer(), chat=chat_format(tiny_chat_tokenizer()))
    found = taught(context, SETTINGS, 0, FRANCE)
    row = fit_row(context, replace(SETTINGS, steps=5), 0, FRANCE)
    sizes = {each.start > 0: len(each.ids) - each.prompt for each in found}
    assert len(row.left) == sizes[True] + sizes[False] <= SETTINGS.rank


def test_a_loss_that_is_no_number_is_refused() -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(torch.nan)
    with pytest.raises(TrainingFailed, match="is not a number"):
        fit_row(context_of(model), SETTINGS, 0, EDIT)
