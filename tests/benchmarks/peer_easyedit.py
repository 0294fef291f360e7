"""The public implementation of WISE (EasyEdit), driven from a checkout that somebody has on their disk.

Nothing of it is copied here and wisedb depends on nothing of it: its editor, its hyperparameters and its tokenising are
imported from the checkout, past its package files, which would import all of its methods and their dependencies.

Three things are done for it, all in its favour: it is asked for sequential editing (else it starts anew with each
edit), the bias of the edited projection, which its adapter would drop, is added behind it instead, and where it trains
with padding on the left, the positions are counted from the first token.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from wisedb.edits import Edit
from wisedb.model.base import LoadedBase
from wisedb.model.locate import locate

DEFAULTS = "hparams/WISE/llama-7b.yaml"
"""Its own settings, in its checkout."""

TUNED: Mapping[str, Any] = {"save_freq": 2, "merge_freq": 1_000_000}
"""What helped it most on small models: a side memory for every two edits, never merged."""


class Peer:
    """Its editor over one model.

    Args:
        checkout: the root of a checkout of EasyEdit.
        base: a model of its own: it is changed for good.
        target: the path of the edited projection.
        contexts: prefixes behind which it trains too, in place of those that it would generate.
        settings: in place of its own hyperparameters.
        seed: of all its random choices.
    """

    def __init__(
        self,
        checkout: Path,
        base: LoadedBase,
        target: str,
        contexts: Sequence[str],
        settings: Mapping[str, Any],
        seed: int,
    ) -> None:
        _stand_in(checkout)
        self._main = import_module("easyeditor.models.wise.wise_main")
        hyperparameters = import_module("easyeditor.models.wise.wise_hparams").WISEHyperParams
        escaped = [context.replace("{", "{{").replace("}", "}}") for context in contexts]
        tokenising: Any = import_module("easyeditor.models.wise.utils")
        tokenising.CONTEXT_TEMPLATES_CACHE = ["{}", *(f"{context} {{}}" for context in escaped)]
        self._params = hyperparameters.from_hparams(str(checkout / DEFAULTS))
        self._params.sequential_edit = True
        self._params.model_name = "any"
        self._params.device = str(base.model.device)
        self._params.inner_params = [re.sub(r"\.(\d+)\.", r"[\1].", target) + ".weight"]
        for name, value in settings.items():
            if not hasattr(self._params, name):
                raise ValueError(f"it has no setting {name}")
            # Whole numbers are no bound to it: it looks for a float.
            setattr(self._params, name, float(value) if name == "norm_constraint" else value)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        self.model: Any = base.model
        self._tokenizer = base.tokenizer
        self._tokenizer.padding_side = "left"
        _lift_bias(base.model, target)
        base.model.register_forward_pre_hook(_positions, with_kwargs=True)

    @property
    def settings(self) -> dict[str, Any]:
        """Its hyperparameters as they are used."""
        known = dict(vars(self._params))
        return {name: known[name] for name in sorted(known) if isinstance(known[name], bool | int | float | str | list)}

    def write(
        self, edits: Sequence[Edit], unrelated: Sequence[str], after_each: Callable[[int], None]
    ) -> tuple[list[float], list[float]]:
        """Write edits one by one, all into one adapter.

        Args:
            edits: the edits.
            unrelated: as many prompts over which it is to stay quiet.
            after_each: is called with the edit's place, and not timed.

        Returns:
            The wall seconds and the processor seconds of each edit.
        """
        walls, busy = [], []
        for place, (edit, prompt) in enumerate(zip(edits, unrelated, strict=True)):
            request = {"prompt": edit.prompt, "target_new": edit.target, "loc_prompt": prompt}
            # It prints a line a step.
            with contextlib.redirect_stdout(io.StringIO()):
                wall, cpu = time.perf_counter(), time.process_time()
                self._main.apply_wise_to_model(self.model, self._tokenizer, [request], self._params)
                walls.append(time.perf_counter() - wall)
                busy.append(time.process_time() - cpu)
            after_each(place)
        return walls, busy


def commit_of(checkout: Path) -> str | None:
    """The commit that is checked out, ``None`` outside git."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _stand_in(checkout: Path) -> None:
    # Packages with their folders and without their __init__.py: what these import isn't needed.
    for name in ("easyeditor", "easyeditor.models", "easyeditor.util"):
        folder = checkout / name.replace(".", "/")
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no {folder}: give the root of a checkout of EasyEdit")
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


def _lift_bias(model: Any, target: str) -> None:
    # Behind the block's FFN instead of inside the projection: the same model, and nothing for the adapter to drop.
    module: Any = locate(model, target).module
    bias = getattr(module, "bias", None)
    if bias is None:
        return
    parent: Any = model.get_submodule(target.rpartition(".")[0])
    module.bias = None
    parent.register_forward_hook(lambda _module, _args, output: output + bias.detach())


def _positions(_model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    mask = kwargs.get("attention_mask")
    if mask is not None and kwargs.get("position_ids") is None and kwargs.get("past_key_values") is None:
        kwargs = {**kwargs, "position_ids": (mask.long().cumsum(-1) - 1).clamp(min=0)}
    return args, kwargs
