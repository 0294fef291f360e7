"""What wisedb relies on inside peft and transformers, one name at a time: a failure here says what has changed there.

None of it is public. What it adds up to is tested in ``tests/export/peft``.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from packaging.version import Version
from peft import LoraConfig, PeftConfig, PeftType, get_peft_model, mapping
from peft.tuners import lora, tuners_utils
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer, check_adapters_to_merge
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from peft.utils.merge_utils import ties
from transformers.integrations import peft as integration

from tests.models import tiny_model
from wisedb.export.peft.config import METHOD, PREFIX, MemoryConfig
from wisedb.export.peft.layer import MemoryLayer
from wisedb.export.peft.model import MemoryTuner

TESTED = Version("0.21"), Version("0.22")
"""The versions of peft that were looked at: from the first (before it, peft saves no methods but its own), below the
second."""


def _names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_peft_is_a_version_that_was_looked_at() -> None:
    version = Version(peft.__version__)
    assert TESTED[0] <= version < TESTED[1], "look whether the tests of tests/export/peft pass, then widen TESTED"
    assert version >= Version(integration.MIN_PEFT_VERSION), "transformers wants a newer peft"


@pytest.mark.parametrize(
    ("dictionary", "ours", "theirs"),
    [
        ("PEFT_TYPE_TO_CONFIG_MAPPING", MemoryConfig, LoraConfig),
        ("PEFT_TYPE_TO_TUNER_MAPPING", MemoryTuner, lora.LoraModel),
        ("PEFT_TYPE_TO_PREFIX_MAPPING", PREFIX, "lora_"),
    ],
)
def test_methods_are_entries_of_three_dictionaries(dictionary: str, ours: object, theirs: object) -> None:
    methods = getattr(mapping, dictionary)
    assert methods[METHOD] == ours and methods["WISEDB"] == ours
    assert methods[PeftType.LORA] == theirs and methods["LORA"] == theirs


def test_the_methods_name_is_not_one_of_pefts_own() -> None:
    assert METHOD not in {kind.value for kind in PeftType}
    assert PREFIX not in {prefix for kind, prefix in mapping.PEFT_TYPE_TO_PREFIX_MAPPING.items() if kind != METHOD}


def test_the_name_behaves_as_pefts_enum_does() -> None:
    """transformers asks for ``peft_type.value``, peft compares and hashes it, JSON writes it as a text."""
    for kind in (METHOD, PeftType.LORA):
        assert kind.value == str(kind.value) and hash(kind) == hash(kind.value)
        assert json.loads(json.dumps({"peft_type": kind})) == {"peft_type": kind.value}
        assert isinstance(kind, str)
    config = MemoryConfig(inference_mode=True)
    assert dataclasses.asdict(config)["peft_type"] == "WISEDB" and f"{METHOD.value.lower()}_" == PREFIX
    assert "peft_type.value.lower()" in inspect.getsource(integration.PeftAdapterMixin)


def test_configurations_have_these_fields() -> None:
    fields = {field.name for field in dataclasses.fields(PeftConfig)}
    assert {"peft_type", "task_type", "inference_mode", "base_model_name_or_path", "revision"} <= fields
    assert (CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME) == ("adapter_config.json", "adapter_model.safetensors")


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("_check_new_adapter_config", ["self", "config"]),
        (
            "_create_and_replace",
            ["self", "peft_config", "adapter_name", "target", "target_name", "parent", "current_key", "parameter_name"],
        ),
        ("_replace_module", ["self", "parent", "child_name", "new_module", "child"]),
        ("_cast_adapter_dtype", ["self", "adapter_name", "autocast_adapter_dtype"]),
        ("_unload_and_optionally_merge", ["self", "merge", "progressbar", "safe_merge", "adapter_names"]),
    ],
)
def test_tuners_have_these_methods(method: str, parameters: list[str]) -> None:
    assert _names(getattr(BaseTuner, method)) == parameters


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("set_adapter", ["self", "adapter_names", "inference_mode"]),
        ("enable_adapters", ["self", "enabled"]),
        ("delete_adapter", ["self", "adapter_name"]),
        ("merge", ["self", "safe_merge", "adapter_names"]),
        ("unmerge", ["self"]),
    ],
)
def test_layers_have_these_methods(method: str, parameters: list[str]) -> None:
    assert _names(getattr(BaseTunerLayer, method)) == parameters
    assert _names(getattr(MemoryLayer, method)) == parameters


@pytest.mark.parametrize(
    "name", ["other_param_names", "adapter_layer_names", "_disable_adapters", "_active_adapter", "merged_adapters"]
)
def test_layers_have_these_attributes(name: str) -> None:
    assert hasattr(BaseTunerLayer, name)


def test_tuners_are_asked_for_a_layer_of_each_target_and_put_it_in_its_place() -> None:
    """``inject_adapter`` calls ``_check_new_adapter_config`` and ``_create_and_replace`` by these names."""
    source = inspect.getsource(BaseTuner.inject_adapter)
    assert "self._check_new_adapter_config(" in source and "self._create_and_replace(" in source
    model = get_peft_model(tiny_model("llama"), LoraConfig(target_modules=["model.layers.1.mlp.down_proj"]))
    found = [name for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)]
    assert found == ["base_model.model.model.layers.1.mlp.down_proj"], "a full path is no target any more"
    assert isinstance(model.get_submodule(found[0]).base_layer, torch.nn.Linear)
    assert isinstance(model.base_model, BaseTuner) and model.base_model.model is model.get_base_model()


def test_adapters_to_merge_are_the_active_ones() -> None:
    assert _names(check_adapters_to_merge) == ["module", "adapter_names"]
    model = get_peft_model(tiny_model("llama"), LoraConfig(target_modules=["down_proj"]))
    layer = next(module for module in model.modules() if isinstance(module, BaseTunerLayer))
    assert check_adapters_to_merge(layer) == ["default"]


def test_tensors_are_saved_below_these_names(tmp_path: Path) -> None:
    """``base_model.model.<module>.<parameter>``, without the adapter's name before the last part."""
    from safetensors.torch import load_file

    model = get_peft_model(tiny_model("llama"), LoraConfig(target_modules=["model.layers.1.mlp.down_proj"]))
    model.save_pretrained(tmp_path)
    start = "base_model.model.model.layers.1.mlp.down_proj.lora_"
    assert set(load_file(tmp_path / SAFETENSORS_WEIGHTS_NAME)) == {f"{start}A.weight", f"{start}B.weight"}


def test_deleting_leaves_out_the_methods_own_modules() -> None:
    source = inspect.getsource(tuners_utils.delete_adapter)
    assert "prefix in key" in source and "delete_adapter(adapter_name)" in source


def test_transformers_asks_peft_to_inject_and_then_loads_the_tensors_by_name() -> None:
    source = inspect.getsource(integration.PeftAdapterMixin.load_adapter)
    for used in ("inject_adapter_in_model(", "PeftConfig.from_pretrained(", "expected_keys="):
        assert used in source, f"load_adapter of transformers {transformers.__version__} has no {used} any more"
    assert "base_model_name_or_path" in inspect.getsource(integration.maybe_load_adapters)


def test_ties_is_where_it_was() -> None:
    with pytest.warns(UserWarning, match="density 1.0"):
        merged = ties([torch.tensor([1.0, -2.0]), torch.tensor([3.0, 1.0])], torch.ones(2), 1.0, "total")
    assert merged.tolist() == [2.0, -2.0]
