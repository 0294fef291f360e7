"""What edits cost of general ability: lm-evaluation-harness on the unedited model and on a store's HEAD.

    python -m tests.benchmarks.ability --model DIR --store STORE --choices zsre.json --choices counterfact.json \\
        --passages tinystories.json --text wikitext.json --items 200

It needs lm-evaluation-harness (``pip install lm_eval``), which is imported where it is used. Three tasks
(:mod:`.ability_tasks`) are made of local data, seeded: the right one of four answers to the locality prompts of
``--choices``, which no edit is about; the last word of a passage of ``--passages``; the perplexity a word of
``--text``. The last two files are one JSON array of texts each. Raw, all three; behind the chat template, where there
is one, the first two.

Beside the scores: how many single answers differ between both models (which choice; whether the word is what greedy
decoding says; texts have no answer), and how many items have any likelihood that isn't the same to the bit. For each of
these, the edits that answered where the first token differs.
"""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from math import exp, sqrt
from pathlib import Path
from random import Random
from typing import Any

import click
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.benchmarks.ability_tasks import CHAT, RAW, Item, choices, passages, write
from wisedb.importers import read_edits
from wisedb.memory.hooks import handle_of
from wisedb.memory.slots import BASE
from wisedb.repository import Repository


def make(asked: Sequence[Path], stories: Path, plain: Path, count: int, seed: int) -> dict[str, Sequence[Item]]:
    """``count`` items of each task; a share of the choices from each file, wrong answers from the same one."""
    draw = Random(seed)
    chosen: list[Item] = []
    for number, file in enumerate(asked, 1):
        chosen += choices(read_edits(file), count * number // len(asked) - len(chosen), draw)
    last = passages(_texts(stories), count, draw)
    text = [{"text": text.strip()} for text in draw.sample(_texts(plain), count)]
    return {"choices": chosen, "last_word": last, "last_word_asked": last, "text": text}


def _texts(file: Path) -> list[str]:
    found: list[str] = json.loads(file.read_text("utf-8"))
    return found


def perplexity_error(likelihoods: Sequence[float], words: Sequence[int]) -> float:
    """The standard error of a perplexity a word (a ratio's, linearised), of texts with these log-likelihoods, in nats.

    lm-evaluation-harness gives none.
    """
    loss = -sum(likelihoods) / sum(words)
    rests = [-likelihood - loss * count for likelihood, count in zip(likelihoods, words, strict=True)]
    several = len(rests) / (len(rests) - 1)
    return exp(loss) * sqrt(several * sum(rest * rest for rest in rests)) / sum(words)


def measure(harness: Any, names: Sequence[str], folder: Path, chat: bool, cache: Path | None) -> Any:
    """What lm-evaluation-harness finds for the tasks that lie in a folder, every item with its likelihoods."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    return simple_evaluate(
        model=harness,
        tasks=list(names),
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        apply_chat_template=chat,
        use_cache=None if cache is None else str(cache),
        bootstrap_iters=1,  # none of the metrics is bootstrapped, but 0 leaves out all standard errors
    )


def likelihoods(sample: Mapping[str, Any]) -> list[float]:
    """An item's, in nats, one for each of its requests."""
    return [found[0] if isinstance(found, Sequence) else found for found in sample["filtered_resps"]]


def answer(sample: Mapping[str, Any]) -> int | bool | None:
    """The choice that is likeliest, or whether the word is what greedy decoding says; ``None`` for a text."""
    found = sample["filtered_resps"]
    if not isinstance(found[0], Sequence):
        return None
    several = likelihoods(sample)
    return several.index(max(several)) if len(several) > 1 else bool(found[0][1])


def scores(name: str, samples: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> dict[str, float]:
    """A task's score and its standard error."""
    if name == "text":
        counts = [len(sample["target"].split()) for sample in samples]
        error = perplexity_error([likelihoods(sample)[0] for sample in samples], counts)
        return {"word_perplexity": found["word_perplexity,none"], "stderr": error}
    return {"acc": found["acc,none"], "stderr": found["acc_stderr,none"]}


@torch.no_grad()
def woken(edited: Any, base: Any, ids: Sequence[int]) -> list[str]:
    """The ids of the edits that answered in a plain forward pass over these tokens, where its logits first differ."""
    tokens = torch.tensor([ids])
    handle = handle_of(edited)
    if handle is None:
        return []
    with handle.record() as whole:
        moved = (edited(tokens).logits != base(tokens).logits).any(-1)[0]
    if not bool(moved.any()):
        return []
    listed = [edit for memory in handle.memories for edit in memory.edits]
    if whole.meant and whole.meant[0]:
        return [listed[one.edit] for one in whole.meant[0]]
    with handle.record() as there:
        edited(tokens[:, : int(moved.nonzero()[0]) + 1])
    answered = int(there.routes[0]) != BASE and there.best is not None
    return [listed[int(there.best[0])]] if answered and there.best is not None else []


def compare(name: str, harnesses: Sequence[Any], found: Sequence[Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """One task's scores of the unedited and the edited model, and where their items differ."""
    ours, theirs = [sorted(each["samples"][name], key=lambda sample: sample["doc_id"]) for each in found]
    pairs = list(zip(ours, theirs, strict=True))
    moved = [(one, other) for one, other in pairs if likelihoods(one) != likelihoods(other)]
    return {
        "items": len(pairs),
        "unedited": scores(name, ours, found[0]["results"][name]),
        "edited": scores(name, theirs, found[1]["results"][name]),
        "answers that differ": None if name == "text" else sum(answer(one) != answer(other) for one, other in pairs),
        "items that differ": len(moved),
        "woken": [_explained(one, other, harnesses, facts) for one, other in moved],
    }


def _explained(one: Mapping[str, Any], other: Mapping[str, Any], harnesses: Sequence[Any], facts: Any) -> Any:
    base, edited = harnesses
    ids: dict[str, None] = {}
    changes = []
    for request, before, after in zip(one["arguments"], likelihoods(one), likelihoods(other), strict=True):
        changes.append([before, after])
        first = [base.prefix_token_id] if len(request) == 1 else []
        tokens = first + base.tok_encode("".join(request))[:-1]
        ids |= dict.fromkeys(woken(edited.model, base.model, tokens) if before != after else [])
    return {
        "item": {key: value for key, value in one["doc"].items() if key != "label"},
        "answers": [answer(one), answer(other)],
        "likelihoods": changes,
        "edits": [facts[edit_id] for edit_id in ids],
    }


@click.command(context_settings={"show_default": True})
@click.option("--model", required=True, help="The folder of the store's base model.")
@click.option("--store", required=True, help="The store, at its branch's tip.")
@click.option(
    "--choices", "asked", type=click.Path(exists=True, path_type=Path), multiple=True, required=True, help="Edits."
)
@click.option("--passages", type=click.Path(exists=True, path_type=Path), required=True, help="Texts of last words.")
@click.option("--text", type=click.Path(exists=True, path_type=Path), required=True, help="Texts read as they are.")
@click.option("--items", default=200, help="How many of each task.")
@click.option("--seed", default=0, help="Of the choice of items.")
@click.option("--batch", default=8, help="Sequences in a forward pass.")
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Keep what the unedited model answers, for other stores."
)
def main(
    model: str,
    store: str,
    asked: tuple[Path, ...],
    passages: Path,
    text: Path,
    items: int,
    seed: int,
    batch: int,
    cache: Path | None,
) -> None:
    """Measure both models, print one JSON object."""
    from lm_eval.models.huggingface import HFLM

    tokenizer = AutoTokenizer.from_pretrained(model)
    base = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval(),
        tokenizer=tokenizer,
        batch_size=batch,
    )
    repo = Repository.open(store)
    edited = HFLM(pretrained=repo.load("HEAD", dtype=torch.float32)[0].eval(), tokenizer=tokenizer, batch_size=batch)
    facts = {edit.id: {"prompt": edit.prompt, "target": edit.target} for edit in repo.facts()}
    found: dict[str, Any] = {"model": Path(model).name, "edits": len(facts), "seed": seed}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, make(asked, passages, text, items, seed))
        kinds = {"raw": RAW, "chat": CHAT} if tokenizer.chat_template else {"raw": RAW}
        before = {
            kind: measure(base, names, folder, kind == "chat", None if cache is None else cache / kind)
            for kind, names in kinds.items()
        }
        after = {kind: measure(edited, names, folder, kind == "chat", None) for kind, names in kinds.items()}
    for kind, names in kinds.items():
        pair = (before[kind], after[kind])
        found[kind] = {name: compare(name, (base, edited), pair, facts) for name in names}
    found["versions"] = {package: version(package) for package in ("wisedb", "lm_eval", "torch", "transformers")}
    found["machine"] = f"{platform.machine()}, {torch.get_num_threads()} threads"
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
