"""The layer: wraps the projection, keeps each adapter's tensors, and lets the memories made of them answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import nn
from transformers import PreTrainedModel

from wisedb.errors import TrainingFailed, UsageError
from wisedb.export.peft.config import WiseConfig
from wisedb.export.peft.contents import adapter_of, empty_tensors
from wisedb.export.peft.probe import check_probe
from wisedb.memory.hooks import Mode, SideMemories, handle_of
from wisedb.memory.kinds.masked_delta import SideMemory
from wisedb.model.locate import Projection, locate, weight_of
from wisedb.serving.assemble import answering, baked
from wisedb.serving.memory_codec import read_memories


class WiseLayer(nn.Module, BaseTunerLayer):  # type: ignore[misc]
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
        self._configs: dict[str, WiseConfig] = {}
        self._before_merge: torch.Tensor | None = None
        self._stale = True
        self._handle = LayerMemories(model, projection, self)
        self.register_load_state_dict_post_hook(_on_load)  # type: ignore[no-untyped-call]

    @classmethod
    def beside(cls, model: nn.Module, name: str) -> WiseLayer:
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

    def add(self, adapter: str, config: WiseConfig) -> None:
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

    def memories_of(self, adapters: Sequence[str]) -> tuple[Mode, list[SideMemory]]:
        """What answers for these adapters, and how.

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
        mode: Mode = "merge" if modes == {"merge"} else "retrieve"
        return mode, [memory for name in names for memory in self._memories(name, mode)]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def refresh(self) -> None:
        """Let the active adapters' memories answer as their tensors are now."""
        mode, memories = self.memories_of(self._active_adapter)
        self._handle.mode = mode
        self._handle.set(memories)
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
        """Add the TIES merge of the adapters' memories to the projection's weight, for every prompt.

        Raises:
            UsageError: several adapters, or a second one.
            TrainingFailed: ``safe_merge``, and a weight would not be a finite number.
        """
        names: list[str] = check_adapters_to_merge(self, adapter_names)
        if not names:
            return
        if len(names) > 1 or self.merged_adapters:
            raise UsageError("one adapter is merged at a time", hint="Name one: merge_and_unload(adapter_names=[…]).")
        weight = weight_of(self._projection)
        before = weight.detach().clone()
        after = baked(before, self._memories(names[0], "merge"))
        if safe_merge and not bool(torch.isfinite(after).all()):
            raise TrainingFailed(
                f"adapter '{names[0]}' makes a weight that is no finite number", hint="Load the model in float32."
            )
        with torch.no_grad():
            weight.copy_(after)
        self._before_merge = before
        self.merged_adapters = names

    def unmerge(self) -> None:
        """Put the projection's own weight back, to the bit."""
        if self._before_merge is None:
            return
        with torch.no_grad():
            weight_of(self._projection).copy_(self._before_merge)
        self._before_merge = None
        self.merged_adapters = []

    def detach(self) -> None:
        """Take the hooks away."""
        self._handle.detach()

    def _memories(self, adapter: str, mode: Mode) -> list[SideMemory]:
        config, tensors = self._configs[adapter], self.wisedb_memories[adapter]
        assert isinstance(tensors, nn.ParameterDict)
        made = adapter_of(config, {name: tensor.detach() for name, tensor in tensors.items()})
        return answering(made.commit, read_memories(made.objects, made.commit.memories), mode)


class LayerMemories(SideMemories):
    """Attached memories that are made of a layer's tensors as soon as somebody asks for them.

    Tensors are loaded after the layer is in its place, by names, by whoever likes; nobody says when that is done.
    """

    def __init__(self, model: PreTrainedModel, projection: Projection, layer: WiseLayer) -> None:
        self._layer = layer
        super().__init__(model, projection, (), "retrieve")

    @property
    def memories(self) -> tuple[SideMemory, ...]:
        """The memories that answer now: none while the adapters are switched off."""
        layer = self._layer
        if layer.silent:
            return ()
        if layer.stale:
            layer.refresh()
        return self._bank.memories


def _on_load(module: nn.Module, incompatible: object) -> None:
    if isinstance(module, WiseLayer):
        module._stale = True
