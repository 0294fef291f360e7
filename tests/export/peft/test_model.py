"""An adapter answers through peft and through transformers as the store's own model does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftConfig, PeftModel, get_base_model_state_dict, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel, set_seed

import wisedb
from tests.models import tiny_model, tiny_tokenizer
from tests.stores import ARRAYS, AUSTRALIA, HAMLET, SETTINGS, SUM
from wisedb.errors import BaseModelMismatch, CorruptObject, TrainingFailed, UsageError
from wisedb.memory.hooks import handle_of
from wisedb.repository import Repository

PROMPTS = [AUSTRALIA.prompt, "Else", HAMLET.prompt, SUM.prompt]
Base = Callable[[], PreTrainedModel]


def _batch(prompts: list[str], side: str = "left") -> Any:
    return tiny_tokenizer()(prompts, return_tensors="pt", padding=True, padding_side=side)


def _logits(model: torch.nn.Module, side: str = "left") -> torch.Tensor:
    batch = _batch(PROMPTS, side)
    with torch.no_grad():
        logits: torch.Tensor = model(**batch).logits
    seen: torch.Tensor = batch["attention_mask"][..., None]
    return logits * seen


def _texts(model: Any, prompts: list[str] = PROMPTS, **settings: Any) -> list[str]:
    set_seed(1)
    batch = _batch(prompts)
    ids = model.generate(**batch, **{"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, **settings})
    return [text.strip() for text in tiny_tokenizer().batch_decode(ids[:, batch["input_ids"].shape[1] :], True)]


def _with_peft(base: Base, adapter: Path) -> Any:
    return PeftModel.from_pretrained(base(), adapter)


def _with_auto_peft(base: Base, adapter: Path) -> Any:
    return AutoPeftModelForCausalLM.from_pretrained(adapter)


def _with_transformers(base: Base, adapter: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(adapter)


def _added(base: Base, adapter: Path) -> Any:
    model = base()
    model.load_adapter(str(adapter))
    return model


def _light(base: Base, adapter: Path) -> Any:
    return PeftModel.from_pretrained(base(), adapter, low_cpu_mem_usage=True)


WAYS: list[Callable[[Base, Path], Any]] = [_with_peft, _with_auto_peft, _with_transformers, _added, _light]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__.strip("_"))
def loaded(request: pytest.FixtureRequest, base: Base, adapter: Path) -> Any:
    return request.param(base, adapter)


@pytest.fixture(scope="module")
def expected(history: Repository) -> PreTrainedModel:
    return history.load()[0]


def test_every_way_of_loading_gives_the_edited_model(loaded: Any, expected: PreTrainedModel) -> None:
    for side in ("left", "right"):
        assert torch.equal(_logits(loaded, side), _logits(expected, side))
    texts = _texts(loaded)
    assert [texts[0], texts[2], texts[3]] == [AUSTRALIA.target, HAMLET.target, SUM.target]
    assert not loaded.training and not any(parameter.requires_grad for parameter in _memories(loaded).values())


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_cache": False},
        {"num_beams": 3},
        {"do_sample": True, "temperature": 0.7},
        {"num_beams": 2, "num_return_sequences": 2, "do_sample": True},
        {"prompt_lookup_num_tokens": 2, "_one": True},
    ],
    ids=str,
)
def test_generate_answers_as_the_stores_model_does(
    base: Base, adapter: Path, expected: PreTrainedModel, settings: dict[str, Any]
) -> None:
    settings = dict(settings)
    prompts = PROMPTS[:1] if settings.pop("_one", False) else PROMPTS
    for way in (_with_peft, _with_transformers):
        model = way(base, adapter)
        assert _texts(model, prompts, **settings) == _texts(expected, prompts, **settings)


def test_a_batch_gives_what_single_calls_give(base: Base, adapter: Path) -> None:
    model = _with_transformers(base, adapter)
    assert _texts(model) == [_texts(model, [prompt])[0] for prompt in PROMPTS]


@pytest.mark.parametrize("way", [_with_peft, _with_transformers])
def test_what_is_saved_is_loaded_again(
    base: Base, adapter: Path, tmp_path: Path, way: Callable[[Base, Path], Any], expected: PreTrainedModel
) -> None:
    way(base, adapter).save_pretrained(tmp_path / "saved")
    assert {path.suffix for path in (tmp_path / "saved").iterdir()} <= {".md", ".json", ".safetensors"}
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, tmp_path / "saved"))
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert all(before[name].dtype == after[name].dtype for name in before)
    models = [*(load(base, tmp_path / "saved") for load in WAYS[:3]), wisedb.load(tmp_path / "saved")[0]]
    assert all(torch.equal(_logits(again), _logits(expected)) for again in models)


def test_disabled_adapters_leave_the_base_model_to_the_bit(loaded: Any, base: Base, expected: PreTrainedModel) -> None:
    plain = base()
    assert not torch.equal(_logits(plain), _logits(expected))
    if isinstance(loaded, PeftModel):
        with loaded.disable_adapter():
            assert torch.equal(_logits(loaded), _logits(plain)) and _texts(loaded) == _texts(plain)
    else:
        loaded.disable_adapters()
        assert torch.equal(_logits(loaded), _logits(plain)) and _texts(loaded) == _texts(plain)
        loaded.enable_adapters()
    assert torch.equal(_logits(loaded), _logits(expected))


def test_the_names_are_those_that_peft_users_expect(base: Base, adapter: Path, history: Repository) -> None:
    model = _with_peft(base, adapter)
    target = f"base_model.model.{history.store.config.editor.target}"
    plain = {f"base_model.model.{name}" for name in base().state_dict()}
    names = set(model.state_dict())
    assert plain - names == {f"{target}.weight"}
    assert names - plain == {
        f"{target}.base_layer.weight",
        *(f"{target}.wisedb_memories.default.{n}_{name}" for n in range(2) for name in ARRAYS),
    }
    own = get_base_model_state_dict(model)
    assert set(own) == set(base().state_dict())
    assert model.get_nb_trainable_parameters()[0] == 0
    assert model.get_model_status().enabled is True and model.get_model_status().active_adapters == ["default"]


def test_merging_writes_the_merge_of_all_memories_into_the_weight(
    base: Base, adapter: Path, history: Repository, tmp_path: Path
) -> None:
    merged = _with_peft(base, adapter).merge_and_unload(safe_merge=True)
    plain = AutoModelForCausalLM.from_pretrained(history.export("HEAD", tmp_path / "merged", "merged", force=True).path)
    assert type(merged) is type(plain) and handle_of(merged) is None
    assert merged.state_dict().keys() == plain.state_dict().keys()
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in merged.state_dict().items())
    assert torch.equal(_logits(merged), _logits(plain)) and _texts(merged) == _texts(plain)


def test_unloading_gives_the_base_model_back(base: Base, adapter: Path) -> None:
    model, plain = _with_peft(base, adapter).unload(), base()
    assert handle_of(model) is None and model.state_dict().keys() == plain.state_dict().keys()
    assert torch.equal(_logits(model), _logits(plain)) and _texts(model) == _texts(plain)
    PeftModel.from_pretrained(model, adapter)


def test_a_merge_in_place_can_be_taken_back_to_the_bit(base: Base, adapter: Path, expected: PreTrainedModel) -> None:
    model = _with_peft(base, adapter)
    merged = _with_peft(base, adapter).merge_and_unload()
    model.merge_adapter()
    assert torch.equal(_logits(model), _logits(merged))
    with pytest.warns(UserWarning, match="already merged"):
        model.merge_adapter()
    with model.disable_adapter():
        assert torch.equal(_logits(model), _logits(base()))
    model.merge_adapter()
    model.unmerge_adapter()
    model.unmerge_adapter()
    assert torch.equal(_logits(model), _logits(expected))


def test_a_merge_that_is_not_finite_is_refused(base: Base, adapter: Path) -> None:
    model = _with_peft(base, adapter)
    weight = model.get_submodule(next(iter(_memories(model))).split(".wisedb")[0]).base_layer.weight
    with torch.no_grad():
        weight[0, 0] = torch.inf
    with pytest.raises(TrainingFailed):
        model.merge_and_unload(safe_merge=True)


def test_the_mode_is_the_configurations(base: Base, adapter: Path, history: Repository, tmp_path: Path) -> None:
    expected = history.load(mode="merge")[0]
    config = PeftConfig.from_pretrained(str(adapter))
    config.mode = "merge"
    model = PeftModel.from_pretrained(base(), adapter, config=config)
    assert torch.equal(_logits(model), _logits(expected)) and _texts(model) == _texts(expected)
    exported = history.export("HEAD", tmp_path / "merge", "peft", mode="merge").path
    for way in WAYS[:3]:
        assert torch.equal(_logits(way(base, exported)), _logits(expected))


def test_adapters_take_turns_and_answer_together(
    base: Base, adapter: Path, earlier: Path, history: Repository, expected: PreTrainedModel
) -> None:
    first = _logits(history.load("HEAD~1")[0])
    model = PeftModel.from_pretrained(base(), earlier, adapter_name="earlier")
    model.load_adapter(str(adapter), adapter_name="later")
    assert torch.equal(_logits(model), first)
    model.set_adapter("later")
    assert torch.equal(_logits(model), _logits(expected))
    model.base_model.set_adapter(["earlier", "later"])
    assert _texts(model)[2:] == [HAMLET.target, SUM.target]
    model.set_adapter("earlier")
    model.delete_adapter("later")
    assert torch.equal(_logits(model), first) and list(model.peft_config) == ["earlier"]
    model.delete_adapter("earlier")
    assert torch.equal(_logits(model.base_model.model), _logits(base()))


# peft says of every model with more than one adapter that it has more than one.
@pytest.mark.filterwarnings("ignore:Already found a .peft_config.:UserWarning:peft[.]tuners[.]tuners_utils")
def test_adapters_take_turns_in_a_plain_model(base: Base, adapter: Path, earlier: Path, history: Repository) -> None:
    model = base()
    model.load_adapter(str(earlier), adapter_name="earlier")
    model.load_adapter(str(adapter), adapter_name="later")
    model.set_adapter("later")
    assert torch.equal(_logits(model), _logits(history.load()[0]))
    with pytest.warns(UserWarning, match="active which is now deleted"):
        model.delete_adapter("later")
    model.set_adapter("earlier")
    assert torch.equal(_logits(model), _logits(history.load("HEAD~1")[0]))


def test_merged_adapters_do_not_answer_together(base: Base, adapter: Path, earlier: Path) -> None:
    config = PeftConfig.from_pretrained(str(adapter))
    config.mode = "merge"
    model = PeftModel.from_pretrained(base(), adapter, config=config)
    model.load_adapter(str(earlier), adapter_name="earlier")
    model.base_model.set_adapter(["default", "earlier"])
    with pytest.raises(UsageError):
        _logits(model)
    with pytest.raises(UsageError):
        model.merge_and_unload()


def test_a_copy_of_the_model_has_memories_of_its_own(base: Base, adapter: Path, expected: PreTrainedModel) -> None:
    model = _with_peft(base, adapter)
    again = copy.deepcopy(model)
    with again.disable_adapter():
        assert torch.equal(_logits(model), _logits(expected)) and torch.equal(_logits(again), _logits(base()))
    assert torch.equal(_logits(again), _logits(expected)) and _texts(again) == _texts(expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_another_dtype_answers_as_the_stores_model_does(
    base: Base, adapter: Path, history: Repository, dtype: torch.dtype
) -> None:
    expected = history.load(dtype=dtype)[0]
    assert torch.equal(_logits(AutoModelForCausalLM.from_pretrained(adapter, dtype=dtype)), _logits(expected))
    assert torch.equal(_logits(_with_peft(base, adapter).to(dtype)), _logits(history.load()[0].to(dtype)))


@pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}], ids=str)
def test_a_device_map(base: Base, adapter: Path, expected: PreTrainedModel, device_map: Any) -> None:
    model = AutoModelForCausalLM.from_pretrained(adapter, device_map=device_map)
    assert torch.equal(_logits(model), _logits(expected)) and _texts(model) == _texts(expected)
    again = AutoPeftModelForCausalLM.from_pretrained(adapter, device_map=device_map)
    assert torch.equal(_logits(again), _logits(expected)) and _texts(again) == _texts(expected)


def test_only_memories_that_were_loaded_answer(base: Base, adapter: Path) -> None:
    config = PeftConfig.from_pretrained(str(adapter))
    config.inference_mode = True
    model = get_peft_model(base(), config)
    with pytest.raises(CorruptObject):
        _logits(model)
    model.load_adapter(str(adapter), "second")
    model.set_adapter("second")
    _logits(model)


def test_nothing_is_trained_with_peft(base: Base, adapter: Path) -> None:
    config = PeftConfig.from_pretrained(str(adapter))
    config.inference_mode = False
    with pytest.raises(UsageError):
        get_peft_model(base(), config)
    with pytest.raises(UsageError):
        PeftModel.from_pretrained(base(), adapter, is_trainable=True)


def test_another_base_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseModelMismatch) as refused:
        PeftModel.from_pretrained(tiny_model("llama", seed=1), adapter)
    assert "wisedb.load" in refused.value.hint
    with pytest.raises(BaseModelMismatch):
        PeftModel.from_pretrained(tiny_model("llama", intermediate_size=64), adapter)


def test_a_model_that_has_memories_takes_no_adapter(adapter: Path, history: Repository) -> None:
    with pytest.raises(UsageError):
        PeftModel.from_pretrained(history.load()[0], adapter)


@pytest.mark.parametrize("family", ["gpt2", "opt", "gemma2"])
def test_families_with_other_projections(family: str, tmp_path: Path) -> None:
    tiny_model(family).save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    made = Repository.init(tmp_path / "store", str(tmp_path / "model"), settings=SETTINGS)
    made.commit([HAMLET], "One")
    adapter = made.export("HEAD", tmp_path / "peft", "peft").path
    expected = made.load()[0]
    base = lambda: AutoModelForCausalLM.from_pretrained(tmp_path / "model")  # noqa: E731
    for way in (_with_peft, _with_transformers):
        assert torch.equal(_logits(way(base, adapter)), _logits(expected))
        assert _texts(way(base, adapter)) == _texts(expected)
    merged = AutoModelForCausalLM.from_pretrained(made.export("HEAD", tmp_path / "merged", "merged", force=True).path)
    assert torch.equal(_logits(_with_peft(base, adapter).merge_and_unload()), _logits(merged))


def _memories(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if ".wisedb_memories." in name}
