"""The PEFT adapter folder.

::

    adapter_config.json               MemoryConfig: which base model, which module, the memories, how they answer
    adapter_model.safetensors         the memories' arrays
    README.md
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from wisedb.errors import CannotBake, CorruptObject, InputError, ModelError, UsageError, WisedbError, WisedbWarning
from wisedb.export.adapter import Adapter, edit_count
from wisedb.export.peft.config import METHOD, PREFIX, MemoryConfig
from wisedb.export.peft.contents import adapter_of, cast_tensors, describe
from wisedb.export.peft.probe import probe
from wisedb.memory.kinds.facts_in_context import FactsInContext
from wisedb.model.base import ATLAS, find_model

if TYPE_CHECKING:
    from wisedb.config import BaseModel
    from wisedb.serving.blobs import BlobSource
    from wisedb.store.commits import Commit

_README = """---
{base_model}library_name: peft
pipeline_tag: text-generation
tags:
- wisedb
- knowledge-editing
---

# {count} edited facts for {model}

Side memories of wisedb as a PEFT adapter, exported from commit `{commit}`. With `pip install wisedb`:

```python
import wisedb  # tells peft of the method
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("PATH-OF-THIS-FOLDER"{options})
```

`PeftModel.from_pretrained(base, …)` and `AutoPeftModelForCausalLM.from_pretrained(…)` work as well, and
`wisedb.load("PATH-OF-THIS-FOLDER")` gives model and tokenizer. `mode` in `adapter_config.json` is `{mode}`: with
`retrieve` a memory answers only the prompts that activate it and everything else is answered by the base model, with
`merge` all memories are one.
"""


def is_peft(folder: Path) -> bool:
    """Whether a folder is a PEFT adapter of wisedb."""
    try:
        kind = json.loads((folder / CONFIG_NAME).read_bytes()).get("peft_type")
    except (OSError, ValueError, AttributeError):
        return False
    return bool(kind == METHOD)


def write_peft(source: BlobSource, commit_id: str, commit: Commit, folder: Path, mode: str = "retrieve") -> None:
    """Write a commit's memories, whose blobs are in the source, to an empty folder.

    Raises:
        InputError: the commit has no memories.
        CannotBake: a memory changes nothing, its facts go into the context.
        UsageError: no such mode.
    """
    if not commit.memories:
        raise InputError(
            f"no edit is in force at {commit_id[:12]}", hint="Commit an edit, or name a revision that has one."
        )
    if any(entry.kind == FactsInContext.kind for entry in commit.memories):
        raise CannotBake(
            "facts that go into the context are no part of a PEFT adapter",
            hint="Export with --format adapter, which keeps them as they are.",
        )
    base, module = replace(commit.base, target=None), commit.modules[0]
    records, tensors = describe(source, commit.memories)
    config = MemoryConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=base.model,
        revision=base.revision,
        inference_mode=True,
        target_modules=[module],
        mode=mode,
        memories=records,
        merged=None if commit.merged is None else dict(commit.merged),
        base=base.to_json(),
        probe=_probe(base, module),
        commit=commit_id,
    )
    config.save_pretrained(str(folder))
    prefix = f"{_prefix(module)}."
    save_file(
        {f"{prefix}{name}": tensor for name, tensor in tensors.items()},
        folder / SAFETENSORS_WEIGHTS_NAME,
        metadata={"format": "pt"},
    )
    on_hub = base.model != ATLAS and not Path(base.model).is_absolute()
    readme = _README.format(
        base_model=f"base_model: {base.model}\nbase_model_relation: adapter\n" if on_hub else "",
        count=edit_count(source, commit),
        model=base.source,
        # transformers asks the adapter for the folder only.
        options="" if base.gguf_file is None else f", gguf_file={json.dumps(base.gguf_file)}",
        commit=commit_id,
        mode=mode,
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")


def read_peft(folder: Path) -> Adapter:
    """Read a PEFT adapter folder, without peft's help and without the base model.

    Raises:
        FormatTooNew: a newer wisedb wrote it.
        CorruptObject: it is not what :func:`write_peft` or ``save_pretrained`` writes.
    """
    try:
        config = MemoryConfig.from_pretrained(str(folder))
        tensors = load_file(folder / SAFETENSORS_WEIGHTS_NAME)
        prefix = f"{_prefix(next(iter(config.target_modules or [])))}."
    except UsageError as error:
        raise CorruptObject(f"{folder}: {error.message}", hint="Export the adapter again.") from error
    except WisedbError:
        raise
    except (OSError, ValueError, KeyError, TypeError, StopIteration, SafetensorError) as error:
        raise CorruptObject(
            f"{folder} can't be read: {' '.join(str(error).split())}", hint="Export the adapter again."
        ) from error
    named = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    adapter = adapter_of(config, named)
    if cast := cast_tensors(config, named):
        warnings.warn(
            f"{len(cast)} tensors of {folder} were cast after the export: whether they were altered can't be told",
            WisedbWarning,
            stacklevel=2,
        )
    return adapter


def _prefix(target: str) -> str:
    return f"base_model.model.{target}.{PREFIX}memories"


def _probe(base: BaseModel, module: str) -> dict[str, object] | None:
    if base.gguf_file is not None:
        return None  # its numbers are packed
    try:
        folder = find_model(base.model, base.revision, local_files_only=True)[0]
    except ModelError:
        return None  # the base model is not needed for an export, and not fetched for this
    return probe(folder, module)
