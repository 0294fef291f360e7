"""Checkpoints in the layout that EasyEdit's WISE saves, made here with classes of the same names."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from wisedb.errors import InputError
from wisedb.importers.easyedit import read_checkpoint

IGNORED, PAD = -100, 0


class WISEHyperParams:
    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


class EditingMeanAct:
    def __init__(self, min_a: float) -> None:
        self.min_a = min_a


class Unknown:
    pass


@pytest.fixture
def easyeditor() -> Iterator[None]:
    """Their modules, for as long as a checkpoint is being written."""
    parents = ["easyeditor", "easyeditor.models", "easyeditor.models.wise"]
    homes: dict[str, list[type]] = {
        "easyeditor.models.wise.wise_hparams": [WISEHyperParams],
        "easyeditor.models.wise.utils": [EditingMeanAct],
        "easyeditor.evil": [Unknown],
    }
    for name in parents:
        sys.modules[name] = ModuleType(name)
    for name, classes in homes.items():
        sys.modules[name] = ModuleType(name)
        for each in classes:
            each.__module__ = name
            setattr(sys.modules[name], each.__name__, each)
    yield
    for name in [*parents, *homes]:
        del sys.modules[name]


def step(
    prompt: Sequence[int], target: Sequence[int], contexts: Sequence[Sequence[int]], other: Sequence[int], side: str
) -> list[Any]:
    """What one step of theirs keeps: padded rows, the labels cut at the longest prompt's length."""
    prompts = [list(prompt), *([*context, *prompt] for context in contexts)]
    rows = [*([*each, *target] for each in prompts), list(other)]
    width, cut = max(map(len, rows)), max(map(len, prompts))

    def padded(row: list[int], value: int) -> list[int]:
        rest = [value] * (width - len(row))
        return [*row, *rest] if side == "right" else [*rest, *row]

    ids = torch.tensor([padded(row, PAD) for row in rows])
    mask = torch.tensor([padded([1] * len(row), 0) for row in rows])
    labels = ids.clone()
    labels[: len(prompts), :cut] = IGNORED
    labels[ids == PAD] = IGNORED
    return [{"input_ids": ids, "attention_mask": mask, "labels": labels}, False]


STEPS = [
    ((1, 5, 6), (7, 8), (1, 9)),
    ((1, 5), (7,), (1, 9, 9)),
    ((2, 3, 4, 5), (6, 7, 8), (4,)),
    ((3, 9), (4, 4), (5,)),
]
CONTEXTS = [(11,), (12, 13, 14)]


def write(
    path: Path,
    weights: dict[str, Any],
    groups: Sequence[Sequence[int]] = (),
    loose: Sequence[int] = (0, 1, 2),
    side: str = "left",
    **settings: Any,
) -> Path:
    def history(numbers: Sequence[int]) -> list[Any]:
        return [step(STEPS[n][0], STEPS[n][1], CONTEXTS, STEPS[n][2], side) for n in numbers]

    defaults = {"retrieve": True, "save_freq": 2, "merge_freq": 2, "batch_size": 1}
    return write_steps(path, weights, [history(group) for group in groups], history(loose), **{**defaults, **settings})


def write_steps(
    path: Path, weights: dict[str, Any], groups: Sequence[list[Any]], loose: list[Any], **settings: Any
) -> Path:
    """A checkpoint of steps as :func:`step` makes them."""
    original = weights["original"]
    torch.save(
        {
            "adapter_state_dict": {
                "original_layer.weight": original,
                "layer.weight": weights.get("layer", original),
                "new_weight": weights.get("new", original),
            },
            "config": WISEHyperParams(**settings),
            "additional_info": {
                "memory_weight": weights.get("memory", []),
                "memory_mean_act": [EditingMeanAct(3.5)],
                "editing_mean_act": EditingMeanAct(2.5),
                "weight_mask": torch.ones(original.numel()),
            },
            "edit_history": loose,
            "merge_group_edit_history": list(groups),
        },
        path,
    )
    return path


ORIGINAL = torch.arange(12.0).view(3, 4)


@pytest.mark.usefixtures("easyeditor")
@pytest.mark.parametrize("side", ["left", "right"])
def test_edits_are_told_apart_from_their_padding(tmp_path: Path, side: str) -> None:
    path = write(tmp_path / "wise.pt", {"original": ORIGINAL, "new": ORIGINAL + 1}, side=side, save_freq=10)
    (memory,) = read_checkpoint(path).memories
    assert torch.equal(memory.weight, ORIGINAL + 1)
    assert [(edit.prompt, edit.target, edit.locality) for edit in memory.edits] == STEPS[:3]


@pytest.mark.usefixtures("easyeditor")
def test_each_weight_gets_the_edits_that_were_written_into_it(tmp_path: Path) -> None:
    weights = {"original": ORIGINAL, "memory": [ORIGINAL + 1, ORIGINAL + 2], "new": ORIGINAL + 3}
    saved = read_checkpoint(write(tmp_path / "a.pt", weights, groups=[[0, 1]], loose=[2, 3, 0], merge_freq=4))
    held = [(float(memory.weight[0, 0]), [edit.prompt for edit in memory.edits]) for memory in saved.memories]
    prompts = [each[0] for each in STEPS]
    assert held == [(1.0, prompts[:2]), (2.0, prompts[2:4]), (3.0, prompts[:1])]
    assert saved.settings["merge_freq"] == 4


@pytest.mark.usefixtures("easyeditor")
def test_a_merged_checkpoint_is_one_memory(tmp_path: Path) -> None:
    weights = {"original": ORIGINAL, "layer": ORIGINAL + 1}
    saved = read_checkpoint(write(tmp_path / "a.pt", weights, groups=[[0, 1], [2, 3]], loose=[], retrieve=False))
    assert [len(memory.edits) for memory in saved.memories] == [4]


@pytest.mark.usefixtures("easyeditor")
def test_what_is_no_such_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_checkpoint(tmp_path / "nothing.pt")
    text = tmp_path / "text.pt"
    text.write_text("hello")
    with pytest.raises(InputError, match="without running it"):
        read_checkpoint(text)
    evil = tmp_path / "evil.pt"
    torch.save({"config": Unknown()}, evil)
    with pytest.raises(InputError, match="without running it"):
        read_checkpoint(evil)
    other = tmp_path / "other.pt"
    torch.save({"weight": ORIGINAL}, other)
    with pytest.raises(InputError, match="no WISE checkpoint"):
        read_checkpoint(other)
    with pytest.raises(InputError, match="holds no edits"):
        read_checkpoint(write(tmp_path / "b.pt", {"original": ORIGINAL}, loose=[]))
    with pytest.raises(InputError, match="in batches"):
        read_checkpoint(write(tmp_path / "c.pt", {"original": ORIGINAL, "new": ORIGINAL + 1}, batch_size=2))


@pytest.mark.usefixtures("easyeditor")
def test_nothing_of_the_file_is_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (ran,)

    path = tmp_path / "bomb.pt"
    torch.save({"config": Bomb()}, path)
    with pytest.raises(InputError, match="without running it"):
        read_checkpoint(path)
    assert not ran.exists()
