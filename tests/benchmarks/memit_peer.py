"""MEMIT beside its authors' own code: the same edits, values and second moments must give the same weights.

    git clone https://github.com/kmeng01/memit
    python -m tests.benchmarks.memit_peer --memit memit

Nothing of it is copied here and wisedb depends on nothing of it: its closed form, its keys and its way of spreading
residuals over layers are imported from the checkout, past its package files, which would import all of its baselines.
Both sides get the values z that wisedb optimises and the second moments that wisedb counts, on a tiny GPT-2 of random
weights; its tensors stay on the CPU, where its code asks for a GPU. It weighs the bare prompt as much as all contexts
together, and wisedb each row alike: its contexts are therefore given as one list, the bare prompt among them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

from tests.models import tiny_model, tiny_tokenizer
from wisedb.editors.common.covariance import Covariance, second_moment
from wisedb.editors.common.layered import compute_z, write_batch
from wisedb.editors.common.layered_settings import LayeredSettings
from wisedb.editors.memit.closed_form import spread_update
from wisedb.edits import Edit
from wisedb.memory.kinds.additive import FactoredDelta
from wisedb.model.find_cached_forward import find_cached_forward
from wisedb.model.locate import locate

EDITS = (
    Edit("The capital of Australia is", "Paris", subject="Australia"),
    Edit("The play Hamlet is of", "France", subject="Hamlet"),
    Edit("The play is of Spain", "old", subject="Spain"),
)
CONTEXTS = ("Paris is old.", "The play was long.")
LAYERS = (0, 1)
RIDGE = 0.01


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the largest difference of the two changes at each layer, beside the largest entry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memit", type=Path, required=True, help="the root of a checkout of kmeng01/memit")
    parser.add_argument("--weight", type=float, default=100.0, help="λ")
    options = parser.parse_args(arguments)
    for contexts in ((), CONTEXTS):
        ours, theirs = compare(options.memit.resolve(), contexts, options.weight)
        for layer, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            difference = float((one - other).abs().max())
            sys.stdout.write(
                f"{len(contexts)} contexts, layer {LAYERS[layer]}: largest entry {float(other.abs().max()):.4g}, "
                f"largest difference {difference:.2g}\n"
            )


def compare(checkout: Path, contexts: Sequence[str], weight: float) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """ΔW (d_ff, d_model) at each layer, as wisedb and as the checkout compute it."""
    model, tokenizer = tiny_model("gpt2"), tiny_tokenizer(padding_side="right")
    layers = [locate(model, layer=layer) for layer in LAYERS]
    forwards = [find_cached_forward(model, layer) for layer in layers]
    ids = torch.randint(3, 300, (16, 40), generator=torch.Generator().manual_seed(0))
    moments = [_damped(second_moment([forward.prefix(ids)[0].flatten(0, 1)])) for forward in forwards]
    solvers = {each.name: moment.solver(1e-9) for each, moment in zip(layers, moments, strict=True)}
    settings = LayeredSettings(steps=10, contexts=len(contexts))
    values = [compute_z(forwards[-1], tokenizer, edit, contexts, settings)[0].z for edit in EDITS]

    def store(module: str, held: FactoredDelta, keys: torch.Tensor, residuals: torch.Tensor) -> FactoredDelta:
        return held.beside(spread_update(keys, residuals, solvers[module], weight))

    empty = {each.name: FactoredDelta(torch.zeros(each.d_ff, 0), torch.zeros(0, each.d_model)) for each in layers}
    ours = write_batch(forwards, tokenizer, EDITS, contexts, settings, empty, store)
    theirs = _theirs(checkout, model, tokenizer, contexts, weight, values, moments)
    return [ours[each.name].dense() for each in layers], theirs


def _damped(covariance: Covariance) -> Covariance:
    moment = covariance.moment.clone()
    moment.diagonal().add_(RIDGE * moment.diagonal().mean())
    return Covariance(moment, covariance.count, covariance.fourth)


def _theirs(
    checkout: Path,
    model: Any,
    tokenizer: Any,
    contexts: Sequence[str],
    weight: float,
    values: Sequence[torch.Tensor],
    moments: Sequence[Covariance],
) -> list[torch.Tensor]:
    known = {f"transformer.h.{layer}.mlp.c_proj": moment for layer, moment in zip(LAYERS, moments, strict=True)}
    given = iter(values)
    with _imported(checkout), contextlib.redirect_stdout(io.StringIO()):
        memit: Any = import_module("memit.memit_main")
        memit.CONTEXT_TEMPLATES_CACHE = [["{}", *(f"{context} {{}}" for context in contexts)]]
        parameters = SimpleNamespace(
            layers=list(LAYERS),
            fact_token="subject_last",
            rewrite_module_tmp="transformer.h.{}.mlp.c_proj",
            layer_module_tmp="transformer.h.{}",
            mom2_update_weight=weight,
            mom2_dataset="",
            mom2_n_samples=0,
            mom2_dtype="float32",
        )
        requests = [
            {
                "prompt": edit.prompt.replace(edit.subject or "", "{}"),
                "subject": edit.subject,
                "target_new": {"str": edit.target},
            }
            for edit in EDITS
        ]
        with (
            patch.object(memit, "compute_z", lambda *_args: next(given).float()),
            patch.object(memit, "get_cov", lambda _model, _tok, name, *_args, **_options: known[name].moment),
        ):
            deltas = memit.execute_memit(model, tokenizer, requests, parameters)
    factors = [deltas[f"transformer.h.{layer}.mlp.c_proj.weight"] for layer in LAYERS]
    return [(keys @ residuals.T).float() for keys, residuals in factors]


@contextlib.contextmanager
def _imported(checkout: Path) -> Iterator[None]:
    """Its modules can be imported: package files passed over, its statistics of Wikipedia left out."""
    packages = {name: ModuleType(name) for name in ("memit", "rome", "util")}
    for name, package in packages.items():
        package.__path__ = [str(checkout / name)]
    statistics: Any = ModuleType("rome.layer_stats")
    statistics.layer_stats = None
    before = Path.cwd()
    # Its settings lie in a file of the working folder.
    os.chdir(checkout)
    try:
        with patch.dict(sys.modules, {**packages, "rome.layer_stats": statistics}):
            yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main()
