"""A WISE checkpoint as EasyEdit saves it, read without running anything of it.

The file is a pickle. It is read by ``torch.load(weights_only=True)``, whose unpickler builds tensors and plain
containers and knows no other class; the two of EasyEdit's own that such a file names are given to it as the inert ones
below. A file that names anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - the error's name alone
from typing import Any, Final

import torch
from torch import Tensor

from wisedb.errors import InputError

_HINT: Final = "The file must be what WISE's save() of EasyEdit wrote."
_IGNORED: Final = -100
"""The label of tokens that aren't trained."""


@dataclass(frozen=True, slots=True)
class SavedEdit:
    """One edit, as token ids without padding.

    Attributes:
        prompt: with the special tokens that the tokenizer put before it.
        target: what was trained after it.
        locality: the unrelated prompt that was trained beside it, empty if there is none.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    locality: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SavedMemory:
    """One side memory.

    Attributes:
        weight: W_v', in the checkpoint's own layout and dtype.
        edits: what was written into it, in order.
    """

    weight: Tensor
    edits: tuple[SavedEdit, ...]


@dataclass(frozen=True, slots=True)
class SavedWise:
    """All of a checkpoint that is of use here.

    Attributes:
        original: the base model's weight W_v, as it was when the checkpoint was made.
        memories: the side memories, oldest first; those that hold nothing are left out.
        settings: EasyEdit's hyperparameters, plain values only.
    """

    original: Tensor
    memories: tuple[SavedMemory, ...]
    settings: Mapping[str, Any]


class _Inert:
    """Stands for an object of EasyEdit's: takes its attributes and does nothing."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)


class _Hyperparameters(_Inert):
    pass


class _MeanActivation(_Inert):
    pass


_STANDINS: Final = (
    (_Hyperparameters, "easyeditor.models.wise.wise_hparams.WISEHyperParams"),
    (_MeanActivation, "easyeditor.models.wise.utils.EditingMeanAct"),
)


def read_checkpoint(path: Path) -> SavedWise:
    """Read a checkpoint.

    Raises:
        InputError: there is no such file, it isn't a WISE checkpoint, or it could be read only by running it.
    """
    document = _load(path)
    try:
        state, info = document["adapter_state_dict"], document["additional_info"]
        settings = {
            name: value
            for name, value in vars(document["config"]).items()
            if isinstance(value, bool | int | float | str | list) or value is None
        }
        original = state["original_layer.weight"]
        memories = tuple(_memories(document, state, info, settings, original))
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path} is no WISE checkpoint of EasyEdit: {error!r}", hint=_HINT) from error
    if not memories:
        raise InputError(f"{path} holds no edits", hint="It was saved before anything was edited.")
    return SavedWise(original, memories, settings)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        with torch.serialization.safe_globals(list(_STANDINS)):
            document = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - see above
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}", hint="Check the path.") from error
    except (UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        reason = str(error).strip().splitlines()
        raise InputError(
            f"{path} can't be read without running it: {reason[0] if reason else type(error).__name__}", hint=_HINT
        ) from error
    if not isinstance(document, Mapping):
        raise InputError(f"{path} is no WISE checkpoint of EasyEdit", hint=_HINT)
    return document


def _memories(
    document: Mapping[str, Any],
    state: Mapping[str, Tensor],
    info: Mapping[str, Any],
    settings: Mapping[str, Any],
    original: Tensor,
) -> Iterator[SavedMemory]:
    """Which weight holds which edits.

    EasyEdit puts a weight aside every ``save_freq`` edits and merges those of ``merge_freq`` edits into one: under
    ``retrieve`` the merged ones stay side by side, each with its group of edits; otherwise there is one, in the layer.
    """
    if int(settings.get("batch_size") or 1) != 1:
        raise ValueError("in batches, an edit's target can't be told from its prompt")
    groups = [_edits(group) for group in document["merge_group_edit_history"]]
    loose = _edits(document["edit_history"])
    saved = list(info["memory_weight"])
    if settings.get("retrieve"):
        merged, saved = saved[: len(groups)], saved[len(groups) :]
        if len(merged) < len(groups):
            raise ValueError(f"{len(groups)} groups of edits and {len(merged)} weights")
    else:
        merged, groups = [state["layer.weight"]], [tuple(edit for group in groups for edit in group)]
    each = int(settings.get("save_freq") or len(loose) or 1)
    chunks = [loose[first : first + each] for first in range(0, len(loose), each)]
    weights = [*merged, *saved, state["new_weight"]]
    written = [*groups, *chunks[: len(saved)], tuple(edit for chunk in chunks[len(saved) :] for edit in chunk)]
    for weight, edits in zip(weights, written, strict=True):
        if weight.shape != original.shape:
            raise ValueError(f"a weight is {tuple(weight.shape)}, the original one {tuple(original.shape)}")
        if edits and not torch.equal(weight, original):
            yield SavedMemory(weight.detach(), edits)


def _edits(history: Sequence[Any]) -> tuple[SavedEdit, ...]:
    return tuple(_edit(tokens) for tokens, _ in history)


def _edit(tokens: Mapping[str, Tensor]) -> SavedEdit:
    """The edit of one step: rows of it behind each context, none before the first, then the locality prompt's row."""
    ids, seen, labels = tokens["input_ids"], tokens["attention_mask"].bool(), tokens["labels"]
    rows = [tuple(ids[row][seen[row]].tolist()) for row in range(len(ids))]
    # Prompts were cut off at the longest one's length, so that with padding on the right only its row is labelled.
    longest = max(range(len(rows) - 1), key=lambda row: len(rows[row]))
    target = tuple(ids[longest][(labels[longest] != _IGNORED) & seen[longest]].tolist())
    if not target or rows[0][-len(target) :] != target or len(rows[0]) == len(target):
        raise ValueError("an edit's target can't be told from its prompt")
    return SavedEdit(rows[0][: -len(target)], target, rows[-1])
