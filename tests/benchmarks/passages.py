"""Long targets: passages of many sentences as the answers of edits.

    python -m tests.benchmarks.passages --model DIR --data hallucination.json --edits 50

Records have ``prompt`` (or ``src``), ``target_new`` and ``subject``. All edits are one commit; then each passage's loss
in nats a token, the share of its tokens that are the argmax, and whether the greedy answer begins with its first
sentence, word for word, beside the unedited model's figures. Records that the model can't read to their end are left
out and counted: a commit refuses them.
"""

from __future__ import annotations

import json
import platform
import re
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import torch

from wisedb.editors.common.limits import ensure_fits_model
from wisedb.edits import Edit
from wisedb.errors import TrainingFailed
from wisedb.model.tokens import context_length, encode_pair
from wisedb.repository import Repository


def read(path: Path, start: int, count: int) -> list[Edit]:
    """``count`` records from ``start`` on, each prompt once."""
    edits: dict[str, Edit] = {}
    for record in json.loads(path.read_text(encoding="utf-8")):
        edit = Edit(record["prompt"], record["target_new"], subject=record.get("subject"))
        edits.setdefault(edit.key, edit)
    return list(edits.values())[start : start + count]


def fits(model: Any, tokenizer: Any, edit: Edit) -> bool:
    """Whether the model reads prompt and passage to the end."""
    try:
        ensure_fits_model(model, tokenizer, [edit])
    except TrainingFailed:
        return False
    return True


@torch.no_grad()
def figures(model: Any, tokenizer: Any, edits: list[Edit]) -> dict[str, float]:
    """Means over the edits."""
    losses, shares, first = [], [], []
    for edit in edits:
        prompt, answer = encode_pair(tokenizer, edit.prompt, edit.target, end=False)
        ids = torch.tensor([prompt + answer])
        labels = ids.clone()
        labels[:, : len(prompt)] = -100
        found = model(input_ids=ids, labels=labels)
        losses.append(float(found.loss))
        said = found.logits[0, len(prompt) - 1 : -1].argmax(-1)
        shares.append(float((said == ids[0, len(prompt) :]).float().mean()))
        sentence = _words(re.split(r"(?<=[.!?])\s", edit.target.strip())[0])
        room = context_length(model) or len(prompt) + len(answer)
        length = min(room - len(prompt), len(encode_pair(tokenizer, edit.prompt, sentence, end=False)[1]) + 8)
        output = model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=length,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
        )
        first.append(float(_words(tokenizer.decode(output[0, len(prompt) :])).startswith(sentence)))
    return {
        name: sum(values) / len(values)
        for name, values in (("loss", losses), ("reliability", shares), ("first_sentence", first))
    }


def _words(text: str) -> str:
    return " ".join(text.split())


@click.command()
@click.option("--model", default="atlas")
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--start", default=0, help="the first record that is taken.")
@click.option("--edits", "count", default=50)
@click.option("--set", "settings", multiple=True, help="key=value, a setting of the editor.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks"))
def main(model: str, data: Path, start: int, count: int, settings: tuple[str, ...], out: Path) -> None:
    """Measure, write passages-NAME.json, print it."""
    records = read(data, start, count)
    with tempfile.TemporaryDirectory() as folder:
        repo = Repository.init(folder, model=model, seed=0, settings=dict(each.split("=", 1) for each in settings))
        edits = [edit for edit in records if fits(repo.base.model, repo.base.tokenizer, edit)]
        if not edits:
            raise click.ClickException(f"no record of {data} fits into what {model} reads")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        done = repo.commit(edits, message="passages")
        seconds = (time.perf_counter() - began) / len(edits)
        edited, tokenizer = repo.load("HEAD")
        base, _ = repo.load("HEAD", mode="base")
        lengths = sorted(len(encode_pair(tokenizer, edit.prompt, edit.target, end=False)[1]) for edit in edits)
        result = {
            "model": Path(model).name,
            "data": data.name,
            "records": {"start": start, "count": len(records)},
            "left_out": len(records) - len(edits),
            "edits": len(edits),
            "target_tokens": {"median": lengths[len(lengths) // 2], "max": lengths[-1]},
            "memories": len(repo.show().memories),
            "unlearned": len(done.unlearned),
            "edited": figures(edited, tokenizer, edits),
            "unedited": figures(base, tokenizer, edits),
            "seconds_per_edit": seconds,
            "rss_before_bytes": before * 1024,
            "rss_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, no GPU",
            "versions": {package: version(package) for package in ("wisedb", "torch", "transformers")},
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
        }
    out.mkdir(parents=True, exist_ok=True)
    (out / f"passages-{data.stem}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
