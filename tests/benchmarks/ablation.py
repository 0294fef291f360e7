"""What each mechanism of an editor gives: its defaults, and the defaults with one thing changed.

    python -m tests.benchmarks.ablation --data atlas --records trial.jsonl --edits 100 --seeds 0,1,2 \
        --variants default,paraphrases=0,contexts=0 --out ablation.json
    python -m tests.benchmarks.ablation --data zsre --records zsre.json --start 1000 --model DIR --out ablation.json
    python -m tests.benchmarks.ablation --editor ft_m --records trial.jsonl --variants learning_rate=0.3,minibatch=100
    python -m tests.benchmarks.ablation --table ablation.json

A variant is ``default``, or settings joined by ``+`` (``paraphrases=0+contexts=0``). A name with dots is a constant of
a module, which holds for that variant alone (``wisedb.editors.keyed.sampler._SMALL_BATCH=0``). ``unwhitened`` steps on
ΔW itself, as the setting ``whiten=false`` did while there was one.

Records must be ones that no other table evaluates. For ``atlas`` the file is made if it is missing: edits of facts that
the shipped stream leaves alone. A store is made once for each model and seed; each variant commits into a copy of it,
with the base model loaded anew, so that no variant pays for what another one leaves behind. A row is saved as soon as
it is there, and a row that is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from tests.benchmarks.ablation_table import table
from wisedb.canonical import canonical_json, digest
from wisedb.config.editor_choice import DEFAULT_EDITOR
from wisedb.edits import Edit
from wisedb.importers import read_edits
from wisedb.repository import Repository

BEFORE = (
    "The shop on the corner opens at nine.",
    "It had rained all morning and the streets were wet.",
    "Here is a note that I found on my desk.",
    "She put the cup on the table and sat down.",
    "There are two more questions after this one.",
)
"""Sentences about nothing that an edit's prompt is asked behind; no training sees them."""


UNWHITENED = "unwhitened"


_PRECONDITIONER = "wisedb.editors.keyed.preconditioner.Preconditioner.__call__"


_log = logging.getLogger("ablation")


@dataclass(frozen=True, slots=True)
class Variant:
    """The defaults with something changed.

    Attributes:
        name: as it was given.
        settings: settings of the editor, as texts.
        constants: constants of modules by their dotted name, and what they are here.
    """

    name: str
    settings: Mapping[str, str]
    constants: Mapping[str, Any]

    @classmethod
    def of(cls, name: str) -> Variant:
        """Read ``default``, ``unwhitened`` or ``key=value+key=value``."""
        if name == UNWHITENED:
            return cls(name, {}, {_PRECONDITIONER: lambda _self, theta: theta})
        pairs = [each.split("=", 1) for each in name.split("+") if name != "default"]
        return cls(
            name,
            {key: value for key, value in pairs if "." not in key},
            {key: json.loads(value) for key, value in pairs if "." in key},
        )

    @contextmanager
    def holds(self) -> Iterator[None]:
        """The constants are what this variant says."""
        with ExitStack() as stack:
            for name, value in self.constants.items():
                stack.enter_context(patch(name, value))
            yield


def trial_edits(count: int, seed: int = 0) -> list[Edit]:
    """``count`` made-up edits of facts that ``atlas`` knows and its shipped stream leaves alone."""
    from wisedb.atlas import edits_path, load_facts, model_dir
    from wisedb.atlas.evaluate import evaluate, load_model
    from wisedb.atlas.stream import build_stream

    atlas = load_facts()
    taken = {(edit.tags[0], edit.subject) for edit in read_edits(edits_path())}
    free = [fact for fact in atlas.facts if (fact.relation, fact.subject) not in taken]
    return build_stream(atlas, evaluate(*load_model(model_dir()), atlas, free).right, count, seed)


def behind(edits: Iterable[Edit]) -> list[Edit]:
    """The edits' prompts behind a sentence about something else, to be measured only."""
    return [
        Edit(f"{before} {edit.prompt}", edit.target, edit.subject)
        for before, edit in zip(cycle(BEFORE), edits, strict=False)
    ]


def measure(store: Path, edits: Sequence[Edit], variant: Variant, *, one_by_one: bool) -> dict[str, Any]:
    """Commit ``edits`` into a copy of the store in ``store``, and measure them."""
    with tempfile.TemporaryDirectory() as folder, variant.holds():
        copy = Path(folder) / "store"
        shutil.copytree(store, copy)
        repo = Repository.open(copy)
        repo.base  # noqa: B018 - loaded and checked before any clock runs
        wall, busy = time.perf_counter(), time.process_time()
        unlearned = 0
        for some in [[edit] for edit in edits] if one_by_one else [list(edits)]:
            unlearned += len(repo.commit(some, message="ablation", settings=variant.settings).unlearned)
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
        found = repo.evaluate(data=list(edits)).to_json()
        asked = repo.evaluate(data=behind(edits)).to_json()
        memories = len(repo.show().memories)
    return {
        **{name: found[name] for name in ("reliability", "generalization", "locality")},
        **{name: found[name] for name in ("exact_match", "exact_match_rephrase")},
        **found["router"],
        "oracle_generalization": found["oracle"]["generalization"],
        "base_generalization": found["base"]["generalization"],
        "behind_reliability": asked["reliability"],
        "behind_exact_match": asked["exact_match"],
        "cpu_seconds_per_edit": busy / len(edits),
        "wall_seconds_per_edit": wall / len(edits),
        "memories": memories,
        "unlearned": unlearned,
    }


def records(data: str, file: Path, start: int, count: int) -> list[Edit]:
    """``count`` edits of different prompts from record ``start`` on; ``atlas`` records are made if they are missing."""
    if data == "atlas" and not file.exists():
        lines = (json.dumps(edit.content(), ensure_ascii=False) for edit in trial_edits(1000))
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    first: dict[str, Edit] = {}
    for edit in read_edits(file)[start:]:
        first.setdefault(edit.key, edit)
    return list(first.values())[:count]


def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = {"name": "ablation", "rows": []}
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else document


def _write(file: Path, document: Mapping[str, Any]) -> None:
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    beside.replace(file)


def run(options: argparse.Namespace) -> None:
    """Measure what ``options.out`` doesn't hold yet, seed by seed, variant by variant."""
    edits = records(options.data, options.records, options.start, options.edits)
    model = options.model or "atlas"
    protocol = "one by one" if options.one_by_one else "one commit"
    conditions = {
        "data": options.data,
        "model": Path(model).name,
        "records": digest(canonical_json([edit.content() for edit in edits]))[:16],
        "start": options.start,
        "edits": len(edits),
        "protocol": protocol,
        "threads": torch.get_num_threads(),
        **({} if options.editor == DEFAULT_EDITOR else {"editor": options.editor}),
    }
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            store = Path(folder) / f"seed-{seed}"
            for variant in options.variants:
                key = {**conditions, "variant": variant.name, "seed": seed}
                if any(
                    all(row.get(name) == value for name, value in key.items()) for row in _read(options.out)["rows"]
                ):
                    continue
                if not store.exists():
                    Repository.init(store, model=model, seed=seed, editor=options.editor)
                found = measure(store, edits, variant, one_by_one=options.one_by_one)
                document = _read(options.out)
                document["machine"] = platform.machine()
                document["versions"] = {name: version(name) for name in ("wisedb", "torch", "transformers")}
                document["rows"].append({**key, **found, "date": time.strftime("%Y-%m-%d", time.gmtime())})
                _write(options.out, document)
                _log.info("%s", json.dumps(document["rows"][-1]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, help="show the rows of this file, and measure nothing")
    parser.add_argument("--data", choices=("atlas", "zsre", "counterfact"), default="atlas")
    parser.add_argument("--records", type=Path, help="a file in any layout that `wisedb add` takes")
    parser.add_argument("--start", type=int, default=0, help="the first record that is taken")
    parser.add_argument("--model", help="a folder, a name, or atlas")
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--editor", default=DEFAULT_EDITOR, help="who writes")
    parser.add_argument("--one-by-one", action="store_true", help="a commit an edit")
    parser.add_argument("--seeds", type=lambda text: [int(each) for each in text.split(",")], default=[0, 1, 2])
    parser.add_argument(
        "--variants", type=lambda text: [Variant.of(each) for each in text.split(",")], default=[Variant.of("default")]
    )
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/ablation.json"))
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if options.table is not None:
        sys.stdout.write(table(_read(options.table)["rows"]) + "\n")
        return
    if options.records is None:
        parser.error("--records names the file of edits")
    run(options)


if __name__ == "__main__":
    main()
