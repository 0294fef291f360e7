"""The layer: wraps the projection, keeps each adapter's tensors, and lets the memories made of them answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import nn
from transformers import PreTrainedModel

from wisedb.errors import TrainingFailed, UsageError
from wisedb.export.bake import baked_weight
from wisedb.export.peft.config import MemoryConfig
from wisedb.export.peft.contents import adapter_of, empty_tensors
from wisedb.export.peft.probe import check_probe
from wisedb.memory.hooks import AttachedMemories, handle_of
from wisedb.memory.memory import Memory
from wisedb.model.locate import Projection, locate, weight_of
from wisedb.serving.memory_codec import read_memories
from wisedb.serving.merge_memories import merge_by_ties


class MemoryLayer(nn.Module, BaseTunerLayer):  # type: ignore[misc]
    """The projection with memories beside it.

    ``base_layer`` is the projection as it was; ``wisedb_memories`` holds, by adapter, the arrays of its blobs. The
    memories answer through the hooks of :mod:`wisedb.memory.hooks`, which need the model as a whole: a route
    belongs to a sequence and a call of ``generate``, not to a layer.
    """

    # Not among adapter_layer_names: those are what peft trains and casts.
    other_param_names = ("wisedb_memories",)

    def __init__(self, model: PreTrainedModel, projection: Projection) -> None:
        super().__init__()
        self.base_layer = projection.module
        self.wisedb_memories = nn.ModuleDict()
        self._disable_adapters = False
        self._active_adapter: list[str] = []
        self.merged_adapters: list[str] = []
        self._projection = projection
        self._configs: dict[str, MemoryConfig] = {}
        self._before_merge: dict[str, torch.Tensor] | None = None
        self._stale = True
        self._handle = LayerMemories(model, projection, self)
        self.register_load_state_dict_post_hook(_on_load)  # type: ignore[no-untyped-call]

    @classmethod
    def beside(cls, model: nn.Module, name: str) -> MemoryLayer:
        """A layer for the module of that name, not in its place yet.

        Raises:
            UsageError: not a model of transformers, or one that has memories already.
            UnsupportedModel: the module is no matrix that memories can stand beside.
        """
        if not isinstance(model, PreTrainedModel):
            raise UsageError(
                f"{type(model).__name__} is no model of transformers", hint="Load it with AutoModelForCausalLM."
            )
        if handle_of(model) is not None:
            raise UsageError("the model has side memories already", hint="Give the adapter a model of its own.")
        return cls(model, locate(model, name))

    @property
    def name(self) -> str:
        """The projection's path in the model."""
        return self._projection.name

    @property
    def silent(self) -> bool:
        """Whether the projection answers alone: adapters are switched off, or are part of its weight."""
        return self._disable_adapters or bool(self.merged_adapters)

    def forward(self, x: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
        """As the projection: the memories come in through its hook."""
        result: torch.Tensor = self.base_layer(x, *args, **kwargs)
        return result

    def add(self, adapter: str, config: MemoryConfig) -> None:
        """Make room for an adapter's tensors; they are loaded by their names.

        Raises:
            BaseModelMismatch: the adapter was made for another base model.
            CorruptObject: the configuration describes no memories.
        """
        check_probe(config, self._projection.module.get_parameter("weight"))
        tensors = empty_tensors(config.memories)
        self.wisedb_memories[adapter] = nn.ParameterDict(
            {name: nn.Parameter(tensor, requires_grad=False) for name, tensor in tensors.items()}
        )
        self._configs[adapter] = config
        self._stale = True

    def memories_of(self, adapters: Sequence[str]) -> list[Memory]:
        """What answers for these adapters.

        Raises:
            UsageError: adapters that can't answer together.
            CorruptObject: tensors that were never loaded, or that make no memory.
        """
        names = [name for name in adapters if name in self.wisedb_memories]
        modes = {self._configs[name].mode for name in names}
        if len(names) > 1 and modes != {"retrieve"}:
            raise UsageError(
                "several adapters answer together only in the mode 'retrieve'", hint="Set one adapter at a time."
            )
        return [memory for name in names for memory in self._memories(name, merged=modes == {"merge"})]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def refresh(self) -> None:
        """Let the active adapters' memories answer as their tensors are now."""
        self._handle.set(self.memories_of(self._active_adapter))
        self._stale = False

    @property
    def stale(self) -> bool:
        """Whether tensors or active adapters changed since the memories were made."""
        return self._stale

    def set_adapter(self, adapter_names: str | list[str], inference_mode: bool = False) -> None:
        """Let these adapters answer."""
        super().set_adapter(adapter_names, inference_mode=inference_mode)
        self._stale = True

    def enable_adapters(self, enabled: bool) -> None:
        """Switch the memories on or off; off, the model is the base model to the bit."""
        if not enabled and self.merged_adapters:
            self.unmerge()
        self._disable_adapters = not enabled

    def delete_adapter(self, adapter_name: str) -> None:
        """Take an adapter's tensors away."""
        super().delete_adapter(adapter_name)
        self._configs.pop(adapter_name, None)
        self._stale = True

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add the TIES merge of the adapters' memories to the modules' weights, for every prompt.

        Raises:
            CannotBake: a memory is of a kind that no weight can say.
            UsageError: several adapters, or a second one.
            TrainingFailed: ``safe_merge``, and a weight would not be a finite number.
        """
        names: list[str] = check_adapters_to_merge(self, adapter_names)
        if not names:
            return
        if len(names) > 1 or self.merged_adapters:
            raise UsageError("one adapter is merged at a time", hint="Name one: merge_and_unload(adapter_names=[…]).")
        memories = self._memories(names[0], merged=True)
        weights = {
            module: weight_of(self._handle.projection(module)) for memory in memories for module in memory.modules
        }
        after = {module: baked_weight(weight, module, memories) for module, weight in weights.items()}
        if safe_merge and not all(bool(torch.isfinite(weight).all()) for weight in after.values()):
            raise TrainingFailed(
                f"adapter '{names[0]}' makes a weight that is no finite number", hint="Load the model in float32."
            )
        before = {module: weight.detach().clone() for module, weight in weights.items()}
        with torch.no_grad():
            for module, weight in weights.items():
                weight.copy_(after[module])
        self._before_merge = before
        self.merged_adapters = names

    def unmerge(self) -> None:
        """Put the projection's own weight back, to the bit."""
        if self._before_merge is None:
            return
        with torch.no_grad():
            for module, weight in self._before_merge.items():
                weight_of(self._handle.projection(module)).copy_(weight)
        self._before_merge = None
        self.merged_adapters = []

    def detach(self) -> None:
        """Take the hooks away."""
        self._handle.detach()

    def _memories(self, adapter: str, *, merged: bool) -> list[Memory]:
        config, tensors = self._configs[adapter], self.wisedb_memories[adapter]
        assert isinstance(tensors, nn.ParameterDict)
        made = adapter_of(config, {name: tensor.detach() for name, tensor in tensors.items()})
        memories = read_memories(made.objects, made.commit.memories)
        return merge_by_ties(made.commit, memories) if merged else memories


class LayerMemories(AttachedMemories):
    """Attached memories that are made of a layer's tensors as soon as somebody asks for them.

    Tensors are loaded after the layer is in its place, by names, by whoever likes; nobody says when that is done.
    """

    def __init__(self, model: PreTrainedModel, projection: Projection, layer: MemoryLayer) -> None:
        self._layer = layer
        super().__init__(model, (), {projection.name: projection})

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The gated memories that answer now: none while the adapters are switched off."""
        layer = self._layer
        if layer.silent:
            return ()
        if layer.stale:
            layer.refresh()
        return self._gated

    @property
    def silent(self) -> bool:
        """Whether nothing answers for now: the adapters are switched off too."""
        # Not by super(): a compiler takes that for something that is always true.
        return self._layer.silent or self._context.bare


def _on_load(module: nn.Module, incompatible: object) -> None:
    if isinstance(module, MemoryLayer):
        module._stale = True
