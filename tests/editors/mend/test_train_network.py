"""What the editor network is trained on: the loss of models whose weights were changed, which training lowers."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import kl_div

from tests.editors.mend.fixtures import PAIRS, answer_loss, changed, gradients, ready
from tests.models import tiny_tokenizer
from wisedb.editors.mend.made_up import MadeUp
from wisedb.editors.mend.network import EditorNetworks
from wisedb.editors.mend.settings import MendSettings
from wisedb.editors.mend.train_network import batch_of, losses, train_network
from wisedb.errors import TrainingFailed
from wisedb.model.tokens import encode_prompt
from wisedb.progress import Progress

MADE = [
    MadeUp(*PAIRS[0], ("Australia has the capital",), "The play is old"),
    MadeUp(*PAIRS[1], ("Paris is old. Who wrote Hamlet?",), "The capital of Spain is"),
]


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "falcon", "gemma2"])
def test_its_loss_is_that_of_one_changed_model_an_edit(family: str) -> None:
    """With the network as it begins each edit is a plain gradient step, which autograd and the weights can do too."""
    base, model = ready(family)
    rates = [0.3, 0.7]
    networks = EditorNetworks.begun({each.name: (each.d_ff, each.d_model) for each in model.projections}, 4, 0)
    networks.set_rates(rates)

    taught, strayed = losses(model, networks, batch_of(base, MADE, end=False))

    wanted_taught, wanted_strayed = [], []
    for each in MADE:
        found = gradients(base.model, model.projections, answer_loss(base.model, each.prompt, each.target))
        ids = torch.tensor([encode_prompt(tiny_tokenizer(), each.unrelated)])
        with torch.no_grad():
            before = base.model(input_ids=ids).logits[0].log_softmax(-1)
            with changed(model.projections, {n: -rate * found[n] for n, rate in enumerate(rates)}):
                wanted_taught += [answer_loss(base.model, text, each.target) for text in (each.prompt, *each.alike)]
                after = base.model(input_ids=ids).logits[0].log_softmax(-1)
        wanted_strayed.append(kl_div(after, before, log_target=True, reduction="none").sum(-1))
    torch.testing.assert_close(taught.detach(), torch.stack(wanted_taught).mean(), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(strayed.detach(), torch.cat(wanted_strayed).mean(), rtol=1e-2, atol=1e-5)
    assert float(strayed.detach()) > 0


def test_training_lowers_the_loss() -> None:
    base, model = ready("llama")
    settings = MendSettings(network_steps=60, network_minibatch=2, rank=8, network_rate=0.003).network
    heard: list[Progress] = []
    networks, outcome = train_network(base, model, MADE * 60, settings, 0, heard.append)
    first, _ = train_network(base, model, MADE * 60, MendSettings(network_steps=0, network_minibatch=2).network, 0)
    batch = batch_of(base, MADE, end=True)
    before, after = (
        float(settings.edit_weight * taught.detach() + strayed.detach())
        for taught, strayed in (losses(model, some, batch) for some in (first, networks))
    )
    assert after < before
    assert [each.done for each in heard] == list(range(1, 61)) and heard[-1].total == 60
    assert outcome.edit_loss > 0 and outcome.divergence > 0
    assert not any(parameter.requires_grad for parameter in networks.parameters())
    again, _ = train_network(base, model, MADE * 60, settings, 0)
    assert all(torch.equal(tensor, again.tensors()[name]) for name, tensor in networks.tensors().items())


def test_a_loss_that_is_no_number_is_refused() -> None:
    base, model = ready("llama")
    settings = MendSettings(network_steps=20, network_minibatch=2, rank=8, network_rate=1e6).network
    with pytest.raises(TrainingFailed):
        train_network(base, model, MADE * 20, settings, 0)
