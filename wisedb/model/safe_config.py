"""What a checkpoint's configuration may ask for before ``transformers`` reads it: nothing that is fetched and run.

An attention may be named by a repository of the Hub, whose compiled code ``transformers`` then loads unasked, and a
class by another repository than the model's own. An adapter beside the weights would take the place of the model: its
configuration names another one, which is loaded instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from wisedb.errors import UnsupportedModel

ADAPTER: Final = "adapter_config.json"
CONFIGURATIONS: Final = ("config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json")

_OWN: Final = frozenset({"eager", "sdpa", "flex_attention", "batched_mm", "grouped_mm"})
_PACKAGES: Final = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}


def check_configuration(folder: Path, name: str) -> None:
    """Refuse a checkpoint whose files ask for what is not their own.

    Args:
        folder: the checkpoint's.
        name: how messages call the model.

    Raises:
        UnsupportedModel: names the file and what it asks for.
    """
    if (folder / ADAPTER).exists():
        raise UnsupportedModel(
            f"{name} has an adapter beside its weights ({ADAPTER}), which would be loaded in its place or on top of it",
            hint="Move the adapter's files elsewhere, or merge it: merge_and_unload().save_pretrained(folder).",
        )
    for file in CONFIGURATIONS:
        try:
            document = json.loads((folder / file).read_bytes())
        except (OSError, ValueError, RecursionError):
            continue  # whoever reads it next says what is wrong
        for key, value in _fields(document):
            _check(f"{file} of {name}", key, value)


def _check(where: str, key: str, value: Any) -> None:
    if key.removesuffix("_internal").endswith("_implementation") and isinstance(value, str):
        package = _PACKAGES.get(value)
        if value not in _OWN and (package is None or find_spec(package) is None):
            raise UnsupportedModel(
                f"{where} asks for the implementation '{value}' ({key}), which is fetched from elsewhere and run",
                hint=f"Take '{key}' out of the file: transformers then chooses one of its own.",
            )
    if key == "auto_map" and any("--" in text for text in _texts(value)):
        raise UnsupportedModel(
            f"{where} takes Python code from another repository ({key})",
            hint="Put that code beside the model, read it, and then --trust-remote-code.",
        )


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Key and value of every field at any depth; what stands in a field of fields goes by the outer key too."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        key, item = stack.pop()
        if key:
            yield key, item
        if isinstance(item, dict):
            # An implementation may be told for each part of a model: {"attn_implementation": {"text": …}}.
            outer = key if key.endswith(("_implementation", "_implementation_internal")) else None
            stack.extend((outer or str(inner), each) for inner, each in item.items())
        elif isinstance(item, list):
            stack.extend((key, each) for each in item)


def _texts(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list):
            stack.extend(item.values() if isinstance(item, dict) else item)
