"""Fit the constants of the key router: a, b, g, f and s₀ of :mod:`wisedb.memory.gates.keys.score`.

    python -m tests.benchmarks.fit_keys --atlas trial.jsonl --model DIR --zsre zsre.json \
        --counterfact counterfact.json --wikibigedit wikibigedit.json

The recipe. Of four sets 350 edits each that no table evaluates but that of the mixed edits: made-up edits of ``atlas``
facts that the shipped stream leaves alone, ZsRE and WikiBigEdit from record 1,000 on, CounterFact from 4,000 on. The
keys of a set's edits stand side by side, subjects given. A rephrase means an edit on its own edit's subject, a locality
prompt means none. With s_e the score of edit e and 0 that of none, both on the scale of log odds,

    P(e) = exp s_e / (1 + Σ exp s),    P(none) = 1 / (1 + Σ exp s)

and the loss is −log P of what is meant: the mean over a set's rephrases, plus that over its locality prompts, mean over
the sets. Records of even places fit, those of odd places are held out. δ and j stay as they are.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from tests.benchmarks.ablation import records
from tests.benchmarks.keys import keys_of
from wisedb.edits import Edit, normalise_prompt
from wisedb.memory.gates.keys import score
from wisedb.memory.gates.keys.name_boundaries import longer_name_penalty
from wisedb.model.capture import capture
from wisedb.model.tokens import encode_prompt

SHIPPED = (score.COVERAGE, score.INFORMATION, score.RELATION, score.UNASKED, score.BIAS)
NAMES = ("a", "b", "g", "f", "s₀")


@dataclass(frozen=True, slots=True)
class Features:
    """What the router sees of P prompts and k keys with n readings, before it weighs it.

    Attributes:
        lack: float32 (P, n), log(1 + δ − c).
        says: float32 (P, n), h.
        penalty: float32 (P, n), j.
        readings: int64 (k, m), each key's readings; n where it has fewer.
        likeness: float32 (P, k), ⟨q, r⟩.
        knowledge: float32 (k,), κ.
        meant: bool (P, k): the keys of what is meant; none for a locality prompt.
        fitted: bool (P,): the prompts that fit; the others are held out.
    """

    lack: Tensor
    says: Tensor
    penalty: Tensor
    readings: Tensor
    likeness: Tensor
    knowledge: Tensor
    meant: Tensor
    fitted: Tensor

    def scores(self, constants: Tensor) -> Tensor:
        """s of every key, (P, k), under five constants."""
        coverage, information, relation, unasked, bias = constants
        subject = information * self.says - coverage * self.lack - self.penalty
        subject = torch.cat([subject, subject.new_full((len(subject), 1), -torch.inf)], dim=1)
        which = subject[:, self.readings].amax(dim=2)
        found: Tensor = which + self.knowledge * (relation * self.likeness - unasked) - bias
        return found

    def loss(self, constants: Tensor, chosen: Tensor) -> Tensor:
        """−log P of what is meant: the mean over the chosen rephrases, plus that over the chosen locality prompts."""
        scores = self.scores(constants)
        everything = torch.logsumexp(torch.cat([scores.new_zeros(len(scores), 1), scores], dim=1), dim=1)
        means = self.meant.any(dim=1)
        own = torch.logsumexp(scores.masked_fill(~self.meant, -torch.inf)[means & chosen], dim=1)
        return (everything[means & chosen] - own).mean() + everything[~means & chosen].mean()

    def shares(self, constants: Tensor, chosen: Tensor) -> dict[str, float]:
        """Rephrases whose best key is one that is meant, at 0 or above; locality prompts with any key there."""
        best, key = self.scores(constants).max(dim=1)
        means = self.meant.any(dim=1)
        right = self.meant.gather(1, key[:, None])[:, 0] & (best >= 0)
        return {
            "rephrases_found": float(right[means & chosen].float().mean()),
            "false_fires": float((best >= 0)[~means & chosen].float().mean()),
        }


@torch.no_grad()
def features(model: str, edits: Sequence[Edit]) -> Features:
    """Ask the rephrases and the locality prompts of some edits, all edits' keys side by side."""
    keys = keys_of(model, edits)
    base, statistics, index = keys.base, keys.statistics, keys.index
    subjects = [normalise_prompt(edit.subject or edit.prompt) for edit in edits]
    owner_of = torch.tensor([subjects.index(subjects[int(edit)]) for edit in index.edit])
    edited = {edit.key for edit in edits}
    asked = [(text, place, True) for place, edit in enumerate(edits) for text in edit.rephrases]
    unrelated = {each.prompt: place for place, edit in enumerate(edits) for each in edit.locality}
    asked += [(text, place, False) for text, place in unrelated.items() if normalise_prompt(text) not in edited]
    ids = [encode_prompt(base.tokenizer, text) for text, _, _ in asked]
    lack, says, penalty, likeness, meant = [], [], [], [], []
    seen_of = capture(base.model, keys.projection, statistics.layer, ids)
    for (_, place, means), prompt, seen in zip(asked, ids, seen_of, strict=True):
        tokens, states = statistics.tokens(seen.tokens)[None], statistics.relations(seen.states)[None]
        count = tokens.shape[1]
        at, there = torch.tensor([[count - 1]]), torch.ones(1, count, dtype=torch.bool)
        coverage, information = score.subject_terms(score.found_so_far(tokens, there, at, index.table)[0], index)
        lack.append(score.lack(coverage)[:, 0])
        says.append(information[:, 0])
        flags = statistics.flags_of(torch.tensor([prompt]), tokens)
        penalty.append(longer_name_penalty(tokens, there, flags, at, index)[0, 0])
        direction = torch.nn.functional.normalize(states[0, -1:] - index.centre[0], dim=-1)
        likeness.append((direction @ index.relations.T)[0])
        meant.append((owner_of == subjects.index(subjects[place])) & means)
    return Features(
        torch.stack(lack),
        torch.stack(says),
        torch.stack(penalty),
        index.readings,
        torch.stack(likeness),
        index.knowledge,
        torch.stack(meant),
        torch.tensor([place % 2 == 0 for _, place, _ in asked]),
    )


def fit(sets: Sequence[Features]) -> Tensor:
    """The constants of least loss on the records that fit, float32 (5,), from the shipped ones on."""
    constants = torch.tensor(SHIPPED, requires_grad=True)
    optimiser = torch.optim.LBFGS([constants], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = torch.stack([each.loss(constants, each.fitted) for each in sets]).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    return constants.detach()


def report(sets: dict[str, Features], constants: Tensor) -> dict[str, Any]:
    """Loss and shares on the records that were held out, set by set."""
    found: dict[str, Any] = {"constants": dict(zip(NAMES, (round(float(each), 3) for each in constants), strict=True))}
    for name, each in sets.items():
        loss = float(each.loss(constants, ~each.fitted))
        found[name] = {"loss": loss, **each.shares(constants, ~each.fitted)}
    found["loss"] = sum(found[name]["loss"] for name in sets) / len(sets)
    return found


@click.command()
@click.option("--atlas", type=click.Path(path_type=Path), required=True, help="made if it is missing")
@click.option("--model", required=True, help="a folder: the model for the other sets")
@click.option("--zsre", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--counterfact", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--wikibigedit", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--edits", "count", default=350)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks/fit_keys.json"))
def main(atlas: Path, model: str, zsre: Path, counterfact: Path, wikibigedit: Path, count: int, out: Path) -> None:
    """Fit, and compare with what is shipped on records that are held out."""
    sets = {
        "atlas": features("atlas", records("atlas", atlas, 0, count)),
        "zsre": features(model, records("zsre", zsre, 1000, count)),
        "counterfact": features(model, records("counterfact", counterfact, 4000, count)),
        "wikibigedit": features(model, records("wikibigedit", wikibigedit, 1000, count)),
    }
    found = {
        "edits": count,
        "shipped": report(sets, torch.tensor(SHIPPED)),
        "fitted": report(sets, fit(list(sets.values()))),
        "machine": platform.machine(),
        "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
