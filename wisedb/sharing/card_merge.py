"""A new model card and the one that is there: what belongs to the user stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from wisedb.sharing.card_template import BEGIN, END

DATASET: Final = "wisedb-edits"
"""The type of data set by which a pack's own results are known in a ``model-index``."""

# The innermost pair: a stray marker before it must not take the user's own text along.
_SECTION: Final = re.compile(rf"{re.escape(BEGIN)}(?:(?!{re.escape(BEGIN)}).)*?{re.escape(END)}", re.DOTALL)


def joined(card: ModelCard, existing: str) -> str:
    """``existing`` with the section and the metadata of ``card``.

    Metadata that is given stays as it is; what ``card`` has beyond it is added, tags too, and of ``model-index`` only a
    pack's own results are replaced. Text outside of the section stays; where there is no section yet, it comes last.
    Metadata that can't be read stays as text.
    """
    text = existing.removeprefix("\ufeff")
    windows = "\r\n" in text and text.count("\r\n") == text.count("\n") == text.count("\r")
    text = text.replace("\r\n", "\n") if windows else text
    written, metadata, body = _parts(text)
    found = _SECTION.search(card.text)
    section = found[0] if found else card.text
    place = _SECTION.search(body)
    if place:
        body = body[: place.start()] + section + body[place.end() :]
    elif body.strip():
        body = f"{body.rstrip()}\n\n{section}\n"
    else:
        body = card.text
    merged = _merged(metadata, card.data.to_dict())
    # Untouched metadata stays as it was written, with its comments.
    front = written if merged == metadata else _front(merged)
    return (front + body).replace("\n", "\r\n") if windows else front + body


def _parts(text: str) -> tuple[str, dict[Any, Any], str]:
    """A card's metadata as they were written, as they are meant, and the rest."""
    found = REGEX_YAML_BLOCK.search(text)
    try:
        metadata = yaml.safe_load(found[2]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return "", {}, text
    if found is None or not isinstance(metadata, dict):
        # Metadata of another kind is kept as text, none at all is left out.
        return "", {}, text if found is None or metadata is not None else text[found.end() :]
    return text[: found.end()], metadata, text[found.end() :]


def _front(metadata: Mapping[str, Any]) -> str:
    dumped: str = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True)
    return f"---\n{dumped.strip()}\n---\n"


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The user's metadata, completed: what is given is kept, tags are added, the pack's own results are replaced."""
    merged = {**new, **{key: value for key, value in old.items() if value is not None or key not in new}}
    merged = {key: merged[key] for key in [*old, *(key for key in new if key not in old)]}
    if "license" in old:  # somebody's own licence is not to be given the name of another
        merged = {key: value for key, value in merged.items() if not key.startswith("license_") or key in old}
    tags = old.get("tags")
    listed = [tags] if isinstance(tags, str) else list(tags) if isinstance(tags, list) else []
    merged["tags"] = listed + [tag for tag in new["tags"] if tag not in listed]
    index = [*_others(old.get("model-index")), *new.get("model-index", [])]
    if index:
        merged["model-index"] = index
    else:
        merged.pop("model-index", None)
    return merged


def _others(index: object) -> list[Any]:
    """A ``model-index`` without the results that a pack wrote."""
    kept: list[Any] = []
    for model in index if isinstance(index, list) else []:
        results = model.get("results") if isinstance(model, dict) else None
        if not isinstance(results, list):
            kept.append(model)
            continue
        foreign = [result for result in results if not _is_ours(result)]
        if foreign or not results:
            kept.append({**model, "results": foreign})
    return kept


def _is_ours(result: object) -> bool:
    dataset = result.get("dataset") if isinstance(result, dict) else None
    return isinstance(dataset, dict) and dataset.get("type") == DATASET
